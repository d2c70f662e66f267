// kernels. The moving average along a series whose end values are repeated, and its adjoint.
#pragma once

#include <spat/core/abi.hpp>

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <span>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// y_t = sum_j x_{t + j - h} / window,  j = 0 .. window - 1 in order,  h = (window - 1) / 2.
///
/// The first and last values of x are repeated before and after it. `window` is odd.
template <std::floating_point Scalar>
inline void moving_average(std::span<const Scalar> x, std::size_t window, std::span<Scalar> y) {
  assert(window % 2 == 1 && x.size() == y.size());
  const std::size_t size = x.size(), half = window / 2;
  std::fill(y.begin(), y.end(), Scalar(0));
  for (std::size_t j = 0; j < window; ++j) {
    const std::size_t before = std::min(half > j ? half - j : 0, size),
                      after = std::min(j > half ? j - half : 0, size);
    for (std::size_t t = 0; t < before; ++t) y[t] += x[0];
    for (std::size_t t = before; t < size - after; ++t) y[t] += x[t + j - half];
    for (std::size_t t = size - after; t < size; ++t) y[t] += x[size - 1];
  }
  for (Scalar& value : y) value /= static_cast<Scalar>(window);
}

/// dx = the adjoint of moving_average, applied to dy.
template <std::floating_point Scalar>
inline void moving_average_backward(std::span<const Scalar> dy, std::size_t window,
                                    std::span<Scalar> dx) {
  assert(window % 2 == 1 && dx.size() == dy.size());
  const std::size_t size = dy.size(), half = window / 2;
  std::fill(dx.begin(), dx.end(), Scalar(0));
  for (std::size_t j = 0; j < window; ++j) {
    const std::size_t before = std::min(half > j ? half - j : 0, size),
                      after = std::min(j > half ? j - half : 0, size);
    for (std::size_t t = 0; t < before; ++t) dx[0] += dy[t];
    for (std::size_t t = before; t < size - after; ++t) dx[t + j - half] += dy[t];
    for (std::size_t t = size - after; t < size; ++t) dx[size - 1] += dy[t];
  }
  for (Scalar& value : dx) value /= static_cast<Scalar>(window);
}

}  // namespace kernels
}  // namespace spat
