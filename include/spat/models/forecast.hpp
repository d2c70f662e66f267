// models. The forecast of a series in its own units and at its own times.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/data/latest_window.hpp>
#include <spat/models/predictor.hpp>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Throws ConfigError with the first column that differs.
inline void expect_names(const std::vector<std::string>& expected,
                         const std::vector<std::string>& found) {
  if (expected == found) return;
  constexpr const char* start =
      "the columns of the series are not those that the model was trained on: ";
  if (expected.size() != found.size())
    throw ConfigError(message(start, "expected ", expected.size(), ", found ", found.size()));
  const auto [a, b] = std::ranges::mismatch(expected, found);
  throw ConfigError(message(start, "column ", a - expected.begin() + 1, ": expected ",
                            in_quotes(*a), ", found ", in_quotes(*b)));
}

}  // namespace detail

/// What the first `horizon` rows of `later` after the end of a series say of the rows to forecast:
/// their times, and the covariates if the model takes them, which are all columns but the last of
/// `data`. Throws DataError for fewer rows, and for times of another kind or none.
[[nodiscard]] inline KnownFuture known_future(const DataDescription& data, const Series& series,
                                              const Series& later) {
  const std::size_t horizon = data.window.horizon;
  std::size_t first = 0;
  if (!series.times.empty()) {
    if (later.time_index != series.time_index)
      throw DataError("the rows to forecast need times of the same kind as those of the series");
    const auto after = std::ranges::upper_bound(later.times, series.times.back());
    first = static_cast<std::size_t>(after - later.times.begin());
  }
  const std::size_t rows = later.names.empty() ? later.times.size() : later.rows(),
                    found = rows - std::min(first, rows);
  if (found < horizon)
    throw DataError(message("a forecast needs ", horizon, " rows after the end of the series, ",
                            "found ", found));
  KnownFuture future;
  if (!later.times.empty())
    future.times.assign(later.times.begin() + static_cast<std::ptrdiff_t>(first),
                        later.times.begin() + static_cast<std::ptrdiff_t>(first + horizon));
  if (!data.window.known_covariates) return future;
  const std::vector<std::string> names(data.names.begin(), data.names.end() - 1);
  const Series chosen = select_columns(later, names);
  const auto begin = chosen.values.begin() + static_cast<std::ptrdiff_t>(first * names.size());
  future.covariates.assign(begin, begin + static_cast<std::ptrdiff_t>(horizon * names.size()));
  return future;
}

/// Forecasts the rows after the end of a series. Returns a series of the target channels, [horizon
/// x C_out], in the units of the series. Its times continue those of the series by the calendar of
/// `data`, or by their own if it has none, or are those of `known`; it has none if the series has
/// none.
///
/// Throws DataError for fewer rows than the lookback, and if most of them do not follow the
/// calendar. Throws ShapeError for a scaler of other channels or a window that the model cannot
/// take. Throws ConfigError for time marks without dates, for a single row with a time, for columns
/// of other names than those of `data`, if it has any, and if `known` lacks covariates that the
/// model takes or has some that it does not.
template <Evaluable Model>
[[nodiscard]] Series forecast(Predictor<Model>& predictor, const DataDescription& data,
                              const Series& series, const KnownFuture& known = {}) {
  if (!data.names.empty()) detail::expect_names(data.names, series.names);
  expect_calendar(data.calendar, series, data.window.lookback);
  WindowBuffer<typename Model::Value> buffer;
  const auto window = latest_window(series, data.scaler, data.window, buffer, data.calendar, known);
  const auto y = predictor.forecast(window);
  Series future;
  const std::size_t first = series.channels() - y.cols();  // the targets are the last channels
  future.names.assign(series.names.begin() + static_cast<std::ptrdiff_t>(first),
                      series.names.end());
  for (std::size_t t = 0; t < y.rows(); ++t)
    for (std::size_t c = 0; c < y.cols(); ++c)
      future.values.push_back(data.scaler.inverse(static_cast<double>(y.row(t)[c]), first + c));
  future.time_index = series.time_index;
  future.time_name = series.time_name;
  future.time_format = series.time_format;
  if (!series.times.empty())
    future.times = known.times.empty() ? future_times(series, data.window.horizon, data.calendar)
                                       : known.times;
  return future;
}

/// The same by a model, for a single forecast.
template <Evaluable Model>
[[nodiscard]] Series forecast(Model model, const DataDescription& data, const Series& series,
                              Team* team = nullptr) {
  Predictor<Model> predictor(std::move(model), team);
  return forecast(predictor, data, series);
}

}  // namespace spat
