// io. Numbers read without a locale, and encodings: what the parsers share.
#pragma once

#include <spat/core/message.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The number that is all of `text`; blanks around it and a leading '+' are allowed, a locale's comma is not.
/// Nothing when it is no number or lies outside of Number; "nan" and "inf" are numbers here.
template <class Number>
[[nodiscard]] std::optional<Number> parse_number(std::string_view text) {
  text = trimmed(text);
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  Number value{};
  const char* const last = text.data() + text.size();
  const std::from_chars_result end = std::from_chars(text.data(), last, value);
  if (end.ec != std::errc() || end.ptr != last) return std::nullopt;
  return value;
}

[[nodiscard]] inline bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    const unsigned char lead = byte(i++);
    if (lead < 0x80) continue;
    const std::size_t more = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : 1;
    if (lead < 0xC2 || lead > 0xF4 || text.size() - i < more) return false;
    const unsigned char low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const unsigned char high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (byte(i) < low || byte(i) > high) return false;
    for (std::size_t k = 1; k < more; ++k) {
      if ((byte(i + k) & 0xC0) != 0x80) return false;
    }
    i += more;
  }
  return true;
}

[[nodiscard]] inline std::string latin1_to_utf8(std::string_view text) {
  std::string converted;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80) converted.push_back(static_cast<char>(0xC0 | byte >> 6));
    converted.push_back(byte >= 0x80 ? static_cast<char>(0x80 | (byte & 0x3F)) : c);
  }
  return converted;
}

}  // namespace detail

}  // namespace spat
