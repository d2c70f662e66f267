// data. The window at the end of a series, whose future is not known yet: the input of a forecast.
#pragma once

#include <spat/data/windows.hpp>

namespace spat::inline SPAT_ABI {

/// The times of the `count` rows after the last one, each one median step later than the one
/// before. Throws ConfigError without a time index or with fewer than two rows.
[[nodiscard]] inline std::vector<std::int64_t> future_times(const Series& series,
                                                            std::size_t count) {
  if (series.times.size() < 2)
    throw ConfigError("future times need a time index of at least two rows");
  std::vector<std::int64_t> steps;
  for (std::size_t r = 1; r < series.times.size(); ++r)
    steps.push_back(series.times[r] - series.times[r - 1]);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  std::vector<std::int64_t> times(count, series.times.back());
  for (std::size_t i = 0; i < count; ++i) times[i] += static_cast<std::int64_t>(i + 1) * *middle;
  return times;
}

/// The last lookback rows in scaled units as one sample without a target. Its views are valid until
/// the buffer's next use. Throws as WindowDataset does; ignores options.stride.
template <std::floating_point Scalar>
[[nodiscard]] WindowBatch<Scalar> latest_window(const Series& series, const StandardScaler& scaler,
                                                const WindowOptions& options,
                                                WindowBuffer<Scalar>& buffer) {
  const std::size_t lookback = options.lookback, horizon = options.horizon;
  if (lookback == 0 || horizon == 0) throw ConfigError("lookback and horizon must be at least 1");
  if (series.rows() < lookback) {
    throw DataError(message("a forecast needs ", lookback, " rows, found ", series.rows()));
  }
  if (scaler.channels() != series.channels()) {
    throw ShapeError(message("expected a scaler of ", series.channels(), " channels, found ",
                             scaler.channels()));
  }
  const std::size_t channels = options.features == Features::target ? 1 : series.channels();
  const std::size_t begin = series.rows() - lookback;
  buffer.history.clear();
  for (std::size_t r = begin; r < series.rows(); ++r) {
    for (std::size_t c = series.channels() - channels; c < series.channels(); ++c) {
      buffer.history.push_back(static_cast<Scalar>(scaler.transform(series.view().row(r)[c], c)));
    }
  }
  std::size_t marks = 0;
  if (options.marks) {
    if (series.time_index != TimeIndex::date)
      throw ConfigError("time marks need a column of dates");
    marks = mark_count(*options.marks);
    const auto fill = [&](AlignedBuffer<Scalar>& to, std::span<const std::int64_t> times) {
      to.clear();
      for (const double mark : time_marks(times, *options.marks))
        to.push_back(static_cast<Scalar>(mark));
    };
    fill(buffer.history_marks, std::span(series.times).subspan(begin));
    fill(buffer.future_marks, future_times(series, horizon));
  }
  return {.samples = 1,
          .lookback = lookback,
          .horizon = horizon,
          .history = {buffer.history.data(), lookback, channels},
          .history_marks = {buffer.history_marks.data(), marks == 0 ? 0 : lookback, marks},
          .future_marks = {buffer.future_marks.data(), marks == 0 ? 0 : horizon, marks},
          .target = {}};
}

}  // namespace spat
