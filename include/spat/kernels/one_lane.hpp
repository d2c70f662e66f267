// kernels. A vector of one lane, for targets without vectors and as the plain meaning of the
// others.
#pragma once

#include <spat/core/abi.hpp>

#include <concepts>
#include <cstddef>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// A vector of one lane; a comparison gives a bool.
template <std::floating_point Scalar>
struct OneLane {
  static constexpr std::size_t size = 1;
  Scalar value;

  OneLane() = default;
  OneLane(Scalar number) : value(number) {}

  [[nodiscard]] static OneLane load_unaligned(const Scalar* from) { return *from; }
  [[nodiscard]] static OneLane load_aligned(const Scalar* from) { return *from; }
  void store_unaligned(Scalar* to) const { *to = value; }
  void store_aligned(Scalar* to) const { *to = value; }

  OneLane& operator+=(const OneLane& b) { return value += b.value, *this; }
  OneLane& operator-=(const OneLane& b) { return value -= b.value, *this; }
  OneLane& operator*=(const OneLane& b) { return value *= b.value, *this; }
  OneLane& operator/=(const OneLane& b) { return value /= b.value, *this; }
  OneLane operator-() const { return -value; }
  friend OneLane operator+(const OneLane& a, const OneLane& b) { return a.value + b.value; }
  friend OneLane operator-(const OneLane& a, const OneLane& b) { return a.value - b.value; }
  friend OneLane operator*(const OneLane& a, const OneLane& b) { return a.value * b.value; }
  friend OneLane operator/(const OneLane& a, const OneLane& b) { return a.value / b.value; }
  friend bool operator==(const OneLane& a, const OneLane& b) { return a.value == b.value; }
  friend bool operator<(const OneLane& a, const OneLane& b) { return a.value < b.value; }
  friend bool operator<=(const OneLane& a, const OneLane& b) { return a.value <= b.value; }
  friend bool operator>(const OneLane& a, const OneLane& b) { return a.value > b.value; }
  friend bool operator>=(const OneLane& a, const OneLane& b) { return a.value >= b.value; }
};

}  // namespace kernels
}  // namespace spat
