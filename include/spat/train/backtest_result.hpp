// train. What a backtest found: the errors of a model and of naive forecasts, by channel and step.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The errors of forecasts f of numbers y:
///
///     MAE = mean |y - f|,  RMSE = sqrt(mean (y - f)^2),  both in the units of the series
///     sMAPE = mean 200 |y - f| / (|y| + |f|),  in percent, 0 where both are 0
///     MASE = MAE / q,  q the scale of the channel (Backtest::scales)
///
/// Over several channels MAE and RMSE are over all of their numbers, whatever the units of each;
/// sMAPE and MASE are the means of the channels that have one. NaN where there is nothing.
struct BacktestErrors {
  double mae = 0, rmse = 0, smape = 0, mase = 0;
  std::size_t forecasts = 0;  // numbers that were compared
};

/// How often intervals hold what came, and how wide they are, in the units of the series. Over
/// several channels both are over all of their numbers. NaN where there is nothing.
struct BacktestCoverage {
  double coverage = 0, mean_width = 0;
};

/// Figures of each channel and each step, of all steps, and of all channels.
template <class Figures>
struct BacktestTable {
  std::size_t channels = 0, horizon = 0;
  /// [channels + 1][horizon + 1], row-major: the last row is of all channels, the last column of
  /// all steps.
  std::vector<Figures> cells = {};

  /// Steps count from 0. Channel `channels` stands for all, and so does step `horizon`.
  [[nodiscard]] const Figures& at(std::size_t channel, std::size_t step) const {
    return cells[channel * (horizon + 1) + step];
  }
  [[nodiscard]] const Figures& of_channel(std::size_t channel) const {
    return at(channel, horizon);
  }
  [[nodiscard]] const Figures& of_step(std::size_t step) const { return at(channels, step); }
  [[nodiscard]] const Figures& overall() const { return at(channels, horizon); }
};

/// A way to forecast, and its errors.
struct BacktestMethod {
  std::string name;
  BacktestTable<BacktestErrors> errors = {};
};

/// The intervals of one level, around the forecasts of the model.
struct BacktestInterval {
  double level = 0;
  BacktestTable<BacktestCoverage> found = {};
};

/// What backtest() returns.
struct Backtest {
  static constexpr const char *model = "model", *naive = "naive",
                              *seasonal_naive = "seasonal naive", *drift = "drift";

  std::vector<std::string> channels = {};  // those that are forecast
  std::size_t lookback = 0, horizon = 0, step = 0;
  /// In rows; 1: none. `long_season`: one that the rows before the first origin do not hold; or 0.
  std::size_t season = 1, long_season = 0;
  std::vector<std::size_t> origins = {};        // first rows of the forecasts, rising
  std::string first_time = {}, last_time = {};  // of the first and last origin, as in the file
  std::vector<std::size_t> retrained = {};      // origins before which the model was trained anew
  bool known_covariates = false;                // forecasts read the covariates of their own rows
  std::size_t left_out = 0;  // origins whose windows hold filled cells, where such are left out
  std::size_t filled = 0;    // numbers to forecast that the file does not have: they do not count
  /// [channels]: q = mean |y[t] - y[t - season]| over the rows before the first origin, without
  /// filled cells. NaN if that is 0 or there are too few rows.
  std::vector<double> scales = {};
  std::vector<BacktestMethod> methods = {};      // the model is the first
  std::vector<BacktestInterval> intervals = {};  // by level

  /// The method of this name; null if there is none.
  [[nodiscard]] const BacktestMethod* find(std::string_view name) const {
    for (const BacktestMethod& method : methods)
      if (method.name == name) return &method;
    return nullptr;
  }
  /// What the model has to beat: the seasonal naive, or the naive without a season. Null in a
  /// backtest of nothing.
  [[nodiscard]] const BacktestMethod* baseline() const {
    const BacktestMethod* const seasonal = find(seasonal_naive);
    return seasonal != nullptr ? seasonal : find(naive);
  }
};

}  // namespace spat
