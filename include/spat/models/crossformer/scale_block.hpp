// models. One scale of an encoder all of whose outputs are read: merging of segments, then
// attention in two stages.
#pragma once

#include <spat/models/crossformer/fan_out.hpp>
#include <spat/models/crossformer/segment_merging.hpp>
#include <spat/models/crossformer/two_stage_attention.hpp>

#include <optional>

namespace spat::inline SPAT_ABI {

/// y = TwoStageAttention(merge(x)), or y = TwoStageAttention(x) if the window is 1 (Crossformer,
/// Zhang and Yan, 2023).
///
/// Shapes:  x [B * C * s x D]   y [B * C * ceil(s / window) x D].
///
/// Modules and sites are those of the attention. A block that is laid out for no samples is one
/// that nothing reads: it only returns x.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class ScaleBlock {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Attention = TwoStageAttention<Scalar, kept, Width, FfnWidth, Heads>;
  using Merging = SegmentMerging<Scalar, Width>;
  static constexpr std::size_t modules = Attention::modules, sites = Attention::sites;
  /// The block reports itself, from its merged tokens to its output.
  static constexpr bool reports_itself = true;

  ScaleBlock(std::size_t segments, std::size_t window, std::size_t routers, std::size_t width,
             std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : merge_layer(window > 1 ? std::optional<Merging>(std::in_place, segments, window, width)
                               : std::nullopt),
        attention(merge_layer ? merge_layer->merged() : segments, routers, width, ffn_width, heads,
                  keeps) {}

  std::optional<Merging> merge_layer;
  Attention attention;

  void set_dropout(double rate, std::size_t first_site) { attention.set_dropout(rate, first_site); }

  struct Cache {
    typename Merging::Cache merge_layer;
    typename Attention::Cache attention;
    Tokens y;
    Rows<Scalar, Width> dy;
    std::size_t samples = 0;

    void lay_out(Arena& arena, const ScaleBlock& layer, std::size_t sample_count,
                 std::size_t channels) {
      samples = sample_count;
      y = {};
      if (samples == 0) return;
      const std::size_t series = samples * channels;
      if (layer.merge_layer) merge_layer.lay_out(arena, *layer.merge_layer, series);
      attention.lay_out(arena, layer.attention, samples, channels);
      if (arena.training())
        arena.take(dy, series * layer.attention.segments, layer.attention.width());
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache) const {
    if (cache.samples == 0) return x;
    if (merge_layer) x = merge_layer->forward(pass, x, cache.merge_layer);
    cache.y = attention.forward(pass, x, cache.attention);
    report_block<Scalar>(pass, modules, x, cache.y);
    return cache.y;
  }

  /// dy is the gradient from the next block, `beside` the gradient from another reader. Either may
  /// be empty.
  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache, Tokens beside) const {
    const auto dx =
        attention.backward_input(pass, sum_of_gradients(dy, beside, cache.dy), cache.attention);
    return merge_layer ? merge_layer->backward_input(pass, dx, cache.merge_layer) : dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, ScaleBlock& gradients,
                        Share& share) const {
    if (merge_layer)
      merge_layer->backward_weights(pass, caches.of(&Cache::merge_layer), *gradients.merge_layer,
                                    share);
    attention.backward_weights(pass, caches.of(&Cache::attention), gradients.attention, share);
  }

  /// Multiply-adds for `samples` samples of `channels` variates; 0 samples if nothing reads the
  /// block. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t samples, std::size_t channels) const {
    return samples * ((merge_layer ? merge_layer->multiply_adds(channels) : 0) +
                      attention.multiply_adds(channels));
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    if (self.merge_layer) Merging::for_each(*self.merge_layer, name + "merge_layer.", list);
    Attention::for_each(self.attention, name + "encode_layers.0.", list);
  }
};

}  // namespace spat
