// io. Numbers of 16 bits, BF16 and F16 of files: from double by one rounding, to float exactly.
#pragma once

#include <spat/core/abi.hpp>

#include <bit>
#include <cstdint>

namespace spat::inline SPAT_ABI {

/// A number of 1 bit of sign, 8 of exponent and 7 of significand: the upper half of a float.
struct BFloat16 {
  std::uint16_t bits = 0;
  static constexpr int exponent_bits = 8, significand_bits = 7;
  /// The largest finite number.
  static constexpr double largest = 0x1.FEp127;
};
/// A number of 1 bit of sign, 5 of exponent and 10 of significand: binary16 of IEEE 754.
struct Float16 {
  std::uint16_t bits = 0;
  static constexpr int exponent_bits = 5, significand_bits = 10;
  /// The largest finite number.
  static constexpr double largest = 65504;
};

/// The nearest number of 16 bits; of two, the one whose last bit is 0. Subnormal numbers are kept,
/// what is too large becomes infinite, and a NaN stays one. `Half` is BFloat16 or Float16.
template <class Half>
[[nodiscard]] constexpr Half to_half(double value) {
  constexpr int significand = Half::significand_bits, least = 2 - (1 << (Half::exponent_bits - 1));
  constexpr std::uint64_t infinity = ((std::uint64_t{1} << Half::exponent_bits) - 1) << significand;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t sign = bits >> 63 << 15, fraction = bits & ((std::uint64_t{1} << 52) - 1);
  const int field = static_cast<int>(bits >> 52 & 0x7FF), exponent = field - 1023;
  const auto with_sign = [&](std::uint64_t size) {
    return Half{static_cast<std::uint16_t>(sign | size)};
  };
  if (field == 0x7FF) {
    if (fraction == 0) return with_sign(infinity);
    const std::uint64_t quiet = std::uint64_t{1} << (significand - 1);
    return with_sign(infinity | quiet | fraction >> (52 - significand));
  }
  // The numbers of 16 bits in order are their bits in order, so a carry reaches the exponent.
  const int below = exponent < least ? least - exponent : 0, dropped = 52 - significand + below;
  if (field == 0 || dropped > 53) return with_sign(0);
  const std::uint64_t whole = fraction | std::uint64_t{1} << 52;
  const std::uint64_t half = std::uint64_t{1} << (dropped - 1), rest = whole & (2 * half - 1);
  std::uint64_t rounded = whole >> dropped;
  if (rest > half || (rest == half && rounded % 2 == 1)) ++rounded;
  if (below == 0) rounded += static_cast<std::uint64_t>(exponent - least) << significand;
  return with_sign(rounded < infinity ? rounded : infinity);
}

/// The number as float, which holds each of them.
[[nodiscard]] constexpr float to_float(BFloat16 value) {
  return std::bit_cast<float>(std::uint32_t{value.bits} << 16);
}
[[nodiscard]] constexpr float to_float(Float16 value) {
  const std::uint32_t sign = (std::uint32_t{value.bits} & 0x8000u) << 16,
                      exponent = value.bits >> 10 & 0x1Fu, fraction = value.bits & 0x3FFu;
  if (exponent == 0) {
    const float size = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -size : size;
  }
  const std::uint32_t wide = exponent == 0x1F ? 0xFFu : exponent + (127 - 15);
  return std::bit_cast<float>(sign | wide << 23 | fraction << 13);
}

}  // namespace spat
