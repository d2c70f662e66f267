// export. Texts and numbers as C++ source.
#pragma once

#include <spat/core/error.hpp>
#include <spat/export/identifier.hpp>
#include <spat/io/encoding.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Global names that C's headers or compilers have, and namespaces of others: no namespace can have
/// such a name in every program.
inline constexpr std::string_view taken_names =
    " abort abs access acos alarm asin assert atan calloc ceil clock close cos creat daemon "
    "daylight div double_t dup environ errno exit exp fabs float_t floor fork free gamma "
    "getenv index isalpha j0 j1 jn kill link linux log log2 main malloc nan nice open pause "
    "pipe posix pow printf puts raise rand random read remove rename rint round select signal "
    "sin sleep spat sqrt stat std stderr stdin stdout strlen swab sync system tan time "
    "timezone tolower trunc truncate umask unix unlink wait write xsimd y0 y1 yn ";

/// Whether a text is UTF-8 and shows as it is: without backslashes and without signs of control and
/// format, which can reorder or hide what a reader sees.
[[nodiscard]] inline bool shows_plainly(std::string_view text) {
  if (!is_utf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(text[k]); };
    if (byte(i) < 0x20 || byte(i) == 0x7F || byte(i) == '\\') return false;
    if (byte(i) == 0xC2 && byte(i + 1) < 0xA0) return false;   // U+0080 to U+009F
    if (byte(i) == 0xD8 && byte(i + 1) == 0x9C) return false;  // U+061C
    if (byte(i) == 0xE2 && byte(i + 1) == 0x80 &&              // U+200B to U+200F,
        ((byte(i + 2) >= 0x8B && byte(i + 2) <= 0x8F) ||       // U+2028 to U+202E
         (byte(i + 2) >= 0xA8 && byte(i + 2) <= 0xAE)))
      return false;
    if (byte(i) == 0xE2 && byte(i + 1) == 0x81 && byte(i + 2) >= 0xA0 && byte(i + 2) <= 0xAF)
      return false;  // U+2060 to U+206F
    if (byte(i) == 0xEF && byte(i + 1) == 0xBB && byte(i + 2) == 0xBF) return false;  // U+FEFF
  }
  return true;
}

}  // namespace detail

/// Throws ConfigError unless `name` can name a namespace in a program of any kind: an identifier
/// that the headers of C do not have.
inline void expect_cpp_name(std::string_view name) {
  expect_identifier("a C++ namespace", name);
  if (detail::taken_names.find(message(' ', name, ' ')) != name.npos)
    detail::refuse_name("a C++ namespace", name, "is a name that another header has");
}

/// A text as a string literal, byte for byte: every byte but those of printable ASCII is escaped,
/// and so is the second question mark of a trigraph.
[[nodiscard]] inline std::string cpp_literal(std::string_view text) {
  std::string literal("\"");
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte > 0x7E) {
      literal.push_back('\\');
      for (int shift = 6; shift >= 0; shift -= 3)
        literal.push_back(static_cast<char>('0' + (byte >> shift & 7)));
    } else {
      if (byte == '"' || byte == '\\' || (byte == '?' && i > 0 && text[i - 1] == '?'))
        literal.push_back('\\');
      literal.push_back(text[i]);
    }
  }
  literal.push_back('"');
  return literal;
}

/// A finite number as a literal of double that has exactly its value.
[[nodiscard]] inline std::string cpp_number(double value) {
  std::string text = message(value);
  if (text.find_first_of(".e") == text.npos) text.append(".0");
  return text;
}

/// A word in hexadecimal: "0x1f".
[[nodiscard]] inline std::string cpp_word(std::uint64_t word) {
  std::array<char, 16> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), word, 16);
  return message("0x", std::string_view(digits.data(), end.ptr));
}

}  // namespace spat
