// models. Merges neighbouring segments of a series into a coarser scale.
#pragma once

#include <spat/kernels/elementwise.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// y(i) = W LN(x(i w), .., x(i w + w - 1)) + b, with the w tokens concatenated (Crossformer, Zhang
/// and Yan, 2023). If w does not divide s, the last w - s mod w segments are repeated at the end.
///
/// Shapes:  x [series * s x D]   y [series * ceil(s / w) x D]   W [D x w D].
///
/// Errors: ConfigError for an empty window, or if there are fewer segments than must be repeated.
template <std::floating_point Scalar, std::size_t Width = dynamic>
class SegmentMerging {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using Map = Linear<Scalar, dynamic, Width>;

  SegmentMerging(std::size_t segment_count, std::size_t window_size, std::size_t width)
      : segments(segment_count), window(checked(segment_count, window_size)), norm(window * width),
        linear_trans(window * width, width) {}

  std::size_t segments, window;  // s, w
  LayerNorm<Scalar> norm;
  Map linear_trans;

  [[nodiscard]] std::size_t merged() const { return divide_up(segments, window); }
  /// The number of segments that are repeated.
  [[nodiscard]] std::size_t padding() const { return merged() * window - segments; }

  struct Cache {
    typename LayerNorm<Scalar>::Cache norm;
    typename Map::Cache linear_trans;
    /// Only if segments are repeated: [series * ceil(s / w) * w x D], [series * s x D].
    Rows<Scalar, Width> padded, dx;

    void lay_out(Arena& arena, const SegmentMerging& layer, std::size_t series) {
      const std::size_t rows = series * layer.merged(), width = layer.linear_trans.outputs();
      linear_trans.lay_out(arena, layer.linear_trans, rows);
      arena.temporarily([&] {
        norm.lay_out(arena, layer.norm, rows);
        if (layer.padding() > 0) arena.take(padded, rows * layer.window, width);
      });
      if (layer.padding() > 0 && arena.training()) arena.take(dx, series * layer.segments, width);
    }
  };

  Tokens forward(const Pass& pass, Tokens x, Cache& cache) const {
    const std::size_t width = x.cols(), series = x.rows() / segments, padded = merged() * window;
    if (padding() > 0) {
      for (std::size_t i = 0; i < series; ++i) {
        const auto from = x.middle_rows(i * segments, segments).flat();
        std::ranges::copy(from, cache.padded.row(i * padded));
        std::ranges::copy(from.last(padding() * width), cache.padded.row(i * padded + segments));
      }
      x = cache.padded;
    }
    const Rows<const Scalar> side_by_side{x.data(), series * merged(), window * width};
    return linear_trans.forward(pass, norm.forward(pass, side_by_side, cache.norm),
                                cache.linear_trans);
  }

  Tokens backward_input(const Pass& pass, Tokens dy, Cache& cache) const {
    const auto d = norm.backward_input(
        pass, linear_trans.backward_input(pass, dy, cache.linear_trans), cache.norm);
    const std::size_t width = dy.cols(), series = dy.rows() / merged(), padded = merged() * window;
    const Tokens dpadded{d.data(), series * padded, width};
    if (padding() == 0) return dpadded;
    for (std::size_t i = 0; i < series; ++i) {
      const auto all = dpadded.middle_rows(i * padded, padded).flat();
      const auto to = cache.dx.middle_rows(i * segments, segments).flat(),
                 repeated = to.last(padding() * width);
      std::ranges::copy(all.first(to.size()), to.begin());
      kernels::add<Scalar>(repeated, all.last(padding() * width), repeated);
    }
    return cache.dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, SegmentMerging& gradients,
                        Share& share) const {
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    linear_trans.backward_weights(pass, caches.of(&Cache::linear_trans), gradients.linear_trans,
                                  share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t series) const {
    return linear_trans.multiply_adds(series * merged());
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Map::for_each(self.linear_trans, name + "linear_trans.", list);
    LayerNorm<Scalar>::for_each(self.norm, name + "norm.", list);
  }

 private:
  static std::size_t checked(std::size_t segments, std::size_t window) {
    if (window == 0 || divide_up(segments, window) * window - segments > segments)
      throw ConfigError(
          message("too few segments to merge: segments ", segments, ", window ", window));
    return window;
  }
};

}  // namespace spat
