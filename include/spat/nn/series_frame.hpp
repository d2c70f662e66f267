// nn. The frame around a map of whole series: normalizes each window, transposes the resulting
// series into rows of time, and restores their scale.
#pragma once

#include <spat/kernels/elementwise.hpp>
#include <spat/nn/instance_norm.hpp>

namespace spat::inline SPAT_ABI {

/// Transposes each sample: y(b, j, i) = x(b, i, j).
///
/// Shapes:  x [samples * rows x cols]   y [samples * cols x rows].
template <std::floating_point Scalar>
void transpose_samples(Rows<const Scalar> x, std::size_t samples, Rows<Scalar> y) {
  for (std::size_t s = 0; s < samples; ++s)
    kernels::transpose(x.row(s * y.cols()), y.cols(), x.cols(), y.row(s * x.cols()));
}

/// The frame of a map of series:
///
///     enter  n = instance_norm(history), or history itself
///     leave  forecast = restore(z),  z(b, :, s) = y(b, s, :) for the first S of a sample's N rows
///
/// The S series are the last of the C channels, usually all of them. The rows of y after them
/// (tokens of time marks) are not series.
///
/// Shapes:  history, n [samples * L x C]   y [samples * N x T]   z, forecast [samples * T x S].
///
/// No parameters.
template <std::floating_point Scalar>
class SeriesFrame {
 public:
  using Value = Scalar;

  SeriesFrame(bool normalize, std::size_t lookback_rows, std::size_t horizon_rows)
      : normalizes(normalize), lookback(lookback_rows), horizon(horizon_rows) {}

  bool normalizes;  // if not, n is the history and the forecast is z
  std::size_t lookback, horizon;
  InstanceNorm<Scalar> instance_norm;

  struct Cache {
    typename InstanceNorm<Scalar>::Cache instance_norm;
    Rows<Scalar> z, dy;
    std::size_t samples = 0, tokens = 0, targets = 0;

    /// `token_count` is N, `target_count` is S.
    void lay_out(Arena& arena, const SeriesFrame& layer, std::size_t sample_count,
                 std::size_t channels, std::size_t token_count, std::size_t target_count) {
      const std::size_t steps = layer.horizon;
      samples = sample_count;
      tokens = token_count;
      targets = target_count;
      if (layer.normalizes)
        instance_norm.lay_out(arena, samples, layer.lookback, steps, channels, targets);
      arena.take(z, samples * steps, targets);
      if (arena.training()) arena.take(dy, samples * tokens, steps);
    }
    /// Lays the cache out for a forecast of all channels.
    void lay_out(Arena& arena, const SeriesFrame& layer, std::size_t sample_count,
                 std::size_t channels, std::size_t token_count) {
      lay_out(arena, layer, sample_count, channels, token_count, channels);
    }
  };

  Rows<const Scalar> enter(const Pass& pass, Rows<const Scalar> history, Cache& cache) const {
    return normalizes ? instance_norm.forward(pass, history, cache.instance_norm) : history;
  }

  Rows<const Scalar> leave(const Pass& pass, Rows<const Scalar> y, Cache& cache) const {
    for (std::size_t s = 0; s < cache.samples; ++s)
      kernels::transpose(y.row(s * cache.tokens), cache.targets, horizon, cache.z.row(s * horizon));
    return normalizes ? instance_norm.restore(pass, cache.z, cache.instance_norm)
                      : Rows<const Scalar>(cache.z);
  }

  /// Returns dy [samples * N x T]. It is zero in rows that are not series.
  Rows<const Scalar> backward_leave(const Pass& pass, Rows<const Scalar> dforecast,
                                    Cache& cache) const {
    const auto dz =
        normalizes ? instance_norm.backward_restore(pass, dforecast, cache.z, cache.instance_norm)
                   : dforecast;
    if (cache.tokens > cache.targets) std::ranges::fill(cache.dy.flat(), Scalar(0));
    for (std::size_t s = 0; s < cache.samples; ++s)
      kernels::transpose(dz.row(s * horizon), horizon, cache.targets,
                         cache.dy.row(s * cache.tokens));
    return cache.dy;
  }
  /// Returns the dx of enter(). Must follow backward_leave().
  Rows<const Scalar> backward_enter(const Pass& pass, Rows<const Scalar> dn, Cache& cache) const {
    return normalizes ? instance_norm.backward_input(pass, dn, cache.instance_norm) : dn;
  }
};

}  // namespace spat
