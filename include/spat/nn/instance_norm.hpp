// nn. Instance normalization of a window over time, and its inverse for the forecast.
#pragma once

#include <spat/autograd/layer.hpp>

namespace spat::inline SPAT_ABI {

/// Instance normalization of each sample and channel (Liu et al., Non-stationary Transformers,
/// 2022; RevIN without affine, Kim et al., 2022):
///
///     forward  n = (x - mean) / sigma,  sigma = sqrt(var + 1e-5),  mean and biased var over time
///     restore  y = z sigma + mean
///
/// Shapes:  x, n [samples * L x C]   z, y [samples * T x C]
/// mean, sigma [samples x C].
///
/// If fewer channels are restored, z and y hold the last ones.
template <std::floating_point Scalar>
class InstanceNorm {
 public:
  using Value = Scalar;

  Scalar epsilon = Scalar(1e-5);

  struct Cache {
    Rows<Scalar> n, mean, sigma, dx, dmean, dsigma;
    Rows<Scalar> y, dz;
    std::size_t lookback = 0, horizon = 0, first = 0;  // first: channel of y's column 0

    /// Lays out a cache in which only the last `targets` channels are restored.
    void lay_out(Arena& arena, std::size_t samples, std::size_t l, std::size_t t,
                 std::size_t channels, std::size_t targets) {
      lookback = l;
      horizon = t;
      first = channels - targets;
      arena.take(y, samples * horizon, targets);
      for (auto* view : {&mean, &sigma}) arena.take(*view, samples, channels);
      arena.take(n, samples * lookback, channels);
      if (!arena.training()) return;
      arena.take(dz, samples * horizon, targets);
      arena.take(dx, samples * lookback, channels);
      for (auto* view : {&dmean, &dsigma}) arena.take(*view, samples, channels);
    }
  };

  Rows<const Scalar> forward(const Pass&, Rows<const Scalar> x, Cache& cache) const {
    const std::size_t samples = x.rows() / cache.lookback, channels = x.cols();
    const auto count = static_cast<Scalar>(cache.lookback);
    for (std::size_t s = 0; s < samples; ++s) {
      Scalar *const mean = cache.mean.row(s), *const sigma = cache.sigma.row(s);
      const std::size_t first = s * cache.lookback, last = first + cache.lookback;
      // Distances from the first row: a level far above the spread loses no digits.
      const Scalar* const start = x.row(first);
      std::fill(mean, mean + channels, Scalar(0));
      std::fill(sigma, sigma + channels, Scalar(0));
      for (std::size_t t = first; t < last; ++t)
        for (std::size_t c = 0; c < channels; ++c) mean[c] += x.row(t)[c] - start[c];
      for (std::size_t c = 0; c < channels; ++c) mean[c] /= count;
      for (std::size_t t = first; t < last; ++t)
        for (std::size_t c = 0; c < channels; ++c) {
          const Scalar d = x.row(t)[c] - start[c] - mean[c];
          sigma[c] = multiply_add(d, d, sigma[c]);
        }
      for (std::size_t c = 0; c < channels; ++c) sigma[c] = std::sqrt(sigma[c] / count + epsilon);
      for (std::size_t t = first; t < last; ++t)
        for (std::size_t c = 0; c < channels; ++c)
          cache.n.row(t)[c] = (x.row(t)[c] - start[c] - mean[c]) / sigma[c];
      for (std::size_t c = 0; c < channels; ++c) mean[c] += start[c];
    }
    return cache.n;
  }

  /// Restores the level and scale of each window.
  Rows<const Scalar> restore(const Pass&, Rows<const Scalar> z, Cache& cache) const {
    for (std::size_t r = 0; r < z.rows(); ++r) {
      const Scalar* const mean = cache.mean.row(r / cache.horizon) + cache.first;
      const Scalar* const sigma = cache.sigma.row(r / cache.horizon) + cache.first;
      for (std::size_t c = 0; c < z.cols(); ++c)
        cache.y.row(r)[c] = multiply_add(z.row(r)[c], sigma[c], mean[c]);
    }
    return cache.y;
  }

  /// dz = dy sigma.  Leaves dmean = sum_t dy and dsigma = sum_t dy z for backward_input.
  Rows<const Scalar> backward_restore(const Pass&, Rows<const Scalar> dy, Rows<const Scalar> z,
                                      Cache& cache) const {
    std::ranges::fill(cache.dmean.flat(), Scalar(0));
    std::ranges::fill(cache.dsigma.flat(), Scalar(0));
    for (std::size_t r = 0; r < dy.rows(); ++r) {
      const std::size_t s = r / cache.horizon;
      const Scalar* const sigma = cache.sigma.row(s) + cache.first;
      Scalar* const dmean = cache.dmean.row(s) + cache.first;
      Scalar* const dsigma = cache.dsigma.row(s) + cache.first;
      for (std::size_t c = 0; c < dy.cols(); ++c) {
        cache.dz.row(r)[c] = dy.row(r)[c] * sigma[c];
        dmean[c] += dy.row(r)[c];
        dsigma[c] = multiply_add(dy.row(r)[c], z.row(r)[c], dsigma[c]);
      }
    }
    return cache.dz;
  }

  /// dx = (dn - mean(dn) - n mean(dn n)) / sigma + dmean / L + dsigma n / L. The last two terms
  /// come from backward_restore.
  Rows<const Scalar> backward_input(const Pass&, Rows<const Scalar> dn, Cache& cache) const {
    const std::size_t samples = dn.rows() / cache.lookback;
    const auto count = static_cast<Scalar>(cache.lookback);
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t c = 0; c < dn.cols(); ++c) {
        const std::size_t first = s * cache.lookback, last = first + cache.lookback;
        const Scalar sigma = cache.sigma.row(s)[c];
        Scalar sum = 0, along = 0;
        for (std::size_t t = first; t < last; ++t) {
          sum += dn.row(t)[c];
          along = multiply_add(dn.row(t)[c], cache.n.row(t)[c], along);
        }
        const Scalar level = (cache.dmean.row(s)[c] - sum / sigma) / count;
        const Scalar slope = (cache.dsigma.row(s)[c] - along / sigma) / count;
        for (std::size_t t = first; t < last; ++t)
          cache.dx.row(t)[c] = multiply_add(slope, cache.n.row(t)[c], dn.row(t)[c] / sigma + level);
      }
    return cache.dx;
  }
};

}  // namespace spat
