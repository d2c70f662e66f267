// export. Names that a user gives to what an exported file defines.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <algorithm>
#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Keywords of C99 and C++20, between blanks.
inline constexpr std::string_view keywords =
    " alignas alignof and and_eq asm auto bitand bitor bool break case catch char "
    "char16_t char32_t char8_t class co_await co_return co_yield compl concept const "
    "const_cast consteval constexpr constinit continue decltype default delete do double "
    "dynamic_cast else enum explicit export extern false float for friend goto if import "
    "inline int long module mutable namespace new noexcept not not_eq nullptr operator "
    "or or_eq private protected public register reinterpret_cast requires restrict "
    "return short signed sizeof static static_assert static_cast struct switch template "
    "this thread_local throw true try typedef typeid typename typeof union unsigned "
    "using virtual void volatile wchar_t while xor xor_eq ";

[[nodiscard]] constexpr bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

[[noreturn]] inline void refuse_name(std::string_view what, std::string_view name,
                                     std::string_view why) {
  throw ConfigError(
      message("the name of ", what, ": ", in_quotes(name), " ", why, "; --name gives another one"));
}

}  // namespace detail

/// Throws ConfigError unless `name` can name something in a program of C and of C++: letters,
/// digits and underscores, no keyword, and nothing that the languages reserve. `what` it names is
/// said in the message, as "a C function".
inline void expect_identifier(std::string_view what, std::string_view name) {
  const auto refuse = [&](std::string_view why) { detail::refuse_name(what, name, why); };
  constexpr std::size_t longest = 100;
  if (name.empty() || !detail::is_letter(name[0]) || !std::ranges::all_of(name, [](char c) {
        return detail::is_letter(c) || detail::is_digit(c);
      }))
    refuse("is not a letter followed by letters, digits and underscores");
  if (name.size() > longest) refuse("is longer than 100 letters");
  if (name[0] == '_' || name.find("__") != name.npos)
    refuse("is reserved, as all names that begin with an underscore or have two in a row");
  if (detail::keywords.find(message(' ', name, ' ')) != name.npos)
    refuse("is a keyword of C or C++");
}

}  // namespace spat
