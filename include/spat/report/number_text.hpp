// report. Numbers formatted for people, independent of the locale.
#pragma once

#include <spat/core/text.hpp>

#include <array>
#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// 100 (after / before - 1); NaN if there is nothing to compare with.
[[nodiscard]] inline double percent_change(double before, double after) {
  return before == 0 ? std::nan("") : 100 * (after / before - 1);
}
/// The change in percent: "-35.3 %", "+0.4 %", "+0.0 %"; "-" if there is nothing to compare with.
[[nodiscard]] inline std::string change(double before, double after) {
  std::string text = fixed(percent_change(before, after), 1);
  if (text == "-") return text;
  if (text == "-0.0") text = "0.0";
  return message(text.front() == '-' ? "" : "+", text, " %");
}

/// The value with three digits and an SI prefix: "950", "1.24 k", "12.6 M", "3.02 G".
[[nodiscard]] inline std::string counted(double value) {
  constexpr std::array prefixes{"", " k", " M", " G", " T"};
  std::size_t prefix = 0;
  for (; prefix + 1 < prefixes.size() && std::abs(value) >= 999.5; ++prefix) value /= 1000;
  const double size = std::abs(value);
  return fixed(value, prefix == 0 || size >= 99.95 ? 0
                      : size >= 9.995              ? 1
                                                   : 2)
      .append(prefixes[prefix]);
}

/// The power of ten, a multiple of three, that suits numbers up to `largest`; 0 from a thousandth
/// to 99999.
[[nodiscard]] inline int shared_exponent(double largest) {
  largest = std::abs(largest);
  if (!std::isfinite(largest) || largest == 0 || (largest >= 1e-3 && largest < 1e5)) return 0;
  return 3 * static_cast<int>(std::floor(std::log10(largest) / 3));
}
/// The suffix of a title whose numbers share an exponent: " in 10⁻⁶"; empty for 0.
[[nodiscard]] inline std::string in_powers_of_ten(int exponent) {
  constexpr std::array digits{"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  if (exponent == 0) return {};
  std::string text = message(" in 10", exponent < 0 ? "⁻" : "");
  for (const char digit : std::to_string(std::abs(exponent)))
    text.append(digits[static_cast<std::size_t>(digit - '0')]);
  return text;
}

/// The numbers as a list in words: "1", "1 and 3", "0, 1 and 3".
[[nodiscard]] inline std::string enumerated(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    if (i > 0) text.append(i + 1 == numbers.size() ? " and " : ", ");
    text.append(std::to_string(numbers[i]));
  }
  return text;
}

}  // namespace detail

}  // namespace spat
