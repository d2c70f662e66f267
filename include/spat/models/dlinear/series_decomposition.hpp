// models. Decomposition of a series into its moving average and the remainder.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/moving_average.hpp>

namespace spat::inline SPAT_ABI {

/// Decomposes each series (Autoformer, Wu et al., 2021):
///
///     trend = moving average over `window` steps, with the end values repeated
///     seasonal = x - trend
///
/// Shapes:  x, trend, seasonal [series x L].
///
/// No parameters. Errors: ConfigError for an even window.
template <std::floating_point Scalar, std::size_t Length = dynamic>
class SeriesDecomposition {
 public:
  using Value = Scalar;

  explicit SeriesDecomposition(std::size_t steps) : window(steps) {
    if (window % 2 == 0)
      throw ConfigError(message("a moving average needs an odd window, found ", window));
  }

  std::size_t window;

  struct Cache {
    Rows<Scalar, Length> trend, seasonal, dx, difference;

    void lay_out(Arena& arena, std::size_t series, std::size_t length) {
      for (auto* view : {&trend, &seasonal}) arena.take(*view, series, length);
      if (!arena.training()) return;
      arena.take(dx, series, length);
      arena.take(difference, 1, length);
    }
  };

  struct Parts {
    Rows<const Scalar, Length> trend, seasonal;
  };

  Parts forward(const Pass& pass, Rows<const Scalar, Length> x, Cache& cache) const {
    pass.for_shares(x.rows(), window * x.size(), [&](std::size_t first, std::size_t last) {
      for (std::size_t r = first; r < last; ++r) {
        Scalar *const trend = cache.trend.row(r), *const seasonal = cache.seasonal.row(r);
        kernels::moving_average<Scalar>({x.row(r), x.cols()}, window, {trend, x.cols()});
        for (std::size_t t = 0; t < x.cols(); ++t) seasonal[t] = x.row(r)[t] - trend[t];
      }
    });
    return {cache.trend.middle_rows(0, x.rows()), cache.seasonal.middle_rows(0, x.rows())};
  }

  /// Returns dx = dseasonal + average^T (dtrend - dseasonal).
  Rows<const Scalar, Length> backward_input(const Pass&, const Parts& dparts, Cache& cache) const {
    const auto dx = cache.dx.middle_rows(0, dparts.trend.rows());
    for (std::size_t r = 0; r < dx.rows(); ++r) {
      const Scalar *const dtrend = dparts.trend.row(r), *const dseasonal = dparts.seasonal.row(r);
      Scalar* const difference = cache.difference.data();
      for (std::size_t t = 0; t < dx.cols(); ++t) difference[t] = dtrend[t] - dseasonal[t];
      kernels::moving_average_backward<Scalar>({difference, dx.cols()}, window,
                                               {dx.row(r), dx.cols()});
      for (std::size_t t = 0; t < dx.cols(); ++t) dx.row(r)[t] += dseasonal[t];
    }
    return dx;
  }
};

}  // namespace spat
