// models. The post-norm transformer block of several series. Their last tokens, one per series,
// also attend to a memory.
#pragma once

#include <spat/nn/memory_block.hpp>

namespace spat::inline SPAT_ABI {

/// The block of TimeXer (Wang et al., 2024). Each series attends only to itself. Its last token g
/// also attends to a memory m.
///
///     u = LN_1(x + Drop(SelfAttention(x, x)))            each series by itself
///     g(u) = LN_2(g(u) + Drop(CrossAttention(g(u), m)))  the last tokens of a sample's series, as
///                                                        one sequence
///     y = LN_3(u + Drop(FFN(u)))
///
/// A branch is absent if its module was pruned; the norms stay.
///
/// Shapes, for S series of N tokens per sample:
///
///     x, y [samples * S * N x D]   g [samples * S x D]   m [samples * Lk x D]
///
/// Modules and sites are those of a MemoryBlock.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class GlobalTokenLayer : public MemoryBlock<Scalar, kept, Width, FfnWidth, Heads> {
  using Base = MemoryBlock<Scalar, kept, Width, FfnWidth, Heads>;

 public:
  using Base::self_attention, Base::cross_attention, Base::feed_forward;
  using typename Base::Tokens;

  GlobalTokenLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : Base(width, ffn_width, heads, keeps) {}

  struct Cache : Base::PartCaches {
    Rows<Scalar, Width> g, dg;  // u's last tokens before the cross-attention; their gradient
    std::size_t series = 0, tokens = 0;

    /// Lays the cache out for samples of `series_count` series with `token_count` tokens each. A
    /// sample's memory has `memory_tokens` tokens.
    void lay_out(Arena& arena, const GlobalTokenLayer& layer, std::size_t samples,
                 std::size_t series_count, std::size_t token_count, std::size_t memory_tokens) {
      series = series_count;
      tokens = token_count;
      const std::size_t sample_rows = series * tokens, rows = samples * sample_rows,
                        globals = samples * series, width = layer.self_attention.norm.gain.cols();
      this->feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        this->self_attention.lay_out(arena, layer.self_attention, rows, sample_rows, globals,
                                     tokens, tokens);
        arena.temporarily([&] {
          arena.take(g, globals, width);
          this->cross_attention.lay_out(arena, layer.cross_attention, globals, series, samples,
                                        series, memory_tokens);
        });
        this->feed_forward.lay_out_inside(arena, layer.feed_forward, rows, sample_rows);
      });
      if (arena.training()) arena.take(dg, globals, width);
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache, Tokens memory) const {
    self_attention.forward(pass, x, cache.self_attention, [&](const auto& mixer, auto& mine) {
      return mixer.forward(pass.folded(cache.series), x, x, mine);
    });
    const auto u = self_attention.writable_output(cache.self_attention);
    take_globals(u, cache.tokens, cache.g);
    const auto g = cross_attention.forward(
        pass, cache.g, cache.cross_attention, [&](const auto& mixer, auto& mine) {
          return mixer.forward(pass.at(pass.module + 1), cache.g, memory, mine);
        });
    put_globals(g, cache.tokens, u);
    return feed_forward.forward(pass, u, cache.feed_forward);
  }

  /// Returns dx and *adds* the memory's gradient to `dmemory`. Layers that share a memory call it
  /// one after the other.
  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache,
                        Rows<Scalar, Width> dmemory) const {
    feed_forward.backward_input(pass, dy, cache.feed_forward);
    const auto du = feed_forward.writable_input_gradient(cache.feed_forward);
    take_globals(du, cache.tokens, cache.dg);
    const auto dg = cross_attention.backward_input(
        pass, cache.dg, cache.cross_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          return Base::backward_mixer(mixer, pass.at(pass.module + 1), dbranch, mine, dmemory);
        });
    put_globals(dg, cache.tokens, du);
    return self_attention.backward_input(
        pass, du, cache.self_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(pass.folded(cache.series), dbranch, mine);
          return std::pair{through.query, through.memory};
        });
  }

  /// Multiply-adds per sample. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t series, std::size_t tokens,
                                          std::size_t memory_tokens) const {
    return series * self_attention.multiply_adds(tokens, tokens) +
           cross_attention.multiply_adds(series, memory_tokens) +
           feed_forward.multiply_adds(series * tokens);
  }

 private:
  /// Sets g to the last of every `tokens` rows of x.
  static void take_globals(Tokens x, std::size_t tokens, Rows<Scalar, Width> g) {
    for (std::size_t r = 0; r < g.rows(); ++r)
      std::copy_n(x.row(r * tokens + tokens - 1), g.cols(), g.row(r));
  }
  /// Sets the last of every `tokens` rows of x to g.
  static void put_globals(Tokens g, std::size_t tokens, Rows<Scalar, Width> x) {
    for (std::size_t r = 0; r < g.rows(); ++r)
      std::copy_n(g.row(r), g.cols(), x.row(r * tokens + tokens - 1));
  }
};

}  // namespace spat
