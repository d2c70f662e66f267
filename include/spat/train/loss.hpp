// train. The training loss and its gradient.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/view.hpp>

#include <cassert>
#include <concepts>

namespace spat::inline SPAT_ABI {

/// Returns sum (y - target)^2. Unless `dy` is empty, also writes d mean / dy = 2 (y - target) /
/// count.
///
/// `count` is the number of values of the whole batch, so that a batch may arrive in micro-batches:
/// the mean squared error is the sum of the returned values over count. y, target and dy are [rows
/// x C].
template <std::floating_point Scalar>
double squared_error(Rows<const Scalar> y, Rows<const Scalar> target, double count,
                     Rows<Scalar> dy = {}) {
  assert(y.rows() == target.rows() && y.cols() == target.cols());
  const auto factor = static_cast<Scalar>(2 / count);
  double sum = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const Scalar difference = y.data()[i] - target.data()[i];
    const auto wide = static_cast<double>(difference);
    sum = multiply_add(wide, wide, sum);
    if (dy.size()) dy.data()[i] = difference * factor;
  }
  return sum;
}

}  // namespace spat
