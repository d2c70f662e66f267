// train. The backtests of several series as one.
#pragma once

#include <spat/core/error.hpp>
#include <spat/train/backtest_result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Figures of all channels from those of each, by the rules of BacktestErrors.
[[nodiscard]] inline BacktestErrors over_channels(const std::vector<BacktestErrors>& channels) {
  BacktestErrors all;
  double squares = 0, smape = 0, mase = 0, with_smape = 0, with_mase = 0;
  for (const BacktestErrors& one : channels) {
    const auto count = static_cast<double>(one.forecasts);
    if (one.forecasts == 0) continue;
    all.forecasts += one.forecasts;
    all.mae += one.mae * count, squares += one.rmse * one.rmse * count;
    if (std::isfinite(one.smape)) smape += one.smape, ++with_smape;
    if (std::isfinite(one.mase)) mase += one.mase, ++with_mase;
  }
  const auto count = static_cast<double>(all.forecasts);
  all.mae /= count, all.rmse = std::sqrt(squares / count);
  all.smape = smape / with_smape, all.mase = mase / with_mase;
  return all;
}

/// The tables of several series as one, channel after channel; overall(figures, column) makes those
/// of all channels.
template <class Figures, class Overall>
[[nodiscard]] BacktestTable<Figures> joined_tables(
    const std::vector<const BacktestTable<Figures>*>& tables, Overall&& overall) {
  BacktestTable<Figures> all{.channels = 0, .horizon = tables[0]->horizon};
  for (const auto* table : tables) {
    const std::size_t own = table->channels * (table->horizon + 1);
    all.cells.insert(all.cells.end(), table->cells.begin(),
                     table->cells.begin() + static_cast<std::ptrdiff_t>(own));
    all.channels += table->channels;
  }
  for (std::size_t column = 0; column <= all.horizon; ++column) {
    std::vector<Figures> figures;
    for (std::size_t c = 0; c < all.channels; ++c) figures.push_back(all.at(c, column));
    all.cells.push_back(overall(figures, column));
  }
  return all;
}

}  // namespace detail

/// The backtests of several series as one, whose channels are those of all. Methods are those that
/// all of them have. Origins, times and season are those of the first; what was left out and filled
/// is counted together. Throws ShapeError for none, and for different horizons or intervals.
[[nodiscard]] inline Backtest joined(const std::vector<Backtest>& parts) {
  if (parts.empty()) throw ShapeError("there is no backtest to join");
  Backtest all = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Backtest& part = parts[i];
    if (part.horizon != all.horizon || part.intervals.size() != all.intervals.size())
      throw ShapeError(message("backtests of horizons ", all.horizon, " and ", part.horizon, ", ",
                               all.intervals.size(), " and ", part.intervals.size(),
                               " intervals cannot be joined"));
    all.channels.insert(all.channels.end(), part.channels.begin(), part.channels.end());
    all.scales.insert(all.scales.end(), part.scales.begin(), part.scales.end());
    all.left_out += part.left_out, all.filled += part.filled;
  }
  std::erase_if(all.methods, [&](const BacktestMethod& method) {
    return std::ranges::any_of(parts,
                               [&](const Backtest& part) { return !part.find(method.name); });
  });
  for (BacktestMethod& method : all.methods) {
    std::vector<const BacktestTable<BacktestErrors>*> tables;
    for (const Backtest& part : parts) tables.push_back(&part.find(method.name)->errors);
    method.errors = detail::joined_tables(
        tables, [](const auto& channels, std::size_t) { return detail::over_channels(channels); });
  }
  for (std::size_t i = 0; i < all.intervals.size(); ++i) {
    std::vector<const BacktestTable<BacktestCoverage>*> tables;
    for (const Backtest& part : parts) tables.push_back(&part.intervals[i].found);
    const BacktestTable<BacktestErrors>& counts = all.methods.front().errors;
    all.intervals[i].found = detail::joined_tables(
        tables, [&](const std::vector<BacktestCoverage>& channels, std::size_t column) {
          BacktestCoverage sum;
          double total = 0;
          for (std::size_t c = 0; c < channels.size(); ++c) {
            const auto count = static_cast<double>(counts.at(c, column).forecasts);
            if (count == 0) continue;
            sum.coverage += channels[c].coverage * count;
            sum.mean_width += channels[c].mean_width * count, total += count;
          }
          return BacktestCoverage{sum.coverage / total, sum.mean_width / total};
        });
  }
  return all;
}

}  // namespace spat
