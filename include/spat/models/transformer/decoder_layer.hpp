// models. The post-norm transformer block that also attends to a memory. Either attention may have
// been pruned.
#pragma once

#include <spat/nn/memory_block.hpp>

namespace spat::inline SPAT_ABI {

/// The decoder block (Vaswani et al., 2017). The branch of a pruned module is left out.
///
///     u = LN_1(x + Drop(SelfAttention(x, x))), causal
///     v = LN_2(u + Drop(CrossAttention(u, memory)))
///     y = LN_3(v + Drop(FFN(v)))
///
/// Shapes:  x, y [samples * N x D]   memory [samples * Nm x D].
///
/// Modules and sites are those of a MemoryBlock.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class DecoderLayer : public MemoryBlock<Scalar, kept, Width, FfnWidth, Heads> {
  using Base = MemoryBlock<Scalar, kept, Width, FfnWidth, Heads>;

 public:
  using Base::self_attention, Base::cross_attention, Base::feed_forward;
  using typename Base::Tokens;

  DecoderLayer(std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : Base(width, ffn_width, heads, keeps) {
    if_kept([](auto& layer) { layer.causal = true; }, self_attention.mixer);
  }

  struct Cache : Base::PartCaches {
    void lay_out(Arena& arena, const DecoderLayer& layer, std::size_t samples, std::size_t tokens,
                 std::size_t memory_tokens) {
      const std::size_t rows = samples * tokens;
      this->feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        this->cross_attention.lay_out_result(arena, layer.cross_attention, rows);
        arena.temporarily([&] {
          this->self_attention.lay_out(arena, layer.self_attention, rows, tokens, samples, tokens,
                                       tokens);
          this->cross_attention.lay_out_inside(arena, layer.cross_attention, rows, tokens, samples,
                                               tokens, memory_tokens);
        });
        this->feed_forward.lay_out_inside(arena, layer.feed_forward, rows, tokens);
      });
    }
  };

  /// `memory` may be empty if the cross-attention was pruned.
  Tokens forward(const auto& pass, Tokens x, Cache& cache, Tokens memory) const {
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
  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache,
                        Rows<Scalar, Width> dmemory) const {
    const auto dv = feed_forward.backward_input(pass, dy, cache.feed_forward);
    const auto du = cross_attention.backward_input(
        pass, dv, cache.cross_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          return Base::backward_mixer(mixer, pass.at(pass.module + 1), dbranch, mine, dmemory);
        });
    return self_attention.backward_input(
        pass, du, cache.self_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(pass, dbranch, mine);
          return std::pair{through.query, through.memory};
        });
  }

  /// Multiply-adds per sample. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens, std::size_t memory_tokens) const {
    return self_attention.multiply_adds(tokens, tokens) +
           cross_attention.multiply_adds(tokens, memory_tokens) +
           feed_forward.multiply_adds(tokens);
  }
};

}  // namespace spat
