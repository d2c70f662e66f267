// io. Splits a stream of separated text into records and fields, one record in memory at a time.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <istream>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The first separator or line end of a text; its end without one. Looks at eight bytes at a time.
[[nodiscard]] inline const char* find_field_end(const char* at, const char* end, char separator) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::uint64_t ones = 0x0101010101010101;
  // The lowest bit that is set belongs to the first byte that is c.
  const auto places_of = [](std::uint64_t bytes, char c) {
    const std::uint64_t zero_at_c = bytes ^ (ones * static_cast<unsigned char>(c));
    return (zero_at_c - ones) & ~zero_at_c & (ones << 7);
  };
  for (; end - at >= 8; at += 8) {
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, at, sizeof bytes);
    const std::uint64_t places =
        places_of(bytes, separator) | places_of(bytes, '\n') | places_of(bytes, '\r');
    if (places != 0) return at + std::countr_zero(places) / 8;
  }
  while (at != end && *at != separator && *at != '\n' && *at != '\r') ++at;
  return at;
}

}  // namespace detail

/// Reads records as in RFC 4180: lines end with LF, CRLF, CR or the end of the file; a field in
/// double quotes may hold separators, line ends and "" for one quote. A UTF-8 byte order mark is
/// skipped.
///
/// Throws DataError, naming origin and line, for a record longer than `longest`, a quote that never
/// closes, text after a closing quote, and UTF-16. Throws FileError if the stream fails.
class CsvRecords {
 public:
  CsvRecords(std::istream& stream, std::string origin, std::size_t longest, char separator = ',')
      : buffer_(*stream.rdbuf()), origin_(std::move(origin)), longest_(longest),
        separator_(separator) {
    skip_byte_order_mark();
  }

  /// The text that comes next, up to `bytes` of it.
  [[nodiscard]] std::string_view sample(std::size_t bytes = 1 << 16) {
    try {
      while (bytes_.size() - at_ < bytes && refill()) {
      }
    } catch (const FileError&) {  // next() throws it again where the text ends
    }
    return std::string_view(bytes_).substr(at_, bytes);
  }
  void set_separator(char separator) { separator_ = separator; }

  /// Reads one record. Returns false at the end of the file.
  bool next() {
    fields_.clear();
    unquoted_.clear();
    length_ = 0;
    line_ = next_line_;
    if (at_ >= most_kept) {
      bytes_.erase(0, at_);
      at_ = 0;
    }
    if (!has_more()) return false;
    while (next_field()) {
    }
    return true;
  }

  /// The line on which the latest record starts; 1 is the first line of the file.
  [[nodiscard]] std::size_t line() const { return line_; }
  [[nodiscard]] std::size_t size() const { return fields_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const Field& field = fields_[i];
    return {(field.quoted ? unquoted_ : bytes_).data() + field.first, field.size};
  }
  /// Whether the record is an empty line.
  [[nodiscard]] bool blank() const { return fields_.size() == 1 && fields_[0].size == 0; }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw DataError(message(origin_, ":", line_, ": ", parts...));
  }

 private:
  using Traits = std::streambuf::traits_type;
  static constexpr std::size_t most_kept = 1 << 16;

  struct Field {
    std::size_t first, size;
    bool quoted;  // it lies in unquoted_, not in bytes_
  };

  /// Appends what the stream has. Returns false at its end.
  bool refill() {
    try {
      if (buffer_.sgetc() == Traits::eof()) return false;
      const auto ready = std::clamp<std::streamsize>(buffer_.in_avail(), 1, most_kept);
      const std::size_t before = bytes_.size();
      bytes_.resize(before + static_cast<std::size_t>(ready));
      const std::streamsize count = buffer_.sgetn(bytes_.data() + before, ready);
      bytes_.resize(before + static_cast<std::size_t>(count));
      return count > 0;
    } catch (const std::exception&) {  // a file buffer throws if the disk fails
      throw FileError(message(origin_, ": cannot be read beyond line ", next_line_));
    }
  }
  [[nodiscard]] bool has_more() { return at_ < bytes_.size() || refill(); }
  [[nodiscard]] bool is_next(char c) { return has_more() && bytes_[at_] == c; }

  /// Reads one field. Returns false after the last field of the record.
  bool next_field() {
    if (is_next('"')) return next_quoted_field();
    const std::size_t first = at_;
    find_end(first);
    return add({first, at_ - first, false});
  }
  bool next_quoted_field() {
    const std::size_t first = unquoted_.size();
    take_quoted(first);
    const std::size_t rest = at_;
    find_end(rest);
    if (std::string_view(bytes_).substr(rest, at_ - rest).find_first_not_of(" \t") !=
        std::string_view::npos)
      refuse("text after a closing quote");
    return add({first, unquoted_.size() - first, true});
  }
  /// Adds a field and takes the separator or line end behind it. Returns false after the last one.
  bool add(Field field) {
    length_ += field.size + 1;  // with its separator
    if (length_ > longest_) refuse_length();
    fields_.push_back(field);
    if (!has_more()) return false;
    const char end = bytes_[at_++];
    if (end == separator_) return true;
    if (end == '\r' && is_next('\n')) ++at_;
    ++next_line_;
    return false;
  }
  /// Moves to the separator or line end behind `at_`, or to the end of the file.
  void find_end(std::size_t first) {
    do {
      const char *const from = bytes_.data() + at_, *const end = bytes_.data() + bytes_.size();
      at_ += static_cast<std::size_t>(detail::find_field_end(from, end, separator_) - from);
      if (length_ + (at_ - first) >= longest_) refuse_length();
    } while (at_ == bytes_.size() && refill());
  }
  void take_quoted(std::size_t first) {
    ++at_;
    for (;;) {
      if (!has_more()) refuse("a quote is never closed");
      const char c = bytes_[at_++];
      if (c == '"') {
        if (!is_next('"')) return;
        ++at_;
      }
      if (c == '\n') ++next_line_;
      if (length_ + (unquoted_.size() - first) >= longest_) refuse_length();
      unquoted_.push_back(c);
    }
  }
  [[noreturn]] void refuse_length() const { refuse("is longer than ", longest_, " bytes"); }
  void skip_byte_order_mark() {
    if (!has_more()) return;
    const auto first = static_cast<unsigned char>(bytes_[0]);
    if (first == 0xFE || first == 0xFF) refuse("is not text in UTF-8 or Latin-1; is it UTF-16?");
    if (first != 0xEF) return;
    while (bytes_.size() < 3 && refill()) {
    }
    if (!bytes_.starts_with("\xEF\xBB\xBF")) refuse("starts with a broken byte order mark");
    at_ = 3;
  }

  std::streambuf& buffer_;
  std::string origin_;
  std::size_t longest_;
  char separator_;
  std::size_t line_ = 1, next_line_ = 1;
  std::string bytes_;  // of the stream; those before at_ were read
  std::size_t at_ = 0;
  std::string unquoted_;    // the quoted fields of the record, one after another
  std::size_t length_ = 0;  // of the record up to now
  std::vector<Field> fields_;
};

}  // namespace spat
