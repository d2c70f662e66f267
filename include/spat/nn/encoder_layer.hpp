// nn. The post-norm transformer block. Its attention may have been pruned.
#pragma once

#include <spat/nn/attention.hpp>
#include <spat/nn/residual_branch.hpp>
#include <spat/nn/residual_feed_forward.hpp>

namespace spat::inline SPAT_ABI {

/// The encoder block (Vaswani et al., 2017):
///
///     n = LN_1(x + Drop(Attention(x, x))), or LN_1(x) if the module was pruned
///     y = LN_2(n + Drop(FFN(n)))
///
/// Shapes:  x, y [samples * N x D].
///
/// One prunable module: `attention.mixer`. The dropouts are sites first_site .. first_site + 3
/// (probabilities, attention branch, hidden units, feed-forward branch), even if the attention was
/// pruned.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class EncoderLayer {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Mixer = Slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>;
  using Branch = ResidualBranch<Mixer, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, FfnWidth>;
  static constexpr std::size_t modules = 1, sites = 4;

  /// Bit 0 of `keeps`: the attention.
  EncoderLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : attention(make_slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>(
                      keeps.keeps(0), width, heads),
                  width),
        feed_forward(width, ffn_width) {}

  Branch attention;
  FeedForwardHalf feed_forward;

  /// Sets one rate for all four dropouts. Sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    attention.set_dropout(rate, first_site);
    feed_forward.set_dropout(rate, first_site + 2);
  }

  struct Cache {
    typename Branch::Cache attention;
    typename FeedForwardHalf::Cache feed_forward;

    void lay_out(Arena& arena, const EncoderLayer& layer, std::size_t samples, std::size_t tokens) {
      const std::size_t rows = samples * tokens;
      feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        attention.lay_out(arena, layer.attention, rows, tokens, samples, tokens, tokens);
        feed_forward.lay_out_inside(arena, layer.feed_forward, rows, tokens);
      });
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache) const {
    const auto n = attention.forward(pass, x, cache.attention, [&](const auto& mixer, auto& mine) {
      return mixer.forward(pass, x, x, mine);
    });
    return feed_forward.forward(pass, n, cache.feed_forward);
  }

  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache) const {
    const auto dn = feed_forward.backward_input(pass, dy, cache.feed_forward);
    return attention.backward_input(
        pass, dn, cache.attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(pass, dbranch, mine);
          return std::pair{through.query, through.memory};
        });
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, EncoderLayer& gradients,
                        Share& share) const {
    attention.backward_weights(pass, caches.of(&Cache::attention), gradients.attention, share);
    feed_forward.backward_weights(pass, caches.of(&Cache::feed_forward), gradients.feed_forward,
                                  share);
  }

  /// Multiply-adds per sample of `tokens` tokens. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return attention.multiply_adds(tokens, tokens) + feed_forward.multiply_adds(tokens);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       const char* attention_name = "attention.",
                       const FeedForwardNames& ffn_names = {}) {
    using Norm = LayerNorm<Scalar, Width>;
    Branch::for_each_of_mixer(self.attention, name + attention_name, list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list, ffn_names);
    Norm::for_each(self.attention.norm, name + "norm1.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm2.", list);
  }
};

}  // namespace spat
