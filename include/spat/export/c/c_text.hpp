// export. Text of C files: names, comments, numbers and arrays of them.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/export/identifier.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Throws ConfigError unless names of functions and macros of C and C++ may begin with `name`: an
/// identifier that does not end with an underscore.
inline void expect_c_name(std::string_view name) {
  expect_identifier("a C function", name);
  if (name.back() == '_') detail::refuse_name("a C function", name, "ends with an underscore");
}

/// A text as it may stand in a comment: a code point that is no sign of ASCII becomes an
/// underscore, as does what could end or open a comment, or join lines.
[[nodiscard]] inline std::string c_comment(std::string_view text) {
  std::string clean;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80) continue;  // goes on with a code point
    const char before = clean.empty() ? ' ' : clean.back();
    const bool joins = c == '\\' || (c == '/' && before == '*') || (c == '*' && before == '/') ||
                       (c == '?' && before == '?');
    clean.push_back(byte < 0x20 || byte > 0x7E || joins ? '_' : c);
  }
  return clean;
}

/// A finite number as a literal of float that has exactly its value.
[[nodiscard]] inline std::string c_number(float value) {
  std::string text = message(value);
  if (text.find_first_of(".e") == text.npos) text.push_back('.');
  text.push_back('f');
  return text;
}

/// "static const TYPE NAME[COUNT] = {...};", `per_line` literals a line. `literal(i)` is number i.
template <class Literal>
[[nodiscard]] std::string c_array(std::string_view type, std::string_view name, std::size_t count,
                                  std::size_t per_line, Literal&& literal) {
  std::string text = message("static const ", type, " ", name, "[", count, "] = {");
  for (std::size_t i = 0; i < count; ++i)
    text.append(i > 0 ? "," : "").append(i % per_line == 0 ? "\n  " : " ").append(literal(i));
  return text.append("};\n");
}

}  // namespace spat
