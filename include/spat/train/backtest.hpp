// train. A backtest by rolling origins: a model against naive forecasts, in the units of a series.
#pragma once

#include <spat/data/season.hpp>
#include <spat/models/forecast.hpp>
#include <spat/train/backtest_result.hpp>
#include <spat/train/backtest_sums.hpp>
#include <spat/train/evaluate.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How a backtest goes through a series.
struct BacktestOptions {
  std::optional<std::size_t> step = {};  // rows between origins; without one the horizon
  std::size_t origins = 0;               // only the last so many; 0: all
  std::size_t retrain_every = 0;  // the model is trained anew before each so many origins; 0: never
  std::size_t season = 0;         // in rows; 0: that of the calendar, 1: none
  std::size_t batch_size = 64;
};

/// The origins of a backtest, rising: the first rows o of forecasts whose rows [o, o + horizon) lie
/// in `rows`, with a lookback before them in the series. The last forecast ends where the rows end,
/// and the others lie whole steps before it. Throws ConfigError for a step of 0, and DataError if
/// the rows do not hold one forecast.
[[nodiscard]] inline std::vector<std::size_t> rolling_origins(Split rows,
                                                              const WindowOptions& window,
                                                              std::size_t step) {
  if (step == 0)
    throw ConfigError("the step from one origin to the next must be at least 1 row, found 0");
  const std::string range = message("rows [", rows.begin, ", ", rows.end, ")");
  if (rows.begin >= rows.end)
    throw DataError(message("a backtest needs rows to forecast, found none in ", range));
  const std::size_t first = std::max(rows.begin, window.lookback);
  const std::size_t found = rows.end > first ? rows.end - first : 0;
  if (window.horizon == 0 || found < window.horizon)
    throw DataError(message("one forecast of a backtest needs ", window.horizon,
                            " rows after a lookback of ", window.lookback, ", found ", found,
                            " in ", range, ": choose more rows"));
  std::vector<std::size_t> origins;
  for (std::size_t left = (found - window.horizon) / step + 1; left-- > 0;)
    origins.push_back(rows.end - window.horizon - left * step);
  return origins;
}

namespace detail {

/// Fills in the season of a backtest. Throws DataError for one that was asked for and does not fit.
inline void choose_season(Backtest& found, const DataDescription& data, const Series& series,
                          std::size_t asked) {
  Calendar calendar = data.calendar;
  if (calendar.unit == Calendar::Unit::none)
    calendar = infer_calendar(series.time_index, series.times).calendar;
  const std::size_t season = asked == 0 ? season_of(calendar) : asked, first = found.origins[0];
  if (season < first || season == 1)
    found.season = season;
  else if (asked == 0)
    found.long_season = season;
  else
    throw DataError(message("a season of ", season, " rows needs more than ", season,
                            " rows before the first origin, found ", first,
                            ": begin later, or choose a shorter season"));
}

/// The scale of MASE of a channel: see Backtest::scales.
[[nodiscard]] inline double scale_of(const Series& series, std::size_t channel, std::size_t season,
                                     std::size_t first_origin) {
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t r = season; r < first_origin; ++r) {
    if (series.is_filled(r, channel) || series.is_filled(r - season, channel)) continue;
    sum += std::abs(series.view().row(r)[channel] - series.view().row(r - season)[channel]);
    ++count;
  }
  return sum > 0 ? sum / static_cast<double>(count) : std::nan("");
}

/// Whether windows with filled cells are left out, and the window of this origin holds one.
[[nodiscard]] inline bool leaves_out(const Series& series, const WindowOptions& window,
                                     std::size_t origin) {
  const std::size_t channels = series.channels(), first = channels - window.inputs(channels);
  for (std::size_t r = origin - window.lookback; window.skip_filled && r < origin + window.horizon;
       ++r)
    for (std::size_t c = first; c < channels; ++c)
      if (series.is_filled(r, c)) return true;
  return false;
}

}  // namespace detail

