// io. JSON, written: the text of strings and numbers, and a writer of indented documents.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/encoding.hpp>

#include <charconv>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A finite double as JSON text: the shortest digits that read back as the same number. It always
/// has a point or an exponent: "2.0", "0.001", "1e-05", "1.5e+16".
[[nodiscard]] inline std::string json_number(double value) {
  char buffer[32];
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, std::abs(value), std::chars_format::scientific);
  const std::string_view all(buffer, static_cast<std::size_t>(end.ptr - buffer));
  const std::size_t mark = all.find('e');
  std::string digits(all.substr(0, mark));
  if (digits.size() > 1) digits.erase(1, 1);  // the point
  const int exponent = *parse_number<int>(all.substr(mark + 1));
  const int size = static_cast<int>(digits.size()), point = exponent + 1;
  std::string text(std::signbit(value) ? "-" : "");
  if (size <= point && point <= 15) {
    text.append(digits).append(static_cast<std::size_t>(point - size), '0').append(".0");
  } else if (0 < point && point <= 15) {
    text.append(digits.insert(static_cast<std::size_t>(point), 1, '.'));
  } else if (-4 < point && point <= 0) {
    text.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    if (size > 1) digits.insert(1, 1, '.');
    text.append(digits).append(all.substr(mark));
  }
  return text;
}

/// The text with each byte that does not belong to UTF-8 replaced by U+FFFD.
[[nodiscard]] inline std::string to_utf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    std::size_t size = 4;
    while (size > 0 && !(size <= text.size() && is_utf8(text.substr(0, size)))) --size;
    valid.append(size > 0 ? text.substr(0, size) : "\xEF\xBF\xBD");
    text.remove_prefix(size > 0 ? size : 1);
  }
  return valid;
}

/// JSON text of a string. Throws ConfigError if it is not UTF-8.
[[nodiscard]] inline std::string json_text(std::string_view value) {
  if (!is_utf8(value)) throw ConfigError("a text that goes into JSON is not UTF-8");
  constexpr std::string_view hex = "0123456789abcdef", special = "\"\\\b\f\n\r\t";
  constexpr std::string_view names = "\"\\bfnrt";
  std::string text("\"");
  for (const char c : value) {
    const std::size_t which = special.find(c);
    if (which != special.npos) {
      text.push_back('\\');
      text.push_back(names[which]);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      text.append("\\u00").push_back(hex[static_cast<unsigned char>(c) >> 4]);
      text.push_back(hex[static_cast<unsigned char>(c) & 15]);
    } else {
      text.push_back(c);
    }
  }
  text.push_back('"');
  return text;
}
/// JSON text of a bool, an integer or a finite floating-point number.
template <class Number>
  requires(std::integral<Number> || std::floating_point<Number>)
[[nodiscard]] std::string json_text(Number value) {
  if constexpr (std::same_as<Number, bool>)
    return value ? "true" : "false";
  else if constexpr (std::integral<Number>)
    return message(value);
  else
    return json_number(static_cast<double>(value));
}
/// JSON text of a list.
template <class Element>
[[nodiscard]] std::string json_text(const std::vector<Element>& elements) {
  std::string text("[");
  for (const Element& element : elements)
    text.append(text.size() > 1 ? "," : "").append(json_text(element));
  return text.append("]");
}

/// Writes one JSON document, two blanks of indentation per level, members in the order of the
/// calls. A number that is not finite becomes null; a byte that is not UTF-8 becomes U+FFFD.
class JsonWriter {
 public:
  /// Writes {...}; body() writes its members with member().
  template <class Body>
  void object(Body&& body) {
    nested('{', '}', body);
  }
  /// Writes [...]; body() writes its elements.
  template <class Body>
  void array(Body&& body) {
    nested('[', ']', body);
  }
  /// Writes a name and what write() writes as its value: one object, array or value.
  template <class Write>
    requires(std::invocable<Write&>)
  void member(std::string_view name, Write&& write) {
    begin_element();
    text_.append(json_text(name)).append(": ");
    after_name_ = true;
    write();
  }
  /// Writes a name and its value.
  template <class Value>
  void member(std::string_view name, const Value& value_of_name) {
    member(name, [&] { value(value_of_name); });
  }

  void null() { put("null"); }
  void value(std::string_view text) { put(json_text(to_utf8(text))); }
  void value(const std::string& text) { value(std::string_view(text)); }
  void value(const char* text) { value(std::string_view(text)); }
  template <class Number>
    requires(std::integral<Number> || std::floating_point<Number>)
  void value(Number number) {
    if constexpr (std::floating_point<Number>)
      if (!std::isfinite(number)) return null();
    put(json_text(number));
  }
  template <class Element>
  void value(const std::vector<Element>& elements) {
    array([&] {
      for (const Element& element : elements) value(element);
    });
  }

  /// The document, ended by a line feed.
  [[nodiscard]] std::string text() const { return message(text_, "\n"); }

 private:
  void begin_element() {
    if (after_name_ || depth_ == 0) return;
    text_.append(is_first_ ? "\n" : ",\n").append(2 * depth_, ' ');
    is_first_ = false;
  }
  void put(std::string_view token) {
    begin_element();
    after_name_ = false;
    text_.append(token);
  }
  template <class Body>
  void nested(char open, char close, Body&& body) {
    put(std::string_view(&open, 1));
    ++depth_;
    is_first_ = true;
    body();
    --depth_;
    if (!is_first_) text_.append("\n").append(2 * depth_, ' ');
    is_first_ = false;
    text_.push_back(close);
  }

  std::string text_;
  std::size_t depth_ = 0;
  bool is_first_ = true, after_name_ = false;
};

}  // namespace detail

}  // namespace spat
