// A series, a model and its data for tests of backtests, and what the figures are computed from.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/models/concepts.hpp>
#include <spat/train/backtest.hpp>

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace backtest_example {

using namespace spat;

/// Forecasts the last channels: their last rows, moved by `slope` times the mean of the first row
/// of the history.
struct Toy {
  using Value = float;
  struct Cache {
    Arena arena;
    Rows<float> forecast;
  };

  std::size_t targets = 3, horizon = 4;
  float slope = 0.5f;

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t) const {
    cache.arena.prepare(
        purpose, [&](Arena& arena) { arena.take(cache.forecast, samples * horizon, targets); });
  }
  Rows<const float> forward(const Pass&, const WindowBatch<float>& batch, Cache& cache) const {
    const std::size_t channels = batch.channels();
    for (std::size_t b = 0; b < batch.samples; ++b) {
      const float* const oldest = batch.history.row(b * batch.lookback);
      const float* const latest = batch.history.row((b + 1) * batch.lookback - 1);
      float mean = 0;
      for (std::size_t c = 0; c < channels; ++c) mean += oldest[c] / static_cast<float>(channels);
      for (std::size_t t = 0; t < horizon; ++t)
        for (std::size_t c = 0; c < targets; ++c)
          cache.forecast.row(b * horizon + t)[c] =
              latest[channels - targets + c] + slope * mean * static_cast<float>(t + 1);
    }
    return cache.forecast;
  }
  [[nodiscard]] std::size_t multiply_adds(std::size_t) const { return 1; }
  [[nodiscard]] std::size_t target_channels(std::size_t) const { return targets; }
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * horizon;
  }
  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}
};

inline constexpr std::size_t lookback = 5, horizon = 4;
inline constexpr auto as_double = [](std::size_t count) { return static_cast<double>(count); };

/// Business days from a Monday on, so that the season is 5; three channels of different levels.
inline Series made_series(std::size_t rows = 60, std::uint64_t seed = 3) {
  Series series;
  series.names = {"a", "b", "c"};
  series.time_index = TimeIndex::date;
  Random random(seed, 0);
  const std::int64_t monday = DateTime{.year = 2024, .month = 1, .day = 1}.seconds();
  for (std::size_t r = 0; r < rows; ++r) {
    series.times.push_back(monday + static_cast<std::int64_t>(r / 5 * 7 + r % 5) * 86400);
    for (std::size_t c = 0; c < 3; ++c)
      series.values.push_back(100 * as_double(c) + as_double(r % 5) + random.normal());
  }
  return series;
}
inline DataDescription described(const Series& series, Features features = Features::all) {
  return describe_series(series, StandardScaler({1, 90, 205}, {2, 0.5, 4}),
                         {.lookback = lookback, .horizon = horizon, .features = features});
}
inline Series until(const Series& series, std::size_t rows) {
  Series part = series;
  part.values.resize(rows * series.channels());
  part.times.resize(series.times.empty() ? 0 : rows);
  if (!part.filled.empty()) part.filled.resize(rows * series.channels());
  return part;
}

struct Number {
  std::size_t channel, step;
  double truth, forecast;
};

/// All numbers that a method has to forecast, from what lies before each origin alone.
inline std::vector<Number> forecasts_of(const std::string& method, const Toy& model,
                                        const Series& all, const DataDescription& data,
                                        const Backtest& found) {
  std::vector<Number> numbers;
  const std::size_t skipped = all.channels() - found.channels.size();
  for (const std::size_t origin : found.origins) {
    const Series known = until(all, origin);
    const Series y = forecast(model, data, known);
    for (std::size_t t = 0; t < horizon; ++t)
      for (std::size_t c = 0; c < found.channels.size(); ++c) {
        if (all.is_filled(origin + t, skipped + c)) continue;
        std::vector<double> past;
        for (std::size_t r = 0; r < origin; ++r)
          past.push_back(known.values[r * all.channels() + skipped + c]);
        double one = y.view().row(t)[c];
        if (method == "naive") one = past.back();
        if (method == "drift")
          one = past.back() + as_double(t + 1) * (past.back() - past[0]) / as_double(origin - 1);
        if (method == "seasonal naive") {
          std::vector<double> longer = past;  // seasons repeat themselves
          for (std::size_t i = 0; i <= t; ++i)
            longer.push_back(longer[longer.size() - found.season]);
          one = longer.back();
        }
        numbers.push_back({c, t, all.view().row(origin + t)[skipped + c], one});
      }
  }
  return numbers;
}

/// The errors of some of the numbers.
template <class Chosen>
BacktestErrors errors_of(const std::vector<Number>& numbers, Chosen&& chosen) {
  double absolutes = 0, squares = 0, relatives = 0, n = 0;
  for (const Number& one : numbers) {
    if (!chosen(one)) continue;
    const double error = one.truth - one.forecast;
    absolutes += std::abs(error), squares += error * error, n += 1;
    if (error != 0)
      relatives += 200 * std::abs(error) / (std::abs(one.truth) + std::abs(one.forecast));
  }
  return {absolutes / n, std::sqrt(squares / n), relatives / n, std::nan(""),
          static_cast<std::size_t>(n)};
}
inline double scale_by_hand(const Series& series, std::size_t channel, std::size_t season,
                            std::size_t first) {
  double sum = 0, n = 0;
  for (std::size_t r = 0; r + season < first; ++r) {
    if (series.is_filled(r, channel) || series.is_filled(r + season, channel)) continue;
    sum += std::abs(series.view().row(r + season)[channel] - series.view().row(r)[channel]);
    n += 1;
  }
  return sum / n;
}
inline std::vector<std::string> names_of(const Backtest& found) {
  std::vector<std::string> names;
  for (const BacktestMethod& method : found.methods) names.push_back(method.name);
  return names;
}

}  // namespace backtest_example
