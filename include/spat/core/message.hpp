// core. Messages of errors, built by appending.
#pragma once

#include <spat/core/abi.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>

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

/// message("expected ", 8, " fields"). Appends, because g++ 12 -O3 warns falsely on "literal" + std::string.
template <class... Parts>
[[nodiscard]] std::string message(const Parts&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// In double quotes, with control bytes escaped and at most 80 bytes long: the content of a file may be anything.
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

/// "[16, 8]", or "[]" for a scalar.
template <class Shape>
[[nodiscard]] std::string shape_text(const Shape& shape) {
  std::string text("[");
  for (const auto extent : shape) {
    if (text.size() > 1) text.append(", ");
    append(text, extent);
  }
  text.push_back(']');
  return text;
}

}  // namespace detail

}  // namespace spat
