// core. Floating-point numbers in text, read as std::from_chars reads them, also where the standard
// library lacks it.
#pragma once

#include <spat/core/abi.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string_view>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

[[nodiscard]] constexpr bool is_decimal_digit(char c) { return c >= '0' && c <= '9'; }

/// A decimal number without sign and point, "1234e-2" for 12.34: the C library reads it alike in
/// each locale. Holds as many digits as can matter.
class PlainDecimal {
 public:
  /// Takes the next digit, of the fraction or before it.
  void take(char digit, bool fraction) {
    const bool leading = size_ == 0 && digit == '0';
    const bool kept = !leading && size_ < most_digits;
    if (kept) text_[size_++] = digit;
    if (!leading && !kept && digit != '0') is_cut_ = true;
    if (fraction && (kept || leading)) --exponent_;
    if (!fraction && !kept && !leading) ++exponent_;
  }
  void shift(std::int64_t exponent) { exponent_ += exponent; }

  /// The nearest number, perhaps infinite, or 0 although a digit is not.
  template <class Number>
  [[nodiscard]] Number nearest() {
    if (size_ == 0) return 0;
    char* end = text_.data() + size_;
    if (is_cut_) *end++ = '1';  // what was cut lies between two numbers of one digit more
    *end++ = 'e';
    // With at most most_digits digits each number beyond the limit is 0, or infinite.
    const std::int64_t exponent = exponent_ - (is_cut_ ? 1 : 0), limit = 2000;
    end = std::to_chars(end, text_.data() + text_.size(), std::clamp(exponent, -limit, limit)).ptr;
    *end = '\0';
    const int error = errno;
    Number number = 0;
    if constexpr (std::same_as<Number, float>)
      number = std::strtof(text_.data(), nullptr);
    else
      number = std::strtod(text_.data(), nullptr);
    errno = error;
    return number;
  }
  [[nodiscard]] bool is_zero() const { return size_ == 0; }

 private:
  // A number halfway between two doubles has at most 767 digits.
  static constexpr std::size_t most_digits = 768;

  std::array<char, most_digits + 16> text_;  // with the exponent and a zero byte
  std::size_t size_ = 0;
  std::int64_t exponent_ = 0;
  bool is_cut_ = false;
};

/// The size of "inf", "infinity", "nan" or "nan(...)" at the start of the text, in small or capital
/// letters; 0 if it starts otherwise.
[[nodiscard]] constexpr std::size_t size_of_special(std::string_view text) {
  const auto starts_with = [&](std::string_view word) {
    return text.size() >= word.size() &&
           std::ranges::equal(word, text.substr(0, word.size()),
                              [](char lower, char c) { return c == lower || c == lower - 32; });
  };
  const auto is_of_word = [](char c) {
    return is_decimal_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  };
  if (starts_with("infinity")) return 8;
  if (starts_with("inf")) return 3;
  if (!starts_with("nan")) return 0;
  if (!text.substr(3).starts_with('(')) return 3;
  std::size_t end = 4;
  while (end < text.size() && is_of_word(text[end])) ++end;
  return end < text.size() && text[end] == ')' ? end + 1 : 3;
}

/// std::from_chars of floating-point numbers without it: the same texts, the same bits, in any
/// locale. Allocates nothing.
template <class Number>
  requires(std::same_as<Number, float> || std::same_as<Number, double>)
std::from_chars_result read_number_by_c(const char* first, const char* last, Number& value) {
  const bool negative = first != last && *first == '-';
  const char* at = first + (negative ? 1 : 0);
  const auto set = [&](Number number) { value = negative ? -number : number; };
  const std::string_view text(at, static_cast<std::size_t>(last - at));
  if (const std::size_t size = size_of_special(text); size > 0) {
    using Limits = std::numeric_limits<Number>;
    set(text.starts_with('i') || text.starts_with('I') ? Limits::infinity() : Limits::quiet_NaN());
    return {at + size, std::errc()};
  }
  PlainDecimal decimal;
  const auto take_digits = [&](bool fraction) {
    const char* const begin = at;
    for (; at != last && is_decimal_digit(*at); ++at) decimal.take(*at, fraction);
    return at != begin;
  };
  bool has_digits = take_digits(false);
  if (at != last && *at == '.') {
    ++at;
    has_digits = take_digits(true) || has_digits;
  }
  if (!has_digits) return {first, std::errc::invalid_argument};
  if (at != last && (*at == 'e' || *at == 'E')) {
    const char* digit = at + 1;
    const bool down = digit != last && *digit == '-';
    if (digit != last && (*digit == '-' || *digit == '+')) ++digit;
    std::int64_t exponent = 0;
    for (; digit != last && is_decimal_digit(*digit); at = ++digit)
      if (exponent < 100'000'000'000'000'000) exponent = exponent * 10 + (*digit - '0');
    decimal.shift(down ? -exponent : exponent);
  }
  const auto number = decimal.nearest<Number>();
  if (number > std::numeric_limits<Number>::max() || (number == 0 && !decimal.is_zero()))
    return {at, std::errc::result_out_of_range};
  set(number);
  return {at, std::errc()};
}

/// Whether std::from_chars reads this type. In libc++ it does from version 20 on; on macOS it is
/// declared even for systems that do not have it.
#if defined(__APPLE__)
template <class Number>
concept ReadByLibrary = false;
#else
template <class Number>
concept ReadByLibrary = requires(const char* text, Number& value) {
  std::from_chars(text, text, value);
};
#endif

/// std::from_chars for float and double on every standard library.
template <class Number>
  requires(std::same_as<Number, float> || std::same_as<Number, double>)
std::from_chars_result read_number(const char* first, const char* last, Number& value) {
  if constexpr (ReadByLibrary<Number>)
    return std::from_chars(first, last, value);
  else
    return read_number_by_c(first, last, value);
}

}  // namespace detail

}  // namespace spat
