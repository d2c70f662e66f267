// data. The window at the end of a series, whose future is not known yet: the input of a forecast.
#pragma once

#include <spat/data/windows.hpp>

namespace spat::inline SPAT_ABI {

/// Returns the times of the `count` rows after the last one, each one usual step later (see
/// usual_step()). Throws ConfigError without a time index or with fewer than two rows.
[[nodiscard]] inline std::vector<std::int64_t> future_times(const Series& series,
                                                            std::size_t count) {
  if (series.times.size() < 2)
    throw ConfigError("future times need a time index of at least two rows");
  const auto step = static_cast<std::uint64_t>(usual_step(series.times));
  auto time = static_cast<std::uint64_t>(series.times.back());
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < count; ++i) {
    time += step;  // unsigned: a hostile integer index wraps around and does not overflow
    times.push_back(static_cast<std::int64_t>(time));
  }
  return times;
}

/// One sample: the last lookback rows in scaled units, and no target. Its views are valid until the
/// buffer's next use. Throws as WindowDataset does.
template <std::floating_point Scalar>
[[nodiscard]] WindowBatch<Scalar> latest_window(const Series& series, const StandardScaler& scaler,
                                                const WindowOptions& options,
                                                WindowBuffer<Scalar>& buffer) {
  const std::size_t lookback = options.lookback, horizon = options.horizon;
  detail::check_windows(series, scaler, options);
  if (series.rows() < lookback)
    throw DataError(message("a forecast needs ", lookback, " rows, found ", series.rows()));
  const std::size_t begin = series.rows() - lookback;
  detail::scale_rows(series, scaler, {begin, series.rows()}, options, buffer.history);
  std::size_t marks = 0;
  if (options.marks) {
    marks = mark_count(*options.marks);
    detail::mark_times<Scalar>(std::span(series.times).subspan(begin), *options.marks,
                               buffer.history_marks);
    detail::mark_times<Scalar>(future_times(series, horizon), *options.marks, buffer.future_marks);
  }
  return {.samples = 1,
          .lookback = lookback,
          .horizon = horizon,
          .history = {buffer.history.data(), lookback, options.inputs(series.channels())},
          .history_marks = {buffer.history_marks.data(), marks == 0 ? 0 : lookback, marks},
          .future_marks = {buffer.future_marks.data(), marks == 0 ? 0 : horizon, marks},
          .target = {}};
}

}  // namespace spat
