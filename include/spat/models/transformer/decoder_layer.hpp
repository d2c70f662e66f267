// models. The post-norm transformer block that also looks at a memory; either attention may have
// been pruned.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/layer_norm.hpp>

namespace spat::inline SPAT_ABI {

/// The decoder's block (Vaswani et al., 2017); where a module was pruned its branch is left out:
///
///     u = LN_1(x + Drop(SelfAttention(x, x))), causal;   v = LN_2(u + Drop(CrossAttention(u,
///     memory))) y = LN_3(v + Drop(FFN(v)))
///
/// Shapes:  x, y [samples * N x D]   memory [samples * Nm x D].  Two prunable modules: 0 is
/// `self_attention`, 1 `cross_attention`.
/// Its dropouts are sites first_site .. first_site + 5 (probabilities and branch of self, then of
/// cross, hidden units, feed-forward branch), also where an attention is gone.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class DecoderLayer {
 public:
  using Value = Scalar;
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;
  using Self = Slot<Attention, kept.presence(0)>;
  using Cross = Slot<Attention, kept.presence(1)>;
  static constexpr std::size_t modules = 2, sites = 6;

  /// Bit 0 of `keeps`: the self-attention, bit 1: the cross-attention.
  DecoderLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(make_slot<Attention, kept.presence(0)>(keeps.keeps(0), width, heads)),
        cross_attention(make_slot<Attention, kept.presence(1)>(keeps.keeps(1), width, heads)),
        ffn(width, ffn_width), norm1(width), norm2(width), norm3(width) {
    if_kept([](auto& layer) { layer.causal = true; }, self_attention);
  }

  [[no_unique_address]] Self self_attention;
  [[no_unique_address]] Cross cross_attention;
  FeedForward<Scalar, Width, FfnWidth> ffn;
  LayerNorm<Scalar, Width> norm1, norm2, norm3;
  Dropout<Scalar> self_dropout, cross_dropout, ffn_dropout;

