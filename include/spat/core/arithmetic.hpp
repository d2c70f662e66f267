// core. Fused multiply-add that rounds equally everywhere, and rounded-up division.
#pragma once

#include <spat/core/abi.hpp>

#include <cmath>
#include <concepts>

namespace spat::inline SPAT_ABI {

/// a * b + c, rounded the same way in every instantiation of one build.
///
/// A bare `a * b + c` is not: g++ contracts it into an FMA by default, and does so differently if
/// sizes are constants. A static model would then differ from its dynamic twin in the last bit.
template <std::floating_point Scalar>
[[nodiscard]] inline Scalar multiply_add(Scalar a, Scalar b, Scalar c) {
#if defined(SPAT_FMA)
  return std::fma(a, b, c);
#else
  return a * b + c;  // this target has nothing to contract into
#endif
}

/// ceil(a / b) for unsigned integers.
template <std::unsigned_integral Count>
[[nodiscard]] constexpr Count divide_up(Count a, Count b) {
  return (a + b - 1) / b;
}

}  // namespace spat
