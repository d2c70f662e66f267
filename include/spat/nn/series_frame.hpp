// nn. What stands around a map of whole series: rows of time become a series a row, normalized, and
// back.
#pragma once

#include <spat/kernels/elementwise.hpp>
#include <spat/nn/instance_norm.hpp>

namespace spat::inline SPAT_ABI {

/// y(b, j, i) = x(b, i, j):  x [samples * rows x cols], y [samples * cols x rows].
template <std::floating_point Scalar>
void transpose_samples(Rows<const Scalar> x, std::size_t samples, Rows<Scalar> y) {
  for (std::size_t s = 0; s < samples; ++s)
    kernels::transpose(x.row(s * y.cols()), y.cols(), x.cols(), y.row(s * x.cols()));
}

/// enter    n = instance_norm(history), or history itself
/// leave    forecast = restore(z),  z(b, :, c) = y(b, c, :) for the first C of a sample's N rows:
/// others are no channels
///
/// Shapes:  history, n [samples * L x C]   y [samples * N x T]
/// z, forecast [samples * T x C].  No parameters.
template <std::floating_point Scalar>
class SeriesFrame {
 public:
  using Value = Scalar;

  explicit SeriesFrame(bool normalize) : normalizes(normalize) {}

  bool normalizes;
  [[no_unique_address]] InstanceNorm<Scalar> instance_norm;

  struct Cache {
    typename InstanceNorm<Scalar>::Cache instance_norm;
    Rows<Scalar> z, dy;
    std::size_t samples = 0, channels = 0;

    /// `tokens`: N.
    void lay_out(Arena& arena, const SeriesFrame& layer, std::size_t sample_count,
                 std::size_t lookback, std::size_t horizon, std::size_t channel_count,
                 std::size_t tokens) {
      samples = sample_count, channels = channel_count;
      if (layer.normalizes) instance_norm.lay_out(arena, samples, lookback, horizon, channels);
      arena.take(z, samples * horizon, channels);
      if (arena.training()) arena.take(dy, samples * tokens, horizon);
    }
  };

  Rows<const Scalar> enter(const Pass& pass, Rows<const Scalar> history, Cache& cache) const {
    return normalizes ? instance_norm.forward(pass, history, cache.instance_norm) : history;
  }

  Rows<const Scalar> leave(const Pass& pass, Rows<const Scalar> y, Cache& cache) const {
    const std::size_t tokens = y.rows() / cache.samples, horizon = y.cols();
    for (std::size_t s = 0; s < cache.samples; ++s)
      kernels::transpose(y.row(s * tokens), cache.channels, horizon, cache.z.row(s * horizon));
    return normalizes ? instance_norm.restore(pass, cache.z, cache.instance_norm)
                      : Rows<const Scalar>(cache.z);
  }

  /// dy [samples * N x T], zero where a row is no channel.
  Rows<const Scalar> backward_leave(const Pass& pass, Rows<const Scalar> dforecast,
                                    Cache& cache) const {
    const auto dz =
        normalizes ? instance_norm.backward_restore(pass, dforecast, cache.z, cache.instance_norm)
                   : dforecast;
    const std::size_t tokens = cache.dy.rows() / cache.samples, horizon = cache.dy.cols();
    if (tokens > cache.channels) std::ranges::fill(cache.dy.flat(), Scalar(0));
    for (std::size_t s = 0; s < cache.samples; ++s)
      kernels::transpose(dz.row(s * horizon), horizon, cache.channels, cache.dy.row(s * tokens));
    return cache.dy;
  }
  /// dx of enter, after backward_leave.
  Rows<const Scalar> backward_enter(const Pass& pass, Rows<const Scalar> dn, Cache& cache) const {
    return normalizes ? instance_norm.backward_input(pass, dn, cache.instance_norm) : dn;
  }
};

}  // namespace spat
