// data. The window at the end of a series, whose future is not known yet: the input of a forecast.
#pragma once

#include <spat/data/windows.hpp>

namespace spat::inline SPAT_ABI {

/// What is known of the rows to forecast.
struct KnownFuture {
  std::vector<std::int64_t> times = {};  // [horizon], or empty: those of future_times()
  /// [horizon x channels - 1], in the units of the series: the covariates, if they are known (see
  /// WindowOptions).
  std::vector<double> covariates = {};
};

namespace detail {

/// Moves the covariates of a history, [lookback x channels], up by the rows that are known of the
/// future, and lets these follow. The target, the last channel, stays.
template <class Scalar>
void shift_covariates(const KnownFuture& future, const StandardScaler& scaler,
                      AlignedBuffer<Scalar>& history) {
  const std::size_t channels = scaler.channels(), covariates = channels - 1,
                    lookback = history.size() / channels,
                    horizon = future.covariates.size() / covariates;
  for (std::size_t l = 0; l < lookback; ++l)
    for (std::size_t c = 0; c < covariates; ++c) {
      const std::size_t from = l + horizon;
      Scalar& to = history[l * channels + c];
      to = from < lookback ? history[from * channels + c]
                           : static_cast<Scalar>(scaler.transform(
                                 future.covariates[(from - lookback) * covariates + c], c));
      if (!std::isfinite(to))
        throw DataError(message("covariate ", c, " of the rows to forecast is not finite"));
    }
}

}  // namespace detail

/// One sample: the last lookback rows in scaled units, and no target. The times of its future marks
/// are those of `future`, or follow `calendar`. Its views are valid until the buffer's next use.
/// Throws as WindowDataset does, ConfigError for known covariates of another number, and DataError
/// for a filled cell if windows with such cells are left out.
template <std::floating_point Scalar>
[[nodiscard]] WindowBatch<Scalar> latest_window(const Series& series, const StandardScaler& scaler,
                                                const WindowOptions& options,
                                                WindowBuffer<Scalar>& buffer,
                                                const Calendar& calendar = {},
                                                const KnownFuture& future = {}) {
  const std::size_t lookback = options.lookback, horizon = options.horizon;
  detail::check_windows(series, scaler, options);
  if (series.rows() < lookback)
    throw DataError(message("a forecast needs ", lookback, " rows, found ", series.rows()));
  const std::size_t begin = series.rows() - lookback, channels = series.channels(),
                    known = options.known_covariates ? horizon * (channels - 1) : 0;
  if (future.covariates.size() != known)
    throw ConfigError(message("expected ", known,
                              " numbers of covariates of the rows to forecast, ", "found ",
                              future.covariates.size()));
  for (std::size_t r = begin; options.skip_filled && r < series.rows(); ++r)
    for (std::size_t c = channels - options.inputs(channels); c < channels; ++c)
      if (series.is_filled(r, c))
        throw DataError(message("row ", r, ", channel ", in_quotes(series.names[c]),
                                ", has no number, and the model was trained without such rows; "
                                "another missing rule fills it"));
  buffer.history.clear(), buffer.history_marks.clear(), buffer.future_marks.clear();
  detail::scale_rows(series, scaler, {begin, series.rows()}, options, buffer.history);
  if (known > 0) detail::shift_covariates(future, scaler, buffer.history);
  std::size_t marks = 0;
  if (options.marks) {
    marks = mark_count(*options.marks);
    detail::mark_times<Scalar>(std::span(series.times).subspan(begin), *options.marks,
                               buffer.history_marks);
    if (!future.times.empty() && future.times.size() != horizon)
      throw ConfigError(
          message("expected ", horizon, " times of rows to forecast, found ", future.times.size()));
    detail::mark_times<Scalar>(
        future.times.empty() ? future_times(series, horizon, calendar) : future.times,
        *options.marks, buffer.future_marks);
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
