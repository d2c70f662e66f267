// train. The sums of a backtest: errors of all methods, and how often intervals hold the truth.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/data/data_description.hpp>
#include <spat/models/intervals.hpp>
#include <spat/train/backtest_result.hpp>

#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Sums over forecasts, in double.
struct ErrorSums {
  double absolutes = 0, squares = 0, relatives = 0;
  std::size_t count = 0;

  void add(double truth, double forecast) {
    const double error = std::abs(truth - forecast), size = std::abs(truth) + std::abs(forecast);
    absolutes += error;
    squares = multiply_add(error, error, squares);
    if (size > 0) relatives += 200 * (error / size);
    ++count;
  }
  void add(const ErrorSums& other) {
    absolutes += other.absolutes, squares += other.squares, relatives += other.relatives;
    count += other.count;
  }
  /// The errors, of which MASE is in units of `scale`.
  [[nodiscard]] BacktestErrors means(double scale) const {
    const double n = count > 0 ? static_cast<double>(count) : std::nan("");
    return {absolutes / n, std::sqrt(squares / n), relatives / n, absolutes / n / scale, count};
  }
};

struct CoverageSums {
  double inside = 0, widths = 0;
  std::size_t count = 0;

  void add(double error, double radius) {
    inside += error <= radius ? 1 : 0;
    widths += 2 * radius;
    ++count;
  }
  void add(const CoverageSums& other) {
    inside += other.inside, widths += other.widths, count += other.count;
  }
  [[nodiscard]] BacktestCoverage means(double) const {
    const double n = count > 0 ? static_cast<double>(count) : std::nan("");
    return {inside / n, widths / n};
  }
};

/// The mean of the finite ones; NaN if there are none.
class FiniteMean {
 public:
  void add(double value) {
    if (std::isfinite(value)) sum_ += value, ++count_;
  }
  [[nodiscard]] double value() const {
    return count_ == 0 ? std::nan("") : sum_ / static_cast<double>(count_);
  }

 private:
  double sum_ = 0;
  std::size_t count_ = 0;
};

/// A table from sums of each channel and step, [channels x horizon].
template <class Figures, class Sums>
[[nodiscard]] BacktestTable<Figures> table_of(const std::vector<Sums>& sums,
                                              const std::vector<double>& scales) {
  const std::size_t channels = scales.size(), horizon = sums.size() / channels;
  BacktestTable<Figures> table{.channels = channels, .horizon = horizon};
  std::vector<Sums> of_steps(horizon + 1);
  const auto finish = [&](const Sums& all, double scale) {
    table.cells.push_back(all.means(scale));
  };
  for (std::size_t c = 0; c < channels; ++c) {
    Sums all;
    for (std::size_t t = 0; t < horizon; ++t) {
      const Sums& here = sums[c * horizon + t];
      finish(here, scales[c]);
      all.add(here), of_steps[t].add(here);
    }
    finish(all, scales[c]);
    of_steps[horizon].add(all);
  }
  for (std::size_t t = 0; t <= horizon; ++t) {
    finish(of_steps[t], 1);
    if constexpr (requires(Figures figures) { figures.mase; }) {
      FiniteMean smape, mase;
      for (std::size_t c = 0; c < channels; ++c)
        smape.add(table.at(c, t).smape), mase.add(table.at(c, t).mase);
      table.cells.back().smape = smape.value(), table.cells.back().mase = mase.value();
    }
  }
  return table;
}

/// Adds up the errors of all methods, and how often intervals hold the truth.
class BacktestSums {
 public:
  BacktestSums(const Series& series, const DataDescription& data,
               const ConformalIntervals& intervals, std::size_t season)
      : series_(series), data_(data), intervals_(intervals), season_(season) {
    first_ = series.channels() - data.window.targets(series.channels());
    numbers_ = (series.channels() - first_) * data.window.horizon;
    methods_ = {{Backtest::model, {}}, {Backtest::naive, {}}};
    if (season > 1) methods_.push_back({Backtest::seasonal_naive, {}});
    methods_.push_back({Backtest::drift, {}});
    for (auto& [name, sums] : methods_) sums.resize(numbers_);
    levels_.assign(intervals.levels.size(), std::vector<CoverageSums>(numbers_));
  }

  /// Adds the forecasts from one origin, y [horizon x C_out] in scaled units. Throws NumericError
  /// if one is not finite.
  template <class Forecast>
  void add(std::size_t origin, const Forecast& y) {
    for (std::size_t c = first_; c < series_.channels(); ++c)
      for (std::size_t t = 0; t < y.rows(); ++t) {
        const double forecast = data_.scaler.inverse(static_cast<double>(y.row(t)[c - first_]), c);
        if (!std::isfinite(forecast))
          throw NumericError(message("the forecast of row ", origin + t, " from origin ", origin,
                                     " is not finite, channel ", in_quotes(series_.names[c])));
        if (series_.is_filled(origin + t, c))
          ++filled_;
        else
          add(origin, t, c, forecast);
      }
  }

  void finish(Backtest& found) const {
    for (const auto& [name, sums] : methods_)
      found.methods.push_back({name, table_of<BacktestErrors>(sums, found.scales)});
    for (std::size_t l = 0; l < levels_.size(); ++l)
      found.intervals.push_back(
          {intervals_.levels[l], table_of<BacktestCoverage>(levels_[l], found.scales)});
    found.filled = filled_;
  }

 private:
  void add(std::size_t origin, std::size_t t, std::size_t c, double forecast) {
    const auto value = [&](std::size_t row) { return series_.view().row(row)[c]; };
    const std::size_t place = (c - first_) * data_.window.horizon + t;
    const double truth = value(origin + t), last = value(origin - 1);
    std::size_t method = 0;
    const auto count = [&](double one) { methods_[method++].second[place].add(truth, one); };
    count(forecast);
    count(last);
    if (season_ > 1) count(value(origin - season_ + t % season_));
    const double slope =
        origin > 1 ? (last - value(0)) / static_cast<double>(origin - 1) : 0;  // one row: level
    count(multiply_add(static_cast<double>(t + 1), slope, last));
    for (std::size_t l = 0; l < levels_.size(); ++l)
      levels_[l][place].add(std::abs(truth - forecast),
                            intervals_.radius(l, t, c - first_) * data_.scaler.deviation()[c]);
  }

  const Series& series_;
  const DataDescription& data_;
  const ConformalIntervals& intervals_;
  std::size_t season_, first_ = 0, numbers_ = 0, filled_ = 0;
  std::vector<std::pair<const char*, std::vector<ErrorSums>>> methods_;
  std::vector<std::vector<CoverageSums>> levels_;  // [level]
};

}  // namespace detail

}  // namespace spat
