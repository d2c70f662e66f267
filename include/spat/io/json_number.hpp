// io. A double as JSON text, by the algorithm Grisu2: a short form that reads back as the same
// number.
//
// Source: F. Loitsch, "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010,
// as nlohmann/json (MIT license) writes it: spat's files keep those bytes. One number in a thousand
// gets a digit more than std::to_chars would give it.
#pragma once

#include <spat/core/abi.hpp>

#include <bit>
#include <cstdint>
#include <string>

namespace spat::inline SPAT_ABI {

namespace detail {

/// f * 2^e.
struct BinaryFloat {
  std::uint64_t f;
  int e;

  [[nodiscard]] constexpr BinaryFloat normalized() const {
    const int shift = std::countl_zero(f);
    return {f << shift, e - shift};
  }
  /// Rounded to the upper 64 bits.
  [[nodiscard]] friend constexpr BinaryFloat operator*(BinaryFloat x, BinaryFloat y) {
    constexpr std::uint64_t low = 0xffffffff;
    const std::uint64_t xy = (x.f & low) * (y.f & low), x_y = (x.f & low) * (y.f >> 32);
    const std::uint64_t y_x = (x.f >> 32) * (y.f & low);
    const std::uint64_t middle = (xy >> 32) + (x_y & low) + (y_x & low) + (std::uint64_t{1} << 31);
    return {(x.f >> 32) * (y.f >> 32) + (x_y >> 32) + (y_x >> 32) + (middle >> 32), x.e + y.e + 64};
  }
};

/// 10^k for k = -300, -292, ..., 324: the upper 64 bits.
inline constexpr std::uint64_t powers_of_ten[79] = {
    // clang-format off
    0xab70fe17c79ac6ca, 0xff77b1fcbebcdc4f, 0xbe5691ef416bd60c, 0x8dd01fad907ffc3c,
    0xd3515c2831559a83, 0x9d71ac8fada6c9b5, 0xea9c227723ee8bcb, 0xaecc49914078536d,
    0x823c12795db6ce57, 0xc21094364dfb5637, 0x9096ea6f3848984f, 0xd77485cb25823ac7,
    0xa086cfcd97bf97f4, 0xef340a98172aace5, 0xb23867fb2a35b28e, 0x84c8d4dfd2c63f3b,
    0xc5dd44271ad3cdba, 0x936b9fcebb25c996, 0xdbac6c247d62a584, 0xa3ab66580d5fdaf6,
    0xf3e2f893dec3f126, 0xb5b5ada8aaff80b8, 0x87625f056c7c4a8b, 0xc9bcff6034c13053,
    0x964e858c91ba2655, 0xdff9772470297ebd, 0xa6dfbd9fb8e5b88f, 0xf8a95fcf88747d94,
    0xb94470938fa89bcf, 0x8a08f0f8bf0f156b, 0xcdb02555653131b6, 0x993fe2c6d07b7fac,
    0xe45c10c42a2b3b06, 0xaa242499697392d3, 0xfd87b5f28300ca0e, 0xbce5086492111aeb,
    0x8cbccc096f5088cc, 0xd1b71758e219652c, 0x9c40000000000000, 0xe8d4a51000000000,
    0xad78ebc5ac620000, 0x813f3978f8940984, 0xc097ce7bc90715b3, 0x8f7e32ce7bea5c70,
    0xd5d238a4abe98068, 0x9f4f2726179a2245, 0xed63a231d4c4fb27, 0xb0de65388cc8ada8,
    0x83c7088e1aab65db, 0xc45d1df942711d9a, 0x924d692ca61be758, 0xda01ee641a708dea,
    0xa26da3999aef774a, 0xf209787bb47d6b85, 0xb454e4a179dd1877, 0x865b86925b9bc5c2,
    0xc83553c5c8965d3d, 0x952ab45cfa97a0b3, 0xde469fbd99a05fe3, 0xa59bc234db398c25,
    0xf6c69a72a3989f5c, 0xb7dcbf5354e9bece, 0x88fcf317f22241e2, 0xcc20ce9bd35c78a5,
    0x98165af37b2153df, 0xe2a0b5dc971f303a, 0xa8d9d1535ce3b396, 0xfb9b7cd9a4a7443c,
    0xbb764c4ca7a44410, 0x8bab8eefb6409c1a, 0xd01fef10a657842c, 0x9b10a4e5e9913129,
    0xe7109bfba19c0c9d, 0xac2820d9623bf429, 0x80444b5e7aa7cf85, 0xbf21e44003acdd2d,
    0x8e679c2f5e44ff8f, 0xd433179d9c8cb841, 0x9e19db92b4e31ba9,
    // clang-format on
};

/// The digits of a number and the power of ten of the last one.
struct Decimal {
  std::string digits;
  int exponent;
};

/// Steps the last digit down as long as that comes closer to the number.
inline void round_last(std::string& digits, std::uint64_t distance, std::uint64_t delta,
                       std::uint64_t rest, std::uint64_t step) {
  while (rest < distance && delta - rest >= step &&
         (rest + step < distance || distance - rest > rest + step - distance)) {
    --digits.back();
    rest += step;
  }
}

/// The digits of a finite positive number.
[[nodiscard]] inline Decimal grisu2(double value) {
  constexpr std::uint64_t hidden = std::uint64_t{1} << 52;
  const auto bits = std::bit_cast<std::uint64_t>(value);
  const std::uint64_t fraction = bits & (hidden - 1);
  const int biased = static_cast<int>(bits >> 52);
  const BinaryFloat v =
      biased == 0 ? BinaryFloat{fraction, -1074} : BinaryFloat{fraction + hidden, biased - 1075};
  // Half way to the neighbours, at one exponent.
  const BinaryFloat above = BinaryFloat{2 * v.f + 1, v.e - 1}.normalized();
  BinaryFloat below = fraction == 0 && biased > 1 ? BinaryFloat{4 * v.f - 1, v.e - 2}
                                                  : BinaryFloat{2 * v.f - 1, v.e - 1};
  below = {below.f << (below.e - above.e), above.e};

  // Times a power of ten that brings the exponent into [-60, -32].
  const int wanted = -60 - above.e - 1;
  const int least = wanted * 78913 / (1 << 18) + (wanted > 0 ? 1 : 0);
  const int index = (300 + least + 7) / 8, power = -300 + 8 * index;
  const BinaryFloat scale{powers_of_ten[index], ((power * 1741647) >> 19) - 63};
  const BinaryFloat w = v.normalized() * scale;
  const std::uint64_t low = (below * scale).f + 1;
  const BinaryFloat high{(above * scale).f - 1, w.e};

  std::uint64_t delta = high.f - low, distance = high.f - w.f;
  const int shift = -high.e;
  const std::uint64_t one = std::uint64_t{1} << shift;
  auto whole = static_cast<std::uint32_t>(high.f >> shift);
  std::uint64_t part = high.f & (one - 1);
  Decimal decimal{{}, -power};

  std::uint32_t ten = 1;
  int left = 1;
  for (; whole / ten >= 10; ++left) ten *= 10;
  while (left > 0) {
    decimal.digits.push_back(static_cast<char>('0' + whole / ten));
    whole %= ten;
    --left;
    const std::uint64_t rest = (std::uint64_t{whole} << shift) + part;
    if (rest <= delta) {
      decimal.exponent += left;
      round_last(decimal.digits, distance, delta, rest, std::uint64_t{ten} << shift);
      return decimal;
    }
    ten /= 10;
  }
  do {
    part *= 10;
    decimal.digits.push_back(static_cast<char>('0' + (part >> shift)));
    part &= one - 1;
    --decimal.exponent;
    delta *= 10;
    distance *= 10;
  } while (part > delta);
  round_last(decimal.digits, distance, delta, part, one);
  return decimal;
}

/// "0.1", "1.0", "-0.0", "1e-05", "1.5e+20": JSON text of a finite number, always with a point or
/// an exponent.
[[nodiscard]] inline std::string json_number(double value) {
  std::string text;
  if (std::bit_cast<std::uint64_t>(value) >> 63) {
    text.push_back('-');
    value = -value;
  }
  if (value == 0) return text.append("0.0");
  const auto [digits, exponent] = grisu2(value);
  const int size = static_cast<int>(digits.size()), point = size + exponent;
  const auto zeros = [&](int count) { text.append(static_cast<std::size_t>(count), '0'); };
  if (size <= point && point <= 15) {
    text.append(digits);
    zeros(point - size);
    return text.append(".0");
  }
  if (0 < point && point <= 15) {
    const auto before = static_cast<std::size_t>(point);
    return text.append(digits, 0, before).append(".").append(digits, before);
  }
  if (-4 < point && point <= 0) {
    text.append("0.");
    zeros(-point);
    return text.append(digits);
  }
  text.push_back(digits.front());
  if (size > 1) text.append(".").append(digits, 1);
  const int power = point - 1, magnitude = power < 0 ? -power : power;
  text.append(power < 0 ? "e-" : "e+");
  if (magnitude >= 100) text.push_back(static_cast<char>('0' + magnitude / 100));
  text.push_back(static_cast<char>('0' + magnitude / 10 % 10));
  text.push_back(static_cast<char>('0' + magnitude % 10));
  return text;
}

}  // namespace detail

}  // namespace spat
