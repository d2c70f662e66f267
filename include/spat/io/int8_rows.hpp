// io. A matrix of weights as 8-bit integers with one scale per row.
#pragma once

#include <spat/core/abi.hpp>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The number that an 8-bit integer of a row with this scale stands for.
[[nodiscard]] inline float from_int8(std::int8_t value, float scale) {
  return static_cast<float>(value) * scale;
}

/// A matrix [rows x cols] of 8-bit integers from -127 to 127, row after row, and one scale per row.
/// The number w[r, c] is from_int8(values[r, c], scales[r]).
struct Int8Rows {
  std::vector<std::int8_t> values = {};
  std::vector<float> scales = {};
};

/// The matrix of `rows` rows in 8-bit integers: scale = max |w| / 127 of the row, and each integer
/// is the one nearest to w / scale, of two the even one. An error is at most half a scale. The
/// scale of a row of zeros is 0. A matrix that was read from 8-bit integers gives the same
/// integers. All numbers must be finite; a scale that float does not hold becomes infinite.
template <std::floating_point Scalar>
[[nodiscard]] Int8Rows to_int8_rows(std::span<const Scalar> numbers, std::size_t rows) {
  assert(rows > 0 && numbers.size() % rows == 0);
  const std::size_t cols = numbers.size() / rows;
  Int8Rows found{std::vector<std::int8_t>(numbers.size()), std::vector<float>(rows)};
  for (std::size_t row = 0; row < rows; ++row) {
    const std::span<const Scalar> from = numbers.subspan(row * cols, cols);
    double largest = 0;
    for (const Scalar number : from)
      largest = std::max(largest, std::abs(static_cast<double>(number)));
    const float scale = found.scales[row] = static_cast<float>(largest / 127);
    if (!(scale > 0) || std::isinf(scale)) continue;  // its integers are 0
    for (std::size_t col = 0; col < cols; ++col) {
      // Beyond 127 is what a subnormal scale, rounded down, makes of the largest number.
      const double nearest =
          std::nearbyint(static_cast<double>(from[col]) / static_cast<double>(scale));
      found.values[row * cols + col] = static_cast<std::int8_t>(std::clamp(nearest, -127., 127.));
    }
  }
  return found;
}

}  // namespace spat
