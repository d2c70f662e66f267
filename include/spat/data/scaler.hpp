// data. Scales every column to mean 0 and standard deviation 1.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>
#include <spat/data/series.hpp>
#include <spat/data/splits.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// z = (x - mean) / deviation per column, in double, with the population standard deviation (ddof
/// 0) of the rows it was fitted on. A column that is constant there has deviation 1 and is listed
/// in constant_columns().
class StandardScaler {
 public:
  StandardScaler() = default;
  /// A scaler read from a file. Throws ShapeError for different lengths, and ConfigError for a
  /// deviation that is not positive.
  StandardScaler(std::vector<double> mean, std::vector<double> deviation)
      : mean_(std::move(mean)), deviation_(std::move(deviation)) {
    if (mean_.size() != deviation_.size()) {
      throw ShapeError(
          message("scaler: ", mean_.size(), " means, but ", deviation_.size(), " deviations"));
    }
    for (std::size_t c = 0; c < mean_.size(); ++c) {
      if (std::isfinite(mean_[c]) && std::isfinite(deviation_[c]) && deviation_[c] > 0) continue;
      throw ConfigError(message("scaler: mean ", mean_[c], " and deviation ", deviation_[c],
                                " of column ", c, " cannot scale"));
    }
  }

  /// Fits on these rows, which by protocol are those of the training part. Throws DataError if
  /// there are none, or if their sum is beyond double, and ShapeError if they do not lie in
  /// `values`.
  [[nodiscard]] static StandardScaler fit(Rows<const double> values, Split rows) {
    return fit(values, rows, [](std::size_t, std::size_t) { return true; });
  }
  /// The same without the filled cells of the series. Throws DataError, too, for a column without
  /// any other cell in these rows.
  [[nodiscard]] static StandardScaler fit(const Series& series, Split rows) {
    return fit(series.view(), rows,
               [&](std::size_t r, std::size_t c) { return !series.is_filled(r, c); });
  }

  [[nodiscard]] std::size_t channels() const { return mean_.size(); }
  [[nodiscard]] std::span<const double> mean() const { return mean_; }
  [[nodiscard]] std::span<const double> deviation() const { return deviation_; }
  /// The columns that were constant in the fitted rows; empty for a scaler from a file.
  [[nodiscard]] std::span<const std::size_t> constant_columns() const { return constant_; }

  /// The functions below throw ShapeError for a channel that the scaler does not have.
  [[nodiscard]] double transform(double x, std::size_t channel) const {
    expect(channel, 1);
    return (x - mean_[channel]) / deviation_[channel];
  }
  [[nodiscard]] double inverse(double z, std::size_t channel) const {
    expect(channel, 1);
    return multiply_add(z, deviation_[channel], mean_[channel]);
  }
  /// Scales in place. Column 0 of `rows` is channel `first`: forecasts of the last channel alone
  /// pass channels() - 1.
  template <class Scalar>
  void transform(Rows<Scalar> rows, std::size_t first = 0) const {
    for_each(rows, first, [&](double x, std::size_t channel) { return transform(x, channel); });
  }
  template <class Scalar>
  void inverse(Rows<Scalar> rows, std::size_t first = 0) const {
    for_each(rows, first, [&](double z, std::size_t channel) { return inverse(z, channel); });
  }

 private:
  template <class Counts>
  [[nodiscard]] static StandardScaler fit(Rows<const double> values, Split rows, Counts&& counts) {
    if (rows.begin > rows.end || rows.end > values.rows())
      throw ShapeError(message("scaler: rows [", rows.begin, ", ", rows.end,
                               ") do not lie in a series of ", values.rows()));
    if (rows.size() == 0) throw DataError("scaler: no rows to fit on");
    const std::size_t channels = values.cols();
    // Distances from the first number, in units of the largest: a level far above the spread and
    // numbers near the ends of double lose no digits.
    std::vector<double> start(channels, 0), largest(channels, 0), mean(channels, 0),
        squares(channels, 0), numbers(channels, 0);
    for (std::size_t c = 0; c < channels; ++c)
      for (std::size_t r = rows.end; r-- > rows.begin;)
        if (counts(r, c)) start[c] = values.row(r)[c], ++numbers[c];
    const auto for_each_distance = [&](auto&& use) {
      for (std::size_t r = rows.begin; r < rows.end; ++r)
        for (std::size_t c = 0; c < channels; ++c)
          if (counts(r, c))
            use(c, values.row(r)[c] / 2 - start[c] / 2);  // half: the difference may overflow
    };
    for_each_distance([&](std::size_t c, double d) {
      if (!(std::abs(d) <= largest[c])) largest[c] = std::abs(d);  // a NaN stays
    });
    const auto unit = [&](std::size_t c) { return largest[c] > 0 ? largest[c] : 1; };
    for_each_distance([&](std::size_t c, double d) { mean[c] += d / unit(c); });
    for (std::size_t c = 0; c < channels; ++c) mean[c] /= std::max(numbers[c], 1.0);
    for_each_distance([&](std::size_t c, double d) {
      const double distance = d / unit(c) - mean[c];
      squares[c] = multiply_add(distance, distance, squares[c]);
    });
    StandardScaler scaler;
    for (std::size_t c = 0; c < channels; ++c) {
      if (numbers[c] == 0) throw DataError(message("scaler: column ", c, " has no number"));
      const double deviation = 2 * (std::sqrt(squares[c] / numbers[c]) * largest[c]);
      const double level = start[c] + 2 * (mean[c] * largest[c]);
      if (!std::isfinite(level) || !std::isfinite(deviation))
        throw DataError(message("scaler: the numbers of column ", c, " are too large"));
      const bool usable = deviation > 0;
      if (!usable) scaler.constant_.push_back(c);
      scaler.mean_.push_back(usable ? level : start[c]);
      scaler.deviation_.push_back(usable ? deviation : 1);
    }
    return scaler;
  }

  void expect(std::size_t first, std::size_t count) const {
    if (count > channels() || first > channels() - count)
      throw ShapeError(message("scaler: channels ", first, " to ", first + count - 1,
                               " of a scaler of ", channels()));
  }
  template <class Scalar, class Function>
  void for_each(Rows<Scalar> rows, std::size_t first, Function&& function) const {
    expect(first, rows.cols());
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      for (std::size_t c = 0; c < rows.cols(); ++c) {
        rows.row(r)[c] =
            static_cast<Scalar>(function(static_cast<double>(rows.row(r)[c]), first + c));
      }
    }
  }

  std::vector<double> mean_, deviation_;
  std::vector<std::size_t> constant_;
};

}  // namespace spat
