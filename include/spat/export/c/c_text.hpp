// export. Text of C files: names, comments, numbers and arrays of them.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

inline constexpr std::string_view c_keywords =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t "
    "char32_t "
    "char8_t class compl concept const const_cast consteval constexpr constinit continue co_await "
    "co_return co_yield decltype default delete do double dynamic_cast else enum explicit export "
    "extern false float for friend goto if inline int long mutable namespace new noexcept not "
    "not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires "
    "restrict return short signed sizeof static static_assert static_cast struct switch template "
    "this thread_local throw true try typedef typeid typename typeof union unsigned using virtual "
    "void volatile wchar_t while xor xor_eq ";

[[nodiscard]] constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace detail

/// Throws ConfigError unless names of functions and macros of C and C++ may begin with `name`:
/// letters, digits and underscores, no keyword, and nothing that the languages reserve.
inline void expect_c_name(std::string_view name) {
  const auto refuse = [&](const char* why) {
    throw ConfigError(message("the name of a C function: ", in_quotes(name), " ", why,
                              "; --name gives another one"));
  };
  constexpr std::size_t longest = 100;
  if (name.empty() || !detail::is_letter(name[0]) || !std::ranges::all_of(name, [](char c) {
        return detail::is_letter(c) || detail::is_digit(c);
      }))
    refuse("is not a letter followed by letters, digits and underscores");
  if (name.size() > longest) refuse("is longer than 100 letters");
  if (name[0] == '_' || name.back() == '_' || name.find("__") != name.npos)
    refuse("begins or ends with an underscore, or has two in a row");
  if (detail::c_keywords.find(message(' ', name, ' ')) != name.npos)
    refuse("is a keyword of C or C++");
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
