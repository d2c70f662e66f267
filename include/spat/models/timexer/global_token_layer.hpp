// models. The post-norm transformer block of several series whose last tokens, one a series, also
// look at a memory.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/layer_norm.hpp>

namespace spat::inline SPAT_ABI {

/// The block of TimeXer (Wang et al., 2024): series attend to themselves alone, and meet a memory m
/// by their last token g.
///
///     u = LN_1(x + Drop(SelfAttention(x, x)))         each series by itself
///     g(u) = LN_2(g(u) + Drop(CrossAttention(g(u), m)))  the last tokens of a sample's series, as
///     one sequence y = LN_3(u + Drop(FFN(u)))
///
/// A branch is absent where its module was pruned; the norms stay.
///
/// Shapes, for S series of N tokens a sample:  x, y [samples * S * N x D]   g [samples * S x D]
/// m [samples * Lk x D].
/// Two prunable modules: `self_attention`, `cross_attention`. Dropouts are sites first_site ..
/// first_site + 5 (probabilities and branch of either, hidden units, feed-forward branch), also
/// where a module is gone.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class GlobalTokenLayer {
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;

 public:
  using Value = Scalar;
  using SelfAttention = Slot<Attention, kept.presence(0)>;
  using CrossAttention = Slot<Attention, kept.presence(1)>;
  static constexpr std::size_t modules = 2, sites = 6;

  /// Bits 0 and 1 of `keeps`: the self-attention, the cross-attention.
  GlobalTokenLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(make_slot<Attention, kept.presence(0)>(keeps.keeps(0), width, heads)),
        cross_attention(make_slot<Attention, kept.presence(1)>(keeps.keeps(1), width, heads)),
        ffn(width, ffn_width), norm1(width), norm2(width), norm3(width) {}

  [[no_unique_address]] SelfAttention self_attention;
  [[no_unique_address]] CrossAttention cross_attention;
  FeedForward<Scalar, Width, FfnWidth> ffn;
  LayerNorm<Scalar, Width> norm1, norm2, norm3;
  Dropout<Scalar> self_dropout, cross_dropout, ffn_dropout;

