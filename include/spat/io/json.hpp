// io. JSON, read: a strict reader that reports what it finds, event by event.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/read_number.hpp>
#include <spat/core/text.hpp>
#include <spat/io/encoding.hpp>

#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Reads one JSON text (RFC 8259, UTF-8) and calls a member of `events` for everything in it:
/// null(), boolean(b), number_unsigned(u), number_integer(i) for negative ones, number_float(d),
/// string(text), start_object(), key(text), end_object(), start_array(), end_array().
///
/// The first call that returns false ends the reading. parse_error(position) ends it if the text is
/// not JSON, is nested deeper than `deepest`, or has a number outside of double. The position
/// counts bytes from one and includes the offending byte.
template <class Events>
class JsonReader {
 public:
  static constexpr std::size_t deepest = 16;

  JsonReader(std::string_view text, Events& events) : text_(text), events_(events) {}

  /// Whether all of the text is JSON and each event was welcome.
  [[nodiscard]] bool read() { return value() && (skip() == end || misplaced()); }

 private:
  static constexpr int end = -1;

  [[nodiscard]] int peek() const {
    return at_ < text_.size() ? static_cast<unsigned char>(text_[at_]) : end;
  }
  /// The next byte that is no blank, not taken yet.
  int skip() {
    while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
    return peek();
  }
  /// The byte that is next is the one that should not be there.
  bool refuse() {
    events_.parse_error(at_ + 1);
    return false;
  }
  bool refuse_behind() {
    events_.parse_error(at_);
    return false;
  }
  /// A token that is JSON, but not here: the position is its last byte.
  bool misplaced() {
    const int next = skip();
    if (next == '"') return string() && refuse_behind();
    if (next == '-' || is_digit(next)) return number_end() && refuse_behind();
    if (next == 't') return literal("true") && refuse_behind();
    if (next == 'f') return literal("false") && refuse_behind();
    if (next == 'n') return literal("null") && refuse_behind();
    return refuse();
  }

  bool value() {
    switch (skip()) {
      case '{':
        return object();
      case '[':
        return array();
      case '"':
        return string() && events_.string(token_);
      case 't':
        return literal("true") && events_.boolean(true);
      case 'f':
        return literal("false") && events_.boolean(false);
      case 'n':
        return literal("null") && events_.null();
      default:
        return number();
    }
  }
  bool object() {
    if (depth_ == deepest) return refuse();
    ++at_;
    ++depth_;
    if (!events_.start_object()) return false;
    if (skip() != '}') {
      while (true) {
        if (skip() != '"') return misplaced();
        if (!string() || !events_.key(token_)) return false;
        if (skip() != ':') return misplaced();
        ++at_;
        if (!value()) return false;
        if (skip() == '}') break;
        if (peek() != ',') return misplaced();
        ++at_;
      }
    }
    ++at_;
    --depth_;
    return events_.end_object();
  }
  bool array() {
    if (depth_ == deepest) return refuse();
    ++at_;
    ++depth_;
    if (!events_.start_array()) return false;
    if (skip() != ']') {
      while (true) {
        if (!value()) return false;
        if (skip() == ']') break;
        if (peek() != ',') return misplaced();
        ++at_;
      }
    }
    ++at_;
    --depth_;
    return events_.end_array();
  }
  bool literal(std::string_view word) {
    for (const char c : word) {
      if (peek() != c) return refuse();
      ++at_;
    }
    return true;
  }