  /// One rate for all six places; sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site}; }, self_attention);
    self_dropout = {rate, first_site + 1};
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site + 2}; }, cross_attention);
    cross_dropout = {rate, first_site + 3};
    ffn.dropout = {rate, first_site + 4};
    ffn_dropout = {rate, first_site + 5};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<Self> self_attention;
    [[no_unique_address]] CacheOf<Cross> cross_attention;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache ffn;
    typename LayerNorm<Scalar, Width>::Cache norm1, norm2, norm3;
    typename Dropout<Scalar>::Cache self_dropout, cross_dropout, ffn_dropout;
    Rows<Scalar, Width> du, dx;

    void lay_out(Arena& arena, const DecoderLayer& layer, std::size_t samples, std::size_t tokens,
                 std::size_t memory_tokens) {
      const std::size_t rows = samples * tokens, width = layer.norm1.gain.cols();
      match_slot(layer.self_attention, self_attention);
      match_slot(layer.cross_attention, cross_attention);
      const auto branch = [&](const auto& mixer, auto& mine, const auto& drop, auto& dropped,
                              std::size_t keys) {
        arena.temporarily([&] {
          mine.lay_out(arena, mixer, samples, tokens, keys);
          dropped.lay_out(arena, drop, rows, width, tokens);
        });
      };
      norm3.lay_out(arena, layer.norm3, rows);
      arena.temporarily([&] {
        norm2.lay_out(arena, layer.norm2, rows);
        arena.temporarily([&] {
          norm1.lay_out(arena, layer.norm1, rows);
          if_kept(
              [&](const auto& mixer, auto& mine) {
                branch(mixer, mine, layer.self_dropout, self_dropout, tokens);
              },
              layer.self_attention, self_attention);
          if_kept(
              [&](const auto& mixer, auto& mine) {
                branch(mixer, mine, layer.cross_dropout, cross_dropout, memory_tokens);
              },
              layer.cross_attention, cross_attention);
        });
        ffn.lay_out(arena, layer.ffn, rows, tokens);
        ffn_dropout.lay_out(arena, layer.ffn_dropout, rows, width, tokens);
      });
      if (!arena.training()) return;
      for (auto* view : {&du, &dx}) arena.take(*view, rows, width);
    }
  };

  /// `memory` may be empty where the cross-attention is gone.
  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> memory) const {
    Rows<const Scalar, Width> among, across;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          among = self_dropout.forward(pass, mixer.forward(pass, x, x, mine), cache.self_dropout);
        },
        self_attention, cache.self_attention);
    const auto u = norm1.forward(pass, x, cache.norm1, among);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto y = mixer.forward(pass.at(pass.module + 1), u, memory, mine);
          across = cross_dropout.forward(pass, y, cache.cross_dropout);
        },
        cross_attention, cache.cross_attention);
    const auto v = norm2.forward(pass, u, cache.norm2, across);
    const auto hidden =
        ffn_dropout.forward(pass, ffn.forward(pass, v, cache.ffn), cache.ffn_dropout);
    return norm3.forward(pass, v, cache.norm3, hidden);
  }

  /// Returns dx, and *adds* the gradient of the memory to `dmemory`, which all blocks of a decoder
  /// share.
  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache, Rows<Scalar, Width> dmemory) const {
    const auto dw = norm3.backward_input(pass, dy, cache.norm3);
    const auto dv = ffn.backward_input(
        pass, ffn_dropout.backward_input(pass, dw, cache.ffn_dropout), cache.ffn, dw);
    Rows<const Scalar, Width> du = norm2.backward_input(pass, dv, cache.norm2);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = cross_dropout.backward_input(pass, du, cache.cross_dropout);
          const auto through = mixer.backward_input(pass.at(pass.module + 1), dbranch, mine);
          kernels::add<Scalar>(du.flat(), through.query.flat(), cache.du.flat());
          kernels::add<Scalar>(dmemory.flat(), through.memory.flat(), dmemory.flat());
          du = cache.du;
        },
        cross_attention, cache.cross_attention);
    Rows<const Scalar, Width> dx = norm1.backward_input(pass, du, cache.norm1);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = self_dropout.backward_input(pass, dx, cache.self_dropout);
          const auto through = mixer.backward_input(pass, dbranch, mine);
          kernels::add<Scalar>(dx.flat(), through.query.flat(), through.memory.flat(),
                               cache.dx.flat());
          dx = cache.dx;
        },
        self_attention, cache.self_attention);
    return dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, DecoderLayer& gradients,
                        Share& share) const {
    if_kept(
        [&](const auto& mixer, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.self_attention); };
          mixer.backward_weights(pass, caches.of(part), gradient, share);
        },
        self_attention, gradients.self_attention);
    if_kept(
        [&](const auto& mixer, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.cross_attention); };
          mixer.backward_weights(pass, caches.of(part), gradient, share);
        },
        cross_attention, gradients.cross_attention);
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
    norm1.backward_weights(pass, caches.of(&Cache::norm1), gradients.norm1, share);
    norm2.backward_weights(pass, caches.of(&Cache::norm2), gradients.norm2, share);
    norm3.backward_weights(pass, caches.of(&Cache::norm3), gradients.norm3, share);
  }

  /// Of one sample; matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens, std::size_t memory_tokens) const {
    std::size_t total = ffn.multiply_adds(tokens);
    if_kept([&](const auto& layer) { total += layer.multiply_adds(tokens, tokens); },
            self_attention);
    if_kept([&](const auto& layer) { total += layer.multiply_adds(tokens, memory_tokens); },
            cross_attention);
    return total;
  }

  template <class Layer, class List>
  static void for_each(Layer& self, const std::string& name, List& list) {
    if_kept([&](auto& layer) { layer.for_each(layer, name + "self_attention.", list); },
            self.self_attention);
    if_kept([&](auto& layer) { layer.for_each(layer, name + "cross_attention.", list); },
            self.cross_attention);
    FeedForward<Scalar, Width, FfnWidth>::for_each(self.ffn, name, list);
    LayerNorm<Scalar, Width>::for_each(self.norm1, name + "norm1.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm2, name + "norm2.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm3, name + "norm3.", list);
  }
};

}  // namespace spat
