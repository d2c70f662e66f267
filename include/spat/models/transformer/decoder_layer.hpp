// models. The post-norm transformer block that also attends to a memory. Either attention may have
// been pruned.
#pragma once

#include <spat/nn/attention.hpp>
#include <spat/nn/residual_branch.hpp>
#include <spat/nn/residual_feed_forward.hpp>

namespace spat::inline SPAT_ABI {

/// The decoder block (Vaswani et al., 2017). The branch of a pruned module is left out.
///
///     u = LN_1(x + Drop(SelfAttention(x, x))), causal
///     v = LN_2(u + Drop(CrossAttention(u, memory)))
///     y = LN_3(v + Drop(FFN(v)))
///
/// Shapes:  x, y [samples * N x D]   memory [samples * Nm x D].
///
/// Two prunable modules: 0 is `self_attention.mixer`, 1 is `cross_attention.mixer`. The dropouts
/// are sites first_site .. first_site + 5 (probabilities and branch of self, then of cross, hidden
/// units, feed-forward branch), even if an attention was pruned.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class DecoderLayer {
 public:
  using Value = Scalar;
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;
  using Self = ResidualBranch<Slot<Attention, kept.presence(0)>, Scalar, Width>;
  using Cross = ResidualBranch<Slot<Attention, kept.presence(1)>, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, FfnWidth>;
  static constexpr std::size_t modules = 2, sites = 6;

  /// Bit 0 of `keeps`: the self-attention, bit 1: the cross-attention.
  DecoderLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(make_slot<Attention, kept.presence(0)>(keeps.keeps(0), width, heads), width),
        cross_attention(make_slot<Attention, kept.presence(1)>(keeps.keeps(1), width, heads),
                        width),
        feed_forward(width, ffn_width) {
    if_kept([](auto& layer) { layer.causal = true; }, self_attention.mixer);
  }

  Self self_attention;
  Cross cross_attention;
  FeedForwardHalf feed_forward;

  /// Sets one rate for all six dropouts. Sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    self_attention.set_dropout(rate, first_site);
    cross_attention.set_dropout(rate, first_site + 2);
    feed_forward.set_dropout(rate, first_site + 4);
  }

  struct Cache {
    typename Self::Cache self_attention;
    typename Cross::Cache cross_attention;
    typename FeedForwardHalf::Cache feed_forward;

    void lay_out(Arena& arena, const DecoderLayer& layer, std::size_t samples, std::size_t tokens,
                 std::size_t memory_tokens) {
      const std::size_t rows = samples * tokens;
      feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        cross_attention.lay_out_result(arena, layer.cross_attention, rows);
        arena.temporarily([&] {
          self_attention.lay_out(arena, layer.self_attention, rows, tokens, samples, tokens,
                                 tokens);
          cross_attention.lay_out_inside(arena, layer.cross_attention, rows, tokens, samples,
                                         tokens, memory_tokens);
        });
        feed_forward.lay_out_inside(arena, layer.feed_forward, rows, tokens);
      });
    }
  };

  /// `memory` may be empty if the cross-attention was pruned.
  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> memory) const {
    const auto u = self_attention.forward(
        pass, x, cache.self_attention,
        [&](const auto& mixer, auto& mine) { return mixer.forward(pass, x, x, mine); });
    const auto v =
        cross_attention.forward(pass, u, cache.cross_attention, [&](const auto& mixer, auto& mine) {
          return mixer.forward(pass.at(pass.module + 1), u, memory, mine);
        });
    return feed_forward.forward(pass, v, cache.feed_forward);
  }

  /// Returns dx and *adds* the memory's gradient to `dmemory`, which all blocks of a decoder share.
  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache, Rows<Scalar, Width> dmemory) const {
    const auto dv = feed_forward.backward_input(pass, dy, cache.feed_forward);
    const auto du = cross_attention.backward_input(
        pass, dv, cache.cross_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(pass.at(pass.module + 1), dbranch, mine);
          kernels::add<Scalar>(dmemory.flat(), through.memory.flat(), dmemory.flat());
          return through.query;
        });
    return self_attention.backward_input(
        pass, du, cache.self_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(pass, dbranch, mine);
          return std::pair{through.query, through.memory};
        });
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, DecoderLayer& gradients,
                        Share& share) const {
    self_attention.backward_weights(pass, caches.of(&Cache::self_attention),
                                    gradients.self_attention, share);
    cross_attention.backward_weights(pass, caches.of(&Cache::cross_attention),
                                     gradients.cross_attention, share);
    feed_forward.backward_weights(pass, caches.of(&Cache::feed_forward), gradients.feed_forward,
                                  share);
  }

  /// Multiply-adds per sample. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens, std::size_t memory_tokens) const {
    return self_attention.multiply_adds(tokens, tokens) +
           cross_attention.multiply_adds(tokens, memory_tokens) +
           feed_forward.multiply_adds(tokens);
  }

  template <class Layer, class List>
  static void for_each(Layer& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    Self::for_each_of_mixer(self.self_attention, name + "self_attention.", list);
    Cross::for_each_of_mixer(self.cross_attention, name + "cross_attention.", list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list);
    Norm::for_each(self.self_attention.norm, name + "norm1.", list);
    Norm::for_each(self.cross_attention.norm, name + "norm2.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm3.", list);
  }
};

}  // namespace spat
