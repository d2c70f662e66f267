// A backtest with figures of its own in each cell.
#pragma once

#include <spat/report/backtest_report.hpp>

#include <string>
#include <utility>
#include <vector>

namespace backtest_report_example {

using namespace spat;

/// A backtest of two steps. Each cell of each method has figures of its own; the overall MASE of
/// the methods is 0.71, 1.2, 0.93 and 2.5.
inline Backtest example(std::vector<std::string> channels = {"load, MW", "price"}) {
  Backtest found{.channels = std::move(channels),
                 .lookback = 96,
                 .horizon = 2,
                 .step = 24,
                 .season = 24,
                 .origins = {100, 124, 148},
                 .first_time = "2024-01-05",
                 .last_time = "2024-01-07",
                 .retrained = {100, 148},
                 .filled = 1};
  const std::size_t count = found.channels.size();
  found.scales.assign(count, 2);
  const double mase[] = {0.71, 1.2, 0.93, 2.5};
  const char* const names[] = {Backtest::model, Backtest::naive, Backtest::seasonal_naive,
                               Backtest::drift};
  for (std::size_t m = 0; m < 4; ++m) {
    BacktestMethod method{.name = names[m], .errors = {.channels = count, .horizon = 2}};
    for (std::size_t cell = 0; cell < (count + 1) * 3; ++cell) {
      // the model is worse at the second step of the first channel
      const double size = mase[m] * (m == 0 && cell == 1 ? 3 : 1);
      method.errors.cells.push_back(
          {20 * size + static_cast<double>(cell) / 8, 30 * size, 10 * size, size, 3 + cell});
    }
    found.methods.push_back(method);
  }
  for (const double level : {0.8, 0.95}) {
    BacktestInterval interval{.level = level, .found = {.channels = count, .horizon = 2}};
    for (std::size_t cell = 0; cell < (count + 1) * 3; ++cell)
      interval.found.cells.push_back(
          {level - 0.01 * static_cast<double>(cell), 50 * level + static_cast<double>(cell)});
    found.intervals.push_back(interval);
  }
  return found;
}
inline BacktestReport full(Backtest found = example()) {
  BacktestReport report(std::move(found));
  report.model = "iTransformer", report.data = "plant.csv", report.frequency = message("h");
  report.command = "spat backtest --data plant.csv", report.scaler = "that of the model";
  return report;
}
inline double& mase_of(BacktestReport& report, std::size_t method) {
  return report.backtest.methods[method].errors.cells.back().mase;
}

}  // namespace backtest_report_example
