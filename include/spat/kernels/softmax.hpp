// kernels. Softmax of a row and its backward.
#pragma once

#include <spat/kernels/simd.hpp>

#include <limits>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// row = softmax(row) over its first `valid` entries, 0 behind them: row_j = exp(row_j - max) / sum. A row with no valid
/// entry becomes zeros. Entries of -infinity get exactly 0 as long as one entry is finite.
template <std::floating_point Scalar>
inline void softmax(Scalar* row, std::size_t valid, std::size_t size) {
  constexpr Scalar lowest = -std::numeric_limits<Scalar>::infinity();
  std::fill(row + valid, row + size, Scalar(0));
  Pack<Scalar> top(lowest);
  for_each_pack<Scalar>(valid, lowest, [&](std::size_t i, auto load, auto) { top = xsimd::max(top, load(row + i)); });
  const Scalar largest = largest_lane(top);
  if (!(largest > lowest)) {  // nothing is seen; or a NaN is, which a maximum may lose
    const bool spoiled = std::any_of(row, row + valid, [](Scalar value) { return value != value; });
    return std::fill(row, row + valid, spoiled ? std::numeric_limits<Scalar>::quiet_NaN() : Scalar(0));
  }
  const Pack<Scalar> shift(largest);
  Pack<Scalar> total(Scalar(0));
  for_each_pack<Scalar>(valid, lowest, [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(row + i), zero(Scalar(0));
    const Pack<Scalar> e = xsimd::select(v == Pack<Scalar>(lowest), zero, xsimd::exp(v - shift));
    total += e;
    store(row + i, e);
  });
  const Pack<Scalar> scale(1 / sum_of_lanes(total));
  for_each_pack<Scalar>(valid, Scalar(0),
                        [&](std::size_t i, auto load, auto store) { store(row + i, load(row + i) * scale); });
}

/// ds_j = a_j (da_j - sum_k a_k da_k): the gradient with respect to the logits of one row.
template <std::floating_point Scalar>
inline void softmax_backward(const Scalar* a, const Scalar* da, std::size_t size, Scalar* ds) {
  Pack<Scalar> sum(Scalar(0));
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto) {
    sum = multiply_add<Scalar>(load(a + i), load(da + i), sum);
  });
  const Pack<Scalar> mean(sum_of_lanes(sum));
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    store(ds + i, load(a + i) * (load(da + i) - mean));
  });
}

}  // namespace kernels
}  // namespace spat
