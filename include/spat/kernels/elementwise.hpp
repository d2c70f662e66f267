// kernels. Elementwise operations: sums, activations, dropout; and the transpose between [time x
// channel] and [channel x time].
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
inline void add(std::span<const Scalar> a, std::span<const Scalar> b, std::span<const Scalar> c,
                std::span<Scalar> y) {
  assert(a.size() == y.size() && b.size() == y.size() && c.size() == y.size());
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = (a[i] + b[i]) + c[i];
}

/// GELU(x) = x Phi(x), with Phi the standard normal distribution function, computed by erf: the
/// exact form (Hendrycks and Gimpel, 2016).
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
inline void gelu_backward(std::span<const Scalar> x, std::span<const Scalar> dy,
                          std::span<Scalar> dx) {
  const Pack<Scalar> half(Scalar(0.5)), scale(static_cast<Scalar>(1 / std::numbers::sqrt2)),
      density(static_cast<Scalar>(std::numbers::inv_sqrtpi / std::numbers::sqrt2));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i);
    const auto both = erf_and_exp<Scalar>(v * scale);
    const Pack<Scalar> distribution = multiply_add<Scalar>(half, both.erf, half);
    store(dx.data() + i,
          load(dy.data() + i) * multiply_add<Scalar>(v, density * both.exp, distribution));
  });
}

/// y = max(x, 0).
template <std::floating_point Scalar>
inline void relu(std::span<const Scalar> x, std::span<Scalar> y) {
  const Pack<Scalar> zero(Scalar(0));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i);
    store(y.data() + i, kernels::select<Scalar>(v < zero, zero, v));  // a NaN stays
  });
}

/// dx = x > 0 ? dy : 0.
template <std::floating_point Scalar>
inline void relu_backward(std::span<const Scalar> x, std::span<const Scalar> dy,
                          std::span<Scalar> dx) {
  const Pack<Scalar> zero(Scalar(0));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    store(dx.data() + i,
          kernels::select<Scalar>(load(x.data() + i) > zero, load(dy.data() + i), zero));
  });
}

/// SiLU(x) = x sigmoid(x),  sigmoid(x) = 1 / (1 + e^-x)  (Hendrycks and Gimpel, 2016).
template <std::floating_point Scalar>
inline void silu(std::span<const Scalar> x, std::span<Scalar> y) {
  const Pack<Scalar> one(Scalar(1));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i);
    store(y.data() + i, kernels::divide<Scalar>(v, one + kernels::exp<Scalar>(-v)));
  });
}

/// dx = dy s (1 + x (1 - s)),  s = sigmoid(x).
template <std::floating_point Scalar>
inline void silu_backward(std::span<const Scalar> x, std::span<const Scalar> dy,
                          std::span<Scalar> dx) {
  const Pack<Scalar> one(Scalar(1));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i),
                       s = kernels::divide<Scalar>(one, one + kernels::exp<Scalar>(-v));
    store(dx.data() + i, load(dy.data() + i) * (s * multiply_add<Scalar>(v, one - s, one)));
  });
}

/// out = y SiLU(z).
template <std::floating_point Scalar>
inline void gate(std::span<const Scalar> y, std::span<const Scalar> z, std::span<Scalar> out) {
  const Pack<Scalar> one(Scalar(1));
  for_each_pack<Scalar>(y.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(z.data() + i);
    store(out.data() + i,
          load(y.data() + i) * kernels::divide<Scalar>(v, one + kernels::exp<Scalar>(-v)));
  });
}

/// dy = dout SiLU(z),  dz = dout y SiLU'(z).
template <std::floating_point Scalar>
inline void gate_backward(std::span<const Scalar> y, std::span<const Scalar> z,
                          std::span<const Scalar> dout, std::span<Scalar> dy,
                          std::span<Scalar> dz) {
  const Pack<Scalar> one(Scalar(1));
  for_each_pack<Scalar>(y.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(z.data() + i), slope = load(dout.data() + i),
                       value = load(y.data() + i);
    const Pack<Scalar> power = one + kernels::exp<Scalar>(-v),
                       s = kernels::divide<Scalar>(one, power);
    store(dy.data() + i, slope * kernels::divide<Scalar>(v, power));
    store(dz.data() + i, (slope * value) * (s * multiply_add<Scalar>(v, one - s, one)));
  });
}

/// y = log(1 + e^x) = max(x, 0) + log(1 + e^-|x|).
template <std::floating_point Scalar>
inline void softplus(std::span<const Scalar> x, std::span<Scalar> y) {
  const Pack<Scalar> zero(Scalar(0));
  for_each_pack<Scalar>(x.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    const Pack<Scalar> v = load(x.data() + i);
    store(y.data() + i,
          kernels::max(zero, v) + log1p_of_unit<Scalar>(kernels::exp<Scalar>(-kernels::abs(v))));
  });
}

/// dx = dy (1 - e^-y), from y = softplus(x).
template <std::floating_point Scalar>
inline void softplus_backward(std::span<const Scalar> y, std::span<const Scalar> dy,
                              std::span<Scalar> dx) {
  for_each_pack<Scalar>(y.size(), Scalar(0), [&](std::size_t i, auto load, auto store) {
    store(dx.data() + i, -(load(dy.data() + i) * kernels::expm1<Scalar>(-load(y.data() + i))));
  });
}

/// y = keep ? x * factor : +0. Selects rather than multiplies, so a dropped infinity leaves no NaN
/// and a dropped -1 leaves no -0.
template <std::floating_point Scalar>
inline void select_scaled(std::span<const Scalar> x, std::span<const unsigned char> keep,
                          Scalar factor, std::span<Scalar> y) {
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
