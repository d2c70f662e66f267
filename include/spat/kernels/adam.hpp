// kernels. One fused Adam update of one tensor: each number is read and written once.
#pragma once

#include <spat/kernels/simd.hpp>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// The factors of one step t = 1, 2, ... The corrections compensate for both moments starting at
/// zero.
template <std::floating_point Scalar>
struct AdamStep {
  Scalar rate, beta1, beta2, epsilon;
  Scalar correction1;  // 1 - beta1^t
  Scalar correction2;  // sqrt(1 - beta2^t)
  Scalar scale;        // multiplies the gradient: clipping
};

/// One Adam step (Kingma and Ba, 2015), with g = scale gradient:
///
///     m = b1 m + (1 - b1) g
///     v = b2 v + (1 - b2) g^2
///     w -= (rate / correction1) m / (sqrt(v) / correction2 + epsilon)
template <std::floating_point Scalar>
inline void adam(const AdamStep<Scalar>& step, const Scalar* gradient, Scalar* first,
                 Scalar* second, Scalar* weight, std::size_t size) {
  using P = Pack<Scalar>;
  const P beta1(step.beta1), rest1(1 - step.beta1), beta2(step.beta2), rest2(1 - step.beta2),
      epsilon(step.epsilon), minus_rate(-step.rate / step.correction1),
      inverse_root(1 / step.correction2), scale(step.scale);
  for_each_pack<Scalar>(size, Scalar(0), [&](std::size_t i, auto load, auto store) {
    const P g = load(gradient + i) * scale;
    const P m = multiply_add<Scalar>(beta1, load(first + i), rest1 * g);
    const P v = multiply_add<Scalar>(beta2, load(second + i), rest2 * (g * g));
    store(first + i, m);
    store(second + i, v);
    const P divisor = multiply_add<Scalar>(kernels::sqrt<Scalar>(v), inverse_root, epsilon);
    store(weight + i,
          multiply_add<Scalar>(minus_rate, divide<Scalar>(m, divisor), load(weight + i)));
  });
}

}  // namespace kernels
}  // namespace spat