  /// One rate for all places; sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site}; }, self_attention);
    self_dropout = {rate, first_site + 1};
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site + 2}; }, cross_attention);
    cross_dropout = {rate, first_site + 3};
    ffn.dropout = {rate, first_site + 4};
    ffn_dropout = {rate, first_site + 5};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<SelfAttention> self_attention;
    [[no_unique_address]] CacheOf<CrossAttention> cross_attention;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache ffn;
    typename LayerNorm<Scalar, Width>::Cache norm1, norm2, norm3;
    typename Dropout<Scalar>::Cache self_dropout, cross_dropout, ffn_dropout;
    Rows<Scalar, Width> g, dg, dglobal, dx;  // dg: into norm2's output; dglobal: into norm1's
    std::size_t series = 0, tokens = 0;

    /// A sample is `series_count` series of `token_count` tokens, its memory `memory_tokens`.
    void lay_out(Arena& arena, const GlobalTokenLayer& layer, std::size_t samples,
                 std::size_t series_count, std::size_t token_count, std::size_t memory_tokens) {
      series = series_count, tokens = token_count;
      const std::size_t sample_rows = series * tokens, rows = samples * sample_rows,
                        globals = samples * series, width = layer.norm1.gain.cols();
      norm3.lay_out(arena, layer.norm3, rows);
      match_slot(layer.self_attention, self_attention),
          match_slot(layer.cross_attention, cross_attention);
      arena.temporarily([&] {
        norm1.lay_out(arena, layer.norm1, rows);
        if_kept(
            [&](const auto& mixer, auto& mine) {
              arena.temporarily([&] {
                mine.lay_out(arena, mixer, globals, tokens, tokens);
                self_dropout.lay_out(arena, layer.self_dropout, rows, width, sample_rows);
              });
            },
            layer.self_attention, self_attention);
        arena.temporarily([&] {
          arena.take(g, globals, width);
          norm2.lay_out(arena, layer.norm2, globals);
          if_kept(
              [&](const auto& mixer, auto& mine) {
                mine.lay_out(arena, mixer, samples, series, memory_tokens);
                cross_dropout.lay_out(arena, layer.cross_dropout, globals, width, series);
              },
              layer.cross_attention, cross_attention);
        });
        ffn.lay_out(arena, layer.ffn, rows, sample_rows);
        ffn_dropout.lay_out(arena, layer.ffn_dropout, rows, width, sample_rows);
      });
      if (!arena.training()) return;
      for (auto* view : {&dg, &dglobal}) arena.take(*view, globals, width);
      arena.take(dx, rows, width);
    }
  };

  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> memory) const {
    Rows<const Scalar, Width> branch, cross_branch;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          branch = self_dropout.forward(pass, mixer.forward(pass.folded(cache.series), x, x, mine),
                                        cache.self_dropout);
        },
        self_attention, cache.self_attention);
    norm1.forward(pass, x, cache.norm1, branch);
    const Rows<Scalar, Width> u =
        cache.norm1.y;  // its last tokens are overwritten: no backward reads them
    take_globals(u, cache.tokens, cache.g);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          cross_branch = cross_dropout.forward(
              pass, mixer.forward(of_cross(pass), cache.g, memory, mine), cache.cross_dropout);
        },
        cross_attention, cache.cross_attention);
    put_globals(norm2.forward(pass, cache.g, cache.norm2, cross_branch), cache.tokens, u);
    const auto hidden =
        ffn_dropout.forward(pass, ffn.forward(pass, u, cache.ffn), cache.ffn_dropout);
    return norm3.forward(pass, u, cache.norm3, hidden);
  }

  /// Returns dx and adds the memory's gradient to `dmemory`: layers that share a memory do so one
  /// after the other.
  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache, Rows<Scalar, Width> dmemory) const {
    const auto dv = norm3.backward_input(pass, dy, cache.norm3);
    ffn.backward_input(pass, ffn_dropout.backward_input(pass, dv, cache.ffn_dropout), cache.ffn,
                       dv);
    const Rows<Scalar, Width> du =
        cache.ffn.conv1.dx;  // its last tokens are overwritten: nobody else reads them
    take_globals(du, cache.tokens, cache.dg);
    Rows<const Scalar, Width> dglobal = norm2.backward_input(pass, cache.dg, cache.norm2);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = cross_dropout.backward_input(pass, dglobal, cache.cross_dropout);
          const auto through = mixer.backward_input(of_cross(pass), dbranch, mine);
          kernels::add<Scalar>(dmemory.flat(), through.memory.flat(), dmemory.flat());
          kernels::add<Scalar>(dglobal.flat(), through.query.flat(), cache.dglobal.flat());
          dglobal = cache.dglobal;
        },
        cross_attention, cache.cross_attention);
    put_globals(dglobal, cache.tokens, du);
    Rows<const Scalar, Width> dx = norm1.backward_input(pass, du, cache.norm1);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = self_dropout.backward_input(pass, dx, cache.self_dropout);
          const auto through = mixer.backward_input(pass.folded(cache.series), dbranch, mine);
          kernels::add<Scalar>(dx.flat(), through.query.flat(), through.memory.flat(),
                               cache.dx.flat());
          dx = cache.dx;
        },
        self_attention, cache.self_attention);
    return dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, GlobalTokenLayer& gradients,
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
  [[nodiscard]] std::size_t multiply_adds(std::size_t series, std::size_t tokens,
                                          std::size_t memory_tokens) const {
    std::size_t total = ffn.multiply_adds(series * tokens);
    if_kept([&](const auto& layer) { total += series * layer.multiply_adds(tokens, tokens); },
            self_attention);
    if_kept([&](const auto& layer) { total += layer.multiply_adds(series, memory_tokens); },
            cross_attention);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    if_kept([&](auto& layer) { layer.for_each(layer, name + "self_attention.", list); },
            self.self_attention);
    if_kept([&](auto& layer) { layer.for_each(layer, name + "cross_attention.", list); },
            self.cross_attention);
    FeedForward<Scalar, Width, FfnWidth>::for_each(self.ffn, name, list);
    Norm::for_each(self.norm1, name + "norm1.", list);
    Norm::for_each(self.norm2, name + "norm2.", list);
    Norm::for_each(self.norm3, name + "norm3.", list);
  }

 private:
  /// The run of the second module.
  template <class PassType>
  static PassType of_cross(const PassType& pass) {
    return pass.at(pass.module + 1);
  }

  /// The last of every `tokens` rows of x.
  static void take_globals(Rows<const Scalar, Width> x, std::size_t tokens, Rows<Scalar, Width> g) {
    for (std::size_t r = 0; r < g.rows(); ++r)
      std::copy_n(x.row(r * tokens + tokens - 1), g.cols(), g.row(r));
  }
  static void put_globals(Rows<const Scalar, Width> g, std::size_t tokens, Rows<Scalar, Width> x) {
    for (std::size_t r = 0; r < g.rows(); ++r)
      std::copy_n(g.row(r), g.cols(), x.row(r * tokens + tokens - 1));
  }
};

}  // namespace spat
