// Numbers of 16 bits: each of them by its definition, and the rounding of each gap between two.
#include <spat/io/half.hpp>

#include <tests/support/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace half_tests {

using namespace spat;

namespace {

/// The value of 16 bits by the definition of the format.
template <class Half>
double value_of(std::uint16_t bits) {
  constexpr int significand = Half::significand_bits, bias = (1 << (Half::exponent_bits - 1)) - 1;
  const int exponent = bits >> significand & ((1 << Half::exponent_bits) - 1),
            fraction = bits & ((1 << significand) - 1);
  const double sign = bits >> 15 ? -1 : 1;
  if (exponent == 2 * bias + 1)
    return fraction ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - significand);
  return sign * std::ldexp(fraction + (1 << significand), exponent - bias - significand);
}

template <class Half>
std::uint16_t infinity() {
  return static_cast<std::uint16_t>(((1 << Half::exponent_bits) - 1) << Half::significand_bits);
}

}  // namespace

TEMPLATE_TEST_CASE("each number of 16 bits is a float of its value, and comes back", "", BFloat16,
                   Float16) {
  std::size_t different = 0, nans = 0;
  for (std::uint32_t i = 0; i <= 0xFFFF; ++i) {
    const auto bits = static_cast<std::uint16_t>(i);
    const float found = to_float(TestType{bits});
    const double expected = value_of<TestType>(bits);
    if (std::isnan(expected)) {
      ++nans;
      const auto back = to_half<TestType>(static_cast<double>(found)).bits;
      different += !std::isnan(found) || std::signbit(found) != (bits >> 15 != 0) ||
                   !std::isnan(value_of<TestType>(back)) || back >> 15 != bits >> 15;
    } else {
      different += static_cast<double>(found) != expected ||
                   std::signbit(found) != (bits >> 15 != 0) ||
                   to_half<TestType>(expected).bits != bits;
    }
  }
  CHECK(different == 0);
  CHECK(nans == 2 * ((1u << TestType::significand_bits) - 1));
}

TEMPLATE_TEST_CASE("a number between two goes to the nearer one, from the middle to the even one",
                   "", BFloat16, Float16) {
  std::size_t different = 0;
  const auto expect = [&](double value, std::uint16_t bits) {
    different += to_half<TestType>(value).bits != bits;
    different += to_half<TestType>(-value).bits != (bits | 0x8000);
  };
  for (std::uint16_t bits = 0; bits < infinity<TestType>(); ++bits) {
    const auto next = static_cast<std::uint16_t>(bits + 1);
    const double low = value_of<TestType>(bits);
    // The number after the largest one is where infinity would be.
    const double high = next == infinity<TestType>()
                            ? 2 * low - value_of<TestType>(static_cast<std::uint16_t>(bits - 1))
                            : value_of<TestType>(next);
    const double middle = (low + high) / 2;
    expect(middle, bits % 2 == 0 ? bits : next);
    expect(std::nextafter(middle, 0), bits);
    expect(std::nextafter(middle, high), next);
    expect(std::nextafter(low, high), bits);
    expect(std::nextafter(high, low), next);
  }
  CHECK(different == 0);
  CHECK(value_of<TestType>(static_cast<std::uint16_t>(infinity<TestType>() - 1)) ==
        TestType::largest);
}

TEMPLATE_TEST_CASE("zeros, infinities and what is beyond the range", "", BFloat16, Float16) {
  const double infinite = std::numeric_limits<double>::infinity();
  CHECK(to_half<TestType>(0.0).bits == 0);
  CHECK(to_half<TestType>(-0.0).bits == 0x8000);
  CHECK(to_half<TestType>(std::numeric_limits<double>::denorm_min()).bits == 0);
  CHECK(to_half<TestType>(-1e-300).bits == 0x8000);
  CHECK(to_half<TestType>(infinite).bits == infinity<TestType>());
  CHECK(to_half<TestType>(-infinite).bits == (infinity<TestType>() | 0x8000));
  CHECK(to_half<TestType>(1e300).bits == infinity<TestType>());
  CHECK(std::isnan(to_float(to_half<TestType>(std::nan("")))));
  // A NaN all of whose upper bits are 0 stays a NaN.
  const auto quiet = std::bit_cast<double>(0x7FF0000000000001);
  CHECK(std::isnan(to_float(to_half<TestType>(quiet))));
}

TEST_CASE("numbers that are known by their bits") {
  CHECK(to_half<Float16>(1.0).bits == 0x3C00);
  CHECK(to_half<Float16>(-2.0).bits == 0xC000);
  CHECK(to_half<Float16>(0.1).bits == 0x2E66);
  CHECK(to_half<Float16>(65504.0).bits == 0x7BFF);
  CHECK(to_half<Float16>(65519.9).bits == 0x7BFF);
  CHECK(to_half<Float16>(65520.0).bits == 0x7C00);
  CHECK(to_half<Float16>(0x1p-24).bits == 1);
  CHECK(to_half<Float16>(0x1p-25).bits == 0);
  CHECK(to_half<BFloat16>(1.0).bits == 0x3F80);
  CHECK(to_half<BFloat16>(0.1).bits == 0x3DCD);
  CHECK(to_half<BFloat16>(3.14159265).bits == 0x4049);
  static_assert(to_float(to_half<Float16>(0.333251953125)) == 0.333251953125f);
  // One rounding: by way of float this would be 1.
  CHECK(to_half<Float16>(1 + 0x1p-11 + 0x1p-40).bits == 0x3C01);
}

}  // namespace half_tests