/// Forecasts the past: from each of rolling_origins() the model forecasts a horizon, from the
/// lookback before it, and its errors are compared with those of forecasts that know as much:
///
///     naive            f[o + t] = y[o - 1],  t = 0 .. horizon - 1
///     seasonal naive   f[o + t] = y[o - m + t mod m],  if there is a season m > 1, and more rows
///                      than it before the first origin
///     drift            f[o + t] = y[o - 1] + (t + 1) (y[o - 1] - y[0]) / (o - 1)
///
/// All figures are in the units of the series. Numbers that the file does not have (filled cells)
/// are forecast and count in none; windows that hold one are left out if the model was trained
/// without such windows. A cell that was filled from later ones, as MissingRule::linear does, tells
/// the forecasts of them, and known covariates (see WindowOptions) are those that came.
///
/// `retrain`(model, origin) is called before origins 0, k, 2k, ..., k = options.retrain_every, with
/// the model in use and the row of the origin, and returns the model of the forecasts from there
/// on. It must read no row from the origin on. The scaler and the intervals stay as they are. No
/// levels: no intervals.
///
/// The sums are in double in the order of the origins: neither the batch size nor the workers
/// change the result. Throws DataError if the rows do not lie in the series or do not hold one
/// forecast, and for a season that was asked for and is too long, ConfigError for a step of 0 and
/// for retraining without `retrain`, ShapeError for intervals of another horizon or number of
/// channels, NumericError if a forecast is not finite, and what forecast() throws.
template <Evaluable Model>
[[nodiscard]] Backtest backtest(
    const Model& model, const DataDescription& data, const Series& series, Split rows,
    const BacktestOptions& options = {}, const ConformalIntervals& intervals = {},
    const std::type_identity_t<std::function<Model(const Model&, std::size_t)>>& retrain = {},
    Team* team = nullptr) {
  WindowOptions window = data.window;
  detail::check_windows(series, data.scaler, window);
  if (!data.names.empty()) detail::expect_names(data.names, series.names);
  if (rows.begin > rows.end || rows.end > series.rows())
    throw DataError(message("rows [", rows.begin, ", ", rows.end, ") do not lie in a series of ",
                            series.rows()));
  if (options.retrain_every != 0 && !retrain)
    throw ConfigError("retraining needs a function that trains, found none");
  const std::size_t targets = window.targets(series.channels());
  if (!intervals.levels.empty() &&
      (intervals.horizon != window.horizon || intervals.channels != targets))
    throw ShapeError(message("intervals of ", intervals.horizon, " steps and ", intervals.channels,
                             " channels, found forecasts of ", window.horizon, " and ", targets));

  Backtest found{.lookback = window.lookback,
                 .horizon = window.horizon,
                 .step = options.step.value_or(window.horizon),
                 .known_covariates = window.known_covariates};
  found.channels.assign(series.names.end() - static_cast<std::ptrdiff_t>(targets),
                        series.names.end());
  window.stride = found.step;
  found.origins = rolling_origins(rows, window, found.step);
  found.left_out = std::erase_if(found.origins, [&](std::size_t origin) {
    return detail::leaves_out(series, window, origin);
  });
  if (found.origins.empty())
    throw DataError(message("the windows of all ", found.left_out,
                            " origins hold cells without a number, and are left out: choose more ",
                            "rows, or another missing rule"));
  if (options.origins != 0 && options.origins < found.origins.size())
    found.origins.erase(found.origins.begin(),
                        found.origins.end() - static_cast<std::ptrdiff_t>(options.origins));
  const std::size_t first = found.origins.front();
  expect_calendar(data.calendar, series, series.rows() - (first - window.lookback));
  detail::choose_season(found, data, series, options.season);
  for (std::size_t c = series.channels() - targets; c < series.channels(); ++c)
    found.scales.push_back(detail::scale_of(series, c, found.season, first));
  const auto time = [&](std::size_t row) {
    if (series.times.empty()) return std::string();
    return series.time_index == TimeIndex::date ? format_time(series.time_format, series.times[row])
                                                : message(series.times[row]);
  };
  found.first_time = time(first), found.last_time = time(found.origins.back());

  detail::BacktestSums sums(series, data, intervals, found.season);
  const std::size_t count = found.origins.size(),
                    together = options.retrain_every == 0 ? count : options.retrain_every;
  const Model* current = &model;
  std::unique_ptr<Model> trained;
  for (std::size_t i = 0, after = 0; i < count; i = after) {  // origins of one model
    after = i + std::min(together, count - i);
    if (options.retrain_every != 0) {
      trained = std::make_unique<Model>(retrain(*current, found.origins[i]));
      current = trained.get();
      found.retrained.push_back(found.origins[i]);
    }
    const WindowDataset<typename Model::Value> windows(
        series, data.scaler,
        {found.origins[i] - window.lookback, found.origins[after - 1] + window.horizon}, window);
    assert(windows.size() == after - i);
    std::size_t next = i;
    for_each_forecast(
        *current, windows, team, options.batch_size, [&](const auto& batch, const auto& y) {
          for (std::size_t b = 0; b < batch.samples; ++b)
            sums.add(found.origins[next++], y.middle_rows(b * batch.horizon, batch.horizon));
        });
  }
  sums.finish(found);
  return found;
}

}  // namespace spat