  [[nodiscard]] static bool is_digit(int c) { return c >= '0' && c <= '9'; }
  bool digits() {
    if (!is_digit(peek())) return refuse();
    while (is_digit(peek())) ++at_;
    return true;
  }
  /// Goes to the end of a number; sets whether it is an integer.
  bool number_end() {
    whole_ = true;
    if (peek() == '-') ++at_;
    if (peek() == '0')
      ++at_;
    else if (!digits())
      return false;
    if (peek() == '.') {
      whole_ = false;
      ++at_;
      if (!digits()) return false;
    }
    if (peek() == 'e' || peek() == 'E') {
      whole_ = false;
      ++at_;
      if (peek() == '+' || peek() == '-') ++at_;
      if (!digits()) return false;
    }
    return true;
  }
  bool number() {
    const std::size_t begin = at_;
    if (!number_end()) return false;
    const char *const first = text_.data() + begin, *const last = text_.data() + at_;
    if (whole_ && *first == '-') {
      std::int64_t integer = 0;
      if (std::from_chars(first, last, integer).ec == std::errc())
        return events_.number_integer(integer);
    } else if (whole_) {
      std::uint64_t natural = 0;
      if (std::from_chars(first, last, natural).ec == std::errc())
        return events_.number_unsigned(natural);
    }
    double real = 0;
    if (read_number(first, last, real).ec != std::errc()) return refuse_behind();
    return events_.number_float(real);
  }

  /// Takes a string into token_.
  bool string() {
    token_.clear();
    ++at_;
    while (peek() != '"') {
      const int c = peek();
      if (c < 0x20) return refuse();  // the end, too
      if (c == '\\') {
        if (!escape()) return false;
      } else if (c < 0x80) {
        token_.push_back(text_[at_++]);
      } else if (!many_bytes(c)) {
        return false;
      }
    }
    ++at_;
    return true;
  }
  /// A character of several bytes.
  bool many_bytes(int lead) {
    const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (is_utf8(text_.substr(at_, size))) {
      token_.append(text_, at_, size);
      at_ += size;
      return true;
    }
    if (lead < 0xC2 || lead > 0xF4) return refuse();
    const int low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    const int high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    ++at_;
    if (peek() >= low && peek() <= high)
      for (++at_; (peek() & 0xC0) == 0x80 && peek() != end;) ++at_;
    return refuse();
  }
  bool escape() {
    ++at_;
    constexpr std::string_view names = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
    if (peek() == 'u') {
      std::uint32_t point = 0;
      if (!hex(point)) return false;
      if (point >= 0xD800 && point < 0xDC00) {  // half of a pair
        std::uint32_t second = 0;
        if (peek() != '\\') return refuse();
        ++at_;
        if (peek() != 'u') return refuse();
        if (!hex(second)) return false;
        if (second < 0xDC00 || second > 0xDFFF) return refuse_behind();
        point = 0x10000 + ((point - 0xD800) << 10) + (second - 0xDC00);
      } else if (point >= 0xDC00 && point <= 0xDFFF) {
        return refuse_behind();
      }
      append(point);
      return true;
    }
    const std::size_t which = peek() == end ? names.npos : names.find(text_[at_]);
    if (which == names.npos) return refuse();
    token_.push_back(meanings[which]);
    ++at_;
    return true;
  }
  /// Four digits behind a 'u' that is still to be taken.
  bool hex(std::uint32_t& point) {
    ++at_;
    for (int i = 0; i < 4; ++i, ++at_) {
      const int c = peek(), letter = c | 0x20;
      if (is_digit(c))
        point = point * 16 + static_cast<std::uint32_t>(c - '0');
      else if (c != end && letter >= 'a' && letter <= 'f')
        point = point * 16 + static_cast<std::uint32_t>(letter - 'a' + 10);
      else
        return refuse();
    }
    return true;
  }
  void append(std::uint32_t point) {
    const auto tail = [&](int shift) {
      token_.push_back(static_cast<char>(0x80 | ((point >> shift) & 0x3F)));
    };
    if (point < 0x80) {
      token_.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
      token_.push_back(static_cast<char>(0xC0 | (point >> 6)));
      tail(0);
    } else if (point < 0x10000) {
      token_.push_back(static_cast<char>(0xE0 | (point >> 12)));
      tail(6);
      tail(0);
    } else {
      token_.push_back(static_cast<char>(0xF0 | (point >> 18)));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string_view text_;
  Events& events_;
  std::string token_;
  std::size_t at_ = 0, depth_ = 0;
  bool whole_ = false;
};

}  // namespace detail

}  // namespace spat
