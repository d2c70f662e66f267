// nn. Layer normalization over the feature axis.
#pragma once

#include <spat/kernels/normalize.hpp>
#include <spat/nn/affine.hpp>

namespace spat::inline SPAT_ABI {

/// Normalizes each row to zero mean and unit variance, then scales and shifts (Ba et al., 2016).
///
///     y = gain n + bias,  n = (u - mean(u)) / sqrt(var(u) + epsilon),  u = x or x + branch
///
/// The variance is the biased one. Shapes, with R rows:  x, y, n [R x D]   gain, bias [D]   inverse
/// deviation [R].
template <std::floating_point Scalar, std::size_t Width = dynamic>
class LayerNorm : public Affine<Scalar, Width> {
  using Base = Affine<Scalar, Width>;

 public:
  using Base::gain, Base::bias;

  explicit LayerNorm(std::size_t width) : Base(width) {}

  Scalar epsilon = Scalar(1e-5);

  struct Cache : Base::RowCache {
    std::span<Scalar> inverse_deviation;

    void lay_out(Arena& arena, const LayerNorm& layer, std::size_t rows) {
      Base::RowCache::lay_out_rows(arena, layer, rows);
      if (arena.training()) arena.take(inverse_deviation, rows);
    }
  };

  /// Adds `branch` [R x D] to x if it is given: "add and norm" in one pass over memory. dx is the
  /// gradient of both.
  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> branch = {}) const {
    const bool keep = cache.normalized.data() != nullptr;
    pass.for_shares(x.rows(), 8 * x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r) {
        const Scalar inverse = kernels::layer_norm(
            x.row(r), branch.data() ? branch.row(r) : nullptr, gain.data(), bias.data(), epsilon,
            x.cols(), keep ? cache.normalized.row(r) : nullptr, cache.y.row(r));
        if (keep) cache.inverse_deviation[r] = inverse;
      }
    });
    return cache.y.middle_rows(0, x.rows());
  }
  /// What forward returned for as many rows as were laid out, for a caller that changes it in place
  /// before anybody reads it: no backward of this layer does.
  [[nodiscard]] static Rows<Scalar, Width> writable_output(Cache& cache) { return cache.y; }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    cache.dy = dy;
    pass.for_shares(dy.rows(), 8 * dy.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r)
        kernels::layer_norm_backward(cache.normalized.row(r), gain.data(),
                                     cache.inverse_deviation[r], dy.row(r), dy.cols(),
                                     cache.dx.row(r));
    });
    return cache.dx.middle_rows(0, dy.rows());
  }
};

}  // namespace spat
