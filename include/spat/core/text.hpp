// core. Text for people: messages built from parts, quoted content, and numbers independent of the
// locale.
#pragma once

#include <spat/core/abi.hpp>
#include <spat/core/read_number.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

inline void append(std::string& text, std::string_view part) { text.append(part); }
inline void append(std::string& text, char part) { text.push_back(part); }
template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>)
void append(std::string& text, Number part) {
  char digits[64];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, part);
  text.append(digits, static_cast<std::size_t>(end.ptr - digits));
}

}  // namespace detail

/// Concatenates its parts: message("expected ", 8, " fields"). Parts are texts, characters and
/// numbers. Appends, because g++ 12 -O3 warns falsely about "literal" + std::string.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::string text;
  (detail::append(text, parts), ...);
  return text;
}

/// The content in double quotes, with control bytes escaped and cut after 80 bytes: a file may
/// contain anything.
[[nodiscard]] inline std::string in_quotes(std::string_view content) {
  constexpr std::string_view hex = "0123456789abcdef";
  constexpr std::size_t longest = 80;
  std::string text("\"");
  for (const char c : content.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      text.append("\\x").push_back(hex[byte >> 4]);
      text.push_back(hex[byte & 15]);
    } else {
      text.push_back(c);
    }
  }
  text.append(content.size() > longest ? "...\"" : "\"");
  return text;
}

/// The shape of a tensor: "[16, 8]", or "[]" for a scalar.
template <class Shape>
[[nodiscard]] std::string shape_text(const Shape& shape) {
  std::string text("[");
  for (const auto extent : shape) {
    if (text.size() > 1) text.append(", ");
    detail::append(text, extent);
  }
  text.push_back(']');
  return text;
}

/// The text without blanks and tabs at either end.
[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Reads all of `text` as one number. Blanks around it and a leading '+' are allowed; a locale's
/// decimal comma is not. Returns nothing if the text is not a number or the number lies outside the
/// range of Number. "nan" and "inf" are numbers here.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const char* const last = text.data() + text.size();
  const std::from_chars_result end = [&] {
    if constexpr (std::floating_point<Number>)
      return detail::read_number(text.data(), last, value);
    else
      return std::from_chars(text.data(), last, value);
  }();
  if (end.ec != std::errc() || end.ptr != last) return std::nullopt;
  return value;
}

namespace detail {

[[nodiscard]] inline std::string formatted(double value, std::chars_format format, int decimals) {
  if (!std::isfinite(value)) return "-";
  std::array<char, 400> digits;  // the largest double has 309 before the point
  const std::to_chars_result end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, format, decimals);
  return {digits.data(), end.ptr};
}

}  // namespace detail

/// The value with `decimals` decimals: "0.3861"; "-" if it is not finite.
[[nodiscard]] inline std::string fixed(double value, int decimals) {
  return detail::formatted(value, std::chars_format::fixed, decimals);
}
/// The value in scientific notation: "1.2300e-06"; "-" if it is not finite.
[[nodiscard]] inline std::string scientific(double value, int decimals) {
  return detail::formatted(value, std::chars_format::scientific, decimals);
}
/// A ratio as a signed percentage: "-35.0 %" for -0.35; "-" if it is not finite.
[[nodiscard]] inline std::string percent(double share) {
  const std::string text = fixed(100 * share, 1);
  if (text == "-") return text;
  return message(text.front() == '-' ? "" : "+", text, " %");
}

/// The number of UTF-8 code points: about as many columns on a terminal.
[[nodiscard]] inline std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(
      text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}
/// The text padded with blanks to `width` columns: right-aligned, or left-aligned if `left`.
[[nodiscard]] inline std::string padded(std::string text, std::size_t width, bool left = false) {
  const std::size_t size = characters(text);
  const std::string blanks(size < width ? width - size : 0, ' ');
  return left ? text.append(blanks) : message(blanks, text);
}

}  // namespace spat
