// kernels. Element by element: sums, GELU, dropout, and the transpose between [time x channel] and [channel x time].
#pragma once

#include <spat/kernels/math.hpp>

#include <cassert>
#include <numbers>
#include <span>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// y = a + b.
template <std::floating_point Scalar>
inline void add(std::span<const Scalar> a, std::span<const Scalar> b, std::span<Scalar> y) {
  assert(a.size() == y.size() && b.size() == y.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = a[i] + b[i];
}
/// y = (a + b) + c.
template <std::floating_point Scalar>
inline void add(std::span<const Scalar> a, std::span<const Scalar> b, std::span<const Scalar> c, std::span<Scalar> y) {
  assert(a.size() == y.size() && b.size() == y.size() && c.size() == y.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (a[i] + b[i]) + c[i];
}

/// GELU(x) = x Phi(x), Phi the standard normal distribution function by erf (Hendrycks and Gimpel, 2016; the exact form).
template <std::floating_point Scalar>
inline void gelu(std::span<const Scalar> x, std::span<Scalar> y) {
  const Pack<Scalar> half(Scalar(0.5)), scale(static_cast<Scalar>(1 / std::numbers::sqrt2));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i), h = half * v;
    store(y.data() + i, multiply_add<Scalar>(h, kernels::erf<Scalar>(v * scale), h));
  });
}

/// dx = dy (Phi(x) + x phi(x)),  phi(x) = exp(-x^2 / 2) / sqrt(2 pi).
template <std::floating_point Scalar>
inline void gelu_backward(std::span<const Scalar> x, std::span<const Scalar> dy, std::span<Scalar> dx) {
  const Pack<Scalar> half(Scalar(0.5)), scale(static_cast<Scalar>(1 / std::numbers::sqrt2)),
      density(static_cast<Scalar>(std::numbers::inv_sqrtpi / std::numbers::sqrt2));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i);
    const auto both = erf_and_exp<Scalar>(v * scale);
    const Pack<Scalar> distribution = multiply_add<Scalar>(half, both.erf, half);
    store(dx.data() + i, load(dy.data() + i) * multiply_add<Scalar>(v, density * both.exp, distribution));
  });
}

/// y = keep ? x * factor : +0. By selection: a dropped infinity leaves no NaN and a dropped -1 no -0.
template <std::floating_point Scalar>
inline void select_scaled(std::span<const Scalar> x, std::span<const unsigned char> keep, Scalar factor,
                          std::span<Scalar> y) {
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = keep[i] ? x[i] * factor : Scalar(0);
}

/// y [cols x rows] = x [rows x cols] transposed.
template <std::floating_point Scalar>
inline void transpose(const Scalar* x, std::size_t rows, std::size_t cols, Scalar* y) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < cols; ++c) y[c * rows + r] = x[r * cols + c];
}

}  // namespace kernels
}  // namespace spat
