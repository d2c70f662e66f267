// models. The post-norm block that mixes tokens by two Mambas, one from each end. Both may have
// been pruned.
#pragma once

#include <spat/models/smamba/bidirectional_mamba.hpp>
#include <spat/nn/residual_branch.hpp>
#include <spat/nn/residual_feed_forward.hpp>

namespace spat::inline SPAT_ABI {

/// The encoder block of S-Mamba (Wang et al., 2024):
///
///     n = LN_1(x + Mamba(x) + Mamba_r(x)), or LN_1(x) if the module was pruned
///     y = LN_2(n + Drop(FFN(n)))
///
/// Shapes:  x, y [samples * N x D].
///
/// One prunable module: both directions, `mamba.mixer`. The dropouts are sites first_site and
/// first_site + 1 (hidden units, feed-forward branch).
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Inner = dynamic, std::size_t States = dynamic>
class MambaLayer {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Both = BidirectionalMamba<Scalar, Width, Inner, States>;
  using Branch = ResidualBranch<Slot<Both, kept.presence(0)>, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, FfnWidth>;
  static constexpr std::size_t modules = 1, sites = 2;
  static constexpr bool reports_itself = true;  // a criterion receives no events of Mambas

  /// Bit 0 of `keeps`: both Mambas.
  MambaLayer(std::size_t width, std::size_t ffn_width, std::size_t inner, std::size_t states,
             std::size_t kernel, ModuleMask keeps)
      : mamba(make_slot<Both, kept.presence(0)>(keeps.keeps(0), width, inner, states, kernel),
              width),
        feed_forward(width, ffn_width) {}

  Branch mamba;  // without dropout
  FeedForwardHalf feed_forward;

  void set_dropout(double rate, std::size_t first_site) {
    feed_forward.set_dropout(rate, first_site);
  }

  struct Cache {
    typename Branch::Cache mamba;
    typename FeedForwardHalf::Cache feed_forward;

    void lay_out(Arena& arena, const MambaLayer& layer, std::size_t samples, std::size_t tokens) {
      const std::size_t rows = samples * tokens;
      feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        mamba.lay_out(arena, layer.mamba, rows, tokens, samples, tokens);
        feed_forward.lay_out_inside(arena, layer.feed_forward, rows, tokens);
      });
    }
  };

  Tokens forward(const Pass& pass, Tokens x, Cache& cache) const {
    const auto n = mamba.forward(pass, x, cache.mamba, [&](const auto& both, auto& mine) {
      return both.forward(pass, x, mine);
    });
    return feed_forward.forward(pass, n, cache.feed_forward);
  }

  Tokens backward_input(const Pass& pass, Tokens dy, Cache& cache) const {
    const auto dn = feed_forward.backward_input(pass, dy, cache.feed_forward);
    return mamba.backward_input(pass, dn, cache.mamba,
                                [&](const auto& both, auto& mine, auto dbranch) {
                                  const auto through = both.backward_input(pass, dbranch, mine);
                                  return std::pair{through.ahead, through.back};
                                });
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, MambaLayer& gradients,
                        Share& share) const {
    mamba.backward_weights(pass, caches.of(&Cache::mamba), gradients.mamba, share);
    feed_forward.backward_weights(pass, caches.of(&Cache::feed_forward), gradients.feed_forward,
                                  share);
  }

  /// Multiply-adds per sample of `tokens` tokens.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return mamba.multiply_adds(tokens) + feed_forward.multiply_adds(tokens);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    Branch::for_each_of_mixer(self.mamba, name, list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list);
    Norm::for_each(self.mamba.norm, name + "norm1.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm2.", list);
  }
};

}  // namespace spat
