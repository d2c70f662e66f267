// kernels. Layer and batch normalization of one row, and their backward functions.
#pragma once

#include <spat/kernels/simd.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// Mean and biased variance of a row. The mean is center + shift: a center far above the spread
/// would round the shift away.
template <std::floating_point Scalar>
struct Moments {
  Scalar center, shift, variance;
};

/// Computes mean and biased variance of a row, in two passes: the mean as a plain sum gives it, and
/// the distances from it, whose own mean is what that sum lost.
template <std::floating_point Scalar>
[[nodiscard]] inline Moments<Scalar> moments(const Scalar* x, std::size_t size) {
  Pack<Scalar> sum(Scalar(0)), squares(Scalar(0));
  for_each_pack<Scalar>(size, Scalar(0),
                        [&](std::size_t i, auto load, auto) { sum += load(x + i); });
  const auto count = static_cast<Scalar>(size);
  const Scalar mean = sum_of_lanes(sum) / count;
  const Pack<Scalar> center(mean);
  sum = Pack<Scalar>(Scalar(0));
  for_each_pack<Scalar>(size, mean, [&](std::size_t i, auto load, auto) {
    const Pack<Scalar> d = load(x + i) - center;
    sum += d;
    squares = multiply_add<Scalar>(d, d, squares);
  });
  const Scalar shift = sum_of_lanes(sum) / count;
  return {mean, shift, spat::multiply_add(-shift, shift, sum_of_lanes(squares) / count)};
}

/// Layer normalization of one row:
///
///     normalized = (u - mean(u)) / sqrt(variance(u) + epsilon),  u = x + branch
///     y = gain normalized + bias
///
/// u = x if `branch` is null. Returns 1 / sqrt(variance + epsilon). `normalized` may be null:
/// inference does not keep it.
template <std::floating_point Scalar>
inline Scalar layer_norm(const Scalar* x, const Scalar* branch, const Scalar* gain,
                         const Scalar* bias, Scalar epsilon, std::size_t size, Scalar* normalized,
                         Scalar* y) {
  if (branch) {
    for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
      store(y + i, load(x + i) + load(branch + i));
    });
    x = y;
  }
  const auto [mean, shift, variance] = moments(x, size);
  const Scalar inverse = 1 / std::sqrt(variance + epsilon);
  const Pack<Scalar> center(mean), scale(inverse), offset(-shift * inverse);
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> n = multiply_add<Scalar>(load(x + i) - center, scale, offset);
    if (normalized) store(normalized + i, n);
    store(y + i, multiply_add<Scalar>(n, load(gain + i), load(bias + i)));
  });
  return inverse;
}

/// The gradient of layer_norm. The mean and the variance each remove one direction from it:
///     dx = inverse (dn - mean(dn) - n mean(dn n)),  dn = gain dy,  n = normalized.
template <std::floating_point Scalar>
inline void layer_norm_backward(const Scalar* normalized, const Scalar* gain, Scalar inverse,
                                const Scalar* dy, std::size_t size, Scalar* dx) {
  Pack<Scalar> sum(Scalar(0)), along(Scalar(0));
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto) {
    const Pack<Scalar> dn = load(gain + i) * load(dy + i);
    sum += dn;
    along = multiply_add<Scalar>(dn, load(normalized + i), along);
  });
  const Pack<Scalar> minus_mean(-(sum_of_lanes(sum) / static_cast<Scalar>(size))),
      minus_along(-(sum_of_lanes(along) / static_cast<Scalar>(size))), scale(inverse);
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> centered = multiply_add<Scalar>(load(gain + i), load(dy + i), minus_mean);
    store(dx + i, scale * multiply_add<Scalar>(load(normalized + i), minus_along, centered));
  });
}

/// normalized = (x - mean) inverse,  y = gain normalized + bias, one feature per column.
/// `normalized` may be null.
template <std::floating_point Scalar>
inline void batch_norm(const Scalar* x, const Scalar* mean, const Scalar* inverse,
                       const Scalar* gain, const Scalar* bias, std::size_t size, Scalar* normalized,
                       Scalar* y) {
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> n = (load(x + i) - load(mean + i)) * load(inverse + i);
    if (normalized) store(normalized + i, n);
    store(y + i, multiply_add<Scalar>(n, load(gain + i), load(bias + i)));
  });
}

/// dx = inverse (gain dy + minus_mean + minus_along normalized).
template <std::floating_point Scalar>
inline void batch_norm_backward(const Scalar* normalized, const Scalar* gain, const Scalar* inverse,
                                const Scalar* minus_mean, const Scalar* minus_along,
                                const Scalar* dy, std::size_t size, Scalar* dx) {
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> centered =
        multiply_add<Scalar>(load(gain + i), load(dy + i), load(minus_mean + i));
    store(dx + i, load(inverse + i) *
                      multiply_add<Scalar>(load(normalized + i), load(minus_along + i), centered));
  });
}

}  // namespace kernels
}  // namespace spat
