// train. Naive forecasts, a baseline for models.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/data/windows.hpp>
#include <spat/train/metrics.hpp>

#include <cmath>
#include <concepts>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// Errors of a naive forecast that repeats the last `period` rows before the forecast, in scaled
/// units over all windows, steps and target channels:
///
///     forecast[L + t] = history[L - period + t mod period],  t = 0 .. T-1
///
/// Period 1 repeats the last value. Filled cells of the target do not count. Throws ConfigError
/// unless 1 <= period <= lookback, and DataError if no number counts.
template <std::floating_point Scalar>
[[nodiscard]] Metrics naive_errors(const WindowDataset<Scalar>& windows, std::size_t period = 1) {
  const std::size_t lookback = windows.options().lookback, horizon = windows.options().horizon;
  if (period == 0 || period > lookback) {
    throw ConfigError(
        message("a season of ", period, " rows does not fit into a lookback of ", lookback));
  }
  const Rows<const Scalar> values = windows.values();
  const std::size_t channels = windows.channels(),
                    first_channel = channels - windows.target_channels();
  Metrics sum{.windows = windows.size()};
  std::size_t count = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    const std::size_t future = windows.begin_of(i) + lookback;
    for (std::size_t t = 0; t < horizon; ++t) {
      const Scalar* const forecast = values.row(future - period + t % period);
      const Scalar* const truth = values.row(future + t);
      for (std::size_t c = first_channel; c < channels; ++c) {
        if (windows.is_filled(future + t, c)) continue;
        ++count;
        const double error = static_cast<double>(forecast[c]) - static_cast<double>(truth[c]);
        sum.mse = multiply_add(error, error, sum.mse);
        sum.mae += std::abs(error);
      }
    }
  }
  if (count == 0) throw DataError("the windows have no numbers to compare forecasts with");
  const auto total = static_cast<double>(count);
  return {.mse = sum.mse / total, .mae = sum.mae / total, .windows = sum.windows};
}

}  // namespace spat
