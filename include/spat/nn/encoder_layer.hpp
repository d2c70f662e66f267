// nn. The post-norm transformer block whose attention may have been pruned.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/layer_norm.hpp>

namespace spat::inline SPAT_ABI {

/// u = x + Drop(Attention(x, x)), or u = x where the module was pruned;  n = LN_1(u);  y = LN_2(n +
/// Drop(FFN(n))).
///
/// Shapes:  x, y [samples * N x D].  One prunable module: `attention`. Its dropouts are sites
/// first_site .. first_site + 3
/// (probabilities, attention branch, hidden units, feed-forward branch), also where the attention
/// is gone.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class EncoderLayer {
 public:
  using Value = Scalar;
  using Mixer = Slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>;
  static constexpr std::size_t modules = 1, sites = 4;

  /// Bit 0 of `keeps`: the attention.
  EncoderLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : attention(make_slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>(
            keeps.keeps(0), width, heads)),
        ffn(width, ffn_width), norm1(width), norm2(width) {}

  [[no_unique_address]] Mixer attention;
  FeedForward<Scalar, Width, FfnWidth> ffn;
  LayerNorm<Scalar, Width> norm1, norm2;
  Dropout<Scalar> attention_dropout, ffn_dropout;

  /// One rate for all four places; sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site}; }, attention);
    attention_dropout = {rate, first_site + 1};
    ffn.dropout = {rate, first_site + 2};
    ffn_dropout = {rate, first_site + 3};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<Mixer> attention;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache ffn;
    typename LayerNorm<Scalar, Width>::Cache norm1, norm2;
    typename Dropout<Scalar>::Cache attention_dropout, ffn_dropout;
    Rows<Scalar, Width> dx;

    void lay_out(Arena& arena, const EncoderLayer& layer, std::size_t samples, std::size_t tokens) {
      const std::size_t rows = samples * tokens, width = layer.norm1.gain.cols();
      norm2.lay_out(arena, layer.norm2, rows);
      match_slot(layer.attention, attention);
      arena.temporarily([&] {
        norm1.lay_out(arena, layer.norm1, rows);
        if_kept(
            [&](const auto& mixer, auto& mine) {
              arena.temporarily([&] {
                mine.lay_out(arena, mixer, samples, tokens, tokens);
                attention_dropout.lay_out(arena, layer.attention_dropout, rows, width, tokens);
              });
            },
            layer.attention, attention);
        ffn.lay_out(arena, layer.ffn, rows, tokens);
        ffn_dropout.lay_out(arena, layer.ffn_dropout, rows, width, tokens);
      });
      if (arena.training()) arena.take(dx, rows, width);
    }
  };

  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    Rows<const Scalar, Width> branch;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          branch = attention_dropout.forward(pass, mixer.forward(pass, x, x, mine),
                                             cache.attention_dropout);
        },
        attention, cache.attention);
    const auto n = norm1.forward(pass, x, cache.norm1, branch);
    const auto hidden =
        ffn_dropout.forward(pass, ffn.forward(pass, n, cache.ffn), cache.ffn_dropout);
    return norm2.forward(pass, n, cache.norm2, hidden);
  }

  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto dv = norm2.backward_input(pass, dy, cache.norm2);
    const auto dn = ffn.backward_input(
        pass, ffn_dropout.backward_input(pass, dv, cache.ffn_dropout), cache.ffn, dv);
    Rows<const Scalar, Width> dx = norm1.backward_input(pass, dn, cache.norm1);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = attention_dropout.backward_input(pass, dx, cache.attention_dropout);
          const auto through = mixer.backward_input(pass, dbranch, mine);
          kernels::add<Scalar>(dx.flat(), through.query.flat(), through.memory.flat(),
                               cache.dx.flat());
          dx = cache.dx;
        },
        attention, cache.attention);
    return dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, EncoderLayer& gradients,
                        Share& share) const {
    if_kept(
        [&](const auto& mixer, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.attention); };
          mixer.backward_weights(pass, caches.of(part), gradient, share);
        },
        attention, gradients.attention);
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
    norm1.backward_weights(pass, caches.of(&Cache::norm1), gradients.norm1, share);
    norm2.backward_weights(pass, caches.of(&Cache::norm2), gradients.norm2, share);
  }

  /// Of one sample of `tokens` tokens; matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    std::size_t total = ffn.multiply_adds(tokens);
    if_kept([&](const auto& layer) { total += layer.multiply_adds(tokens, tokens); }, attention);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       const char* attention_name = "attention.",
                       const FeedForwardNames& ffn_names = {}) {
    if_kept([&](auto& layer) { layer.for_each(layer, name + attention_name, list); },
            self.attention);
    FeedForward<Scalar, Width, FfnWidth>::for_each(self.ffn, name, list, ffn_names);
    LayerNorm<Scalar, Width>::for_each(self.norm1, name + "norm1.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm2, name + "norm2.", list);
  }
};

}  // namespace spat
