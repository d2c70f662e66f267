// data. The window at the end of a series, whose future is not known yet: the input of a forecast.
#pragma once

#include <spat/data/windows.hpp>

namespace spat::inline SPAT_ABI {

/// One sample: the last lookback rows in scaled units, and no target. The times of its future marks
/// are those of future_times(). Its views are valid until the buffer's next use. Throws as
/// WindowDataset does.
template <std::floating_point Scalar>
[[nodiscard]] WindowBatch<Scalar> latest_window(const Series& series, const StandardScaler& scaler,
                                                const WindowOptions& options,
                                                WindowBuffer<Scalar>& buffer,
                                                const Calendar& calendar = {}) {
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
    detail::mark_times<Scalar>(future_times(series, horizon, calendar), *options.marks,
                               buffer.future_marks);
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
