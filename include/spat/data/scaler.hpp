// data. Scales every column to mean 0 and standard deviation 1.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>
#include <spat/data/splits.hpp>

#include <cassert>
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
  /// there are none, or if their sum is beyond double.
  [[nodiscard]] static StandardScaler fit(Rows<const double> values, Split rows) {
    assert(rows.end <= values.rows());
    if (rows.size() == 0) throw DataError("scaler: no rows to fit on");
    const std::size_t channels = values.cols();
    const auto count = static_cast<double>(rows.size());
    StandardScaler scaler;
    scaler.mean_.assign(channels, 0);
    scaler.deviation_.assign(channels, 0);
    std::vector<bool> varies(channels, false);
    for (std::size_t r = rows.begin; r < rows.end; ++r) {
      for (std::size_t c = 0; c < channels; ++c) {
        scaler.mean_[c] += values.row(r)[c];
        if (values.row(r)[c] != values.row(rows.begin)[c]) varies[c] = true;
      }
    }
    for (double& mean : scaler.mean_) mean /= count;
    for (std::size_t r = rows.begin; r < rows.end; ++r) {
      for (std::size_t c = 0; c < channels; ++c) {
        const double distance = values.row(r)[c] - scaler.mean_[c];
        scaler.deviation_[c] = multiply_add(distance, distance, scaler.deviation_[c]);
      }
    }
    for (std::size_t c = 0; c < channels; ++c) {
      const double deviation = std::sqrt(scaler.deviation_[c] / count);
      if (!std::isfinite(scaler.mean_[c]) || !std::isfinite(deviation)) {
        throw DataError(message("scaler: the numbers of column ", c, " are too large"));
      }
      const bool usable = varies[c] && deviation > 0;
      if (!usable) scaler.constant_.push_back(c);
      if (!varies[c]) scaler.mean_[c] = values.row(rows.begin)[c];  // the sum may be rounded
      scaler.deviation_[c] = usable ? deviation : 1;
    }
    return scaler;
  }

  [[nodiscard]] std::size_t channels() const { return mean_.size(); }
  [[nodiscard]] std::span<const double> mean() const { return mean_; }
  [[nodiscard]] std::span<const double> deviation() const { return deviation_; }
  /// The columns that were constant in the fitted rows; empty for a scaler from a file.
  [[nodiscard]] std::span<const std::size_t> constant_columns() const { return constant_; }

  [[nodiscard]] double transform(double x, std::size_t channel) const {
    return (x - mean_[channel]) / deviation_[channel];
  }
  [[nodiscard]] double inverse(double z, std::size_t channel) const {
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
  template <class Scalar, class Function>
  void for_each(Rows<Scalar> rows, std::size_t first, Function&& function) const {
    assert(first + rows.cols() <= channels());
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
