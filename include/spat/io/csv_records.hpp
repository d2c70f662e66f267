// io. Splits a stream of comma-separated text into records and fields, one record in memory at a
// time.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <cstddef>
#include <exception>
#include <istream>
#include <streambuf>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Reads records as in RFC 4180: lines end with LF, CRLF or the end of the file; a field in double
/// quotes may hold separators, line ends and "" for one quote. A UTF-8 byte order mark is skipped.
///
/// Throws DataError, naming origin and line, for a record longer than `longest`, a quote that never
/// closes, text after a closing quote, and UTF-16. Throws FileError if the stream fails.
class CsvRecords {
 public:
  CsvRecords(std::istream& stream, std::string origin, char separator, std::size_t longest)
      : buffer_(*stream.rdbuf()), origin_(std::move(origin)), separator_(separator),
        longest_(longest) {
    skip_byte_order_mark();
  }

  /// Reads one record. Returns false at the end of the file.
  bool next() {
    text_.clear();
    ends_.clear();
    line_ = next_line_;
    if (peek() == end_of_file) return false;
    while (next_field()) {
    }
    return true;
  }

  /// The line on which the latest record starts; 1 is the first line of the file.
  [[nodiscard]] std::size_t line() const { return line_; }
  [[nodiscard]] std::size_t size() const { return ends_.size(); }
  [[nodiscard]] std::string_view operator[](std::size_t i) const {
    const std::size_t first = i == 0 ? 0 : ends_[i - 1];
    return std::string_view(text_).substr(first, ends_[i] - first);
  }
  /// Whether the record is an empty line.
  [[nodiscard]] bool blank() const { return text_.empty() && ends_.size() == 1; }

  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    throw DataError(message(origin_, ":", line_, ": ", parts...));
  }

 private:
  using Traits = std::streambuf::traits_type;
  static constexpr int end_of_file = Traits::eof();

  int peek() {
    return guarded([&] { return buffer_.sgetc(); });
  }
  int take() {
    return guarded([&] { return buffer_.sbumpc(); });
  }
  template <class Read>
  int guarded(Read&& read) {
    try {
      return read();
    } catch (const std::exception&) {  // a file buffer throws if the disk fails
      throw FileError(message(origin_, ": cannot be read beyond line ", next_line_));
    }
  }

  /// Reads one field. Returns false after the last field of the record.
  bool next_field() {
    bool quoted = peek() == '"', more = false;
    if (quoted) {
      take();
      take_quoted();
    }
    for (;;) {
      const int c = take();
      if (c == '\r' && peek() == '\n') continue;
      more = c == Traits::to_int_type(separator_);
      if (c == '\n' || c == '\r') ++next_line_;
      if (more || c == end_of_file || c == '\n' || c == '\r') break;
      if (quoted && c != ' ' && c != '\t') refuse("text after a closing quote");
      keep(c);
    }
    check_length();
    ends_.push_back(text_.size());
    return more;
  }
  void take_quoted() {
    for (;;) {
      const int c = take();
      if (c == end_of_file) refuse("a quote is never closed");
      if (c == '"') {
        if (peek() != '"') return;
        take();
      }
      if (c == '\n') ++next_line_;
      keep(c);
    }
  }
  void keep(int c) {
    check_length();
    text_.push_back(Traits::to_char_type(c));
  }
  void check_length() const {
    if (text_.size() + ends_.size() >= longest_) refuse("is longer than ", longest_, " bytes");
  }
  void skip_byte_order_mark() {
    const int first = peek();
    if (first == 0xFE || first == 0xFF) refuse("is not text in UTF-8 or Latin-1; is it UTF-16?");
    if (first != 0xEF) return;
    take();
    if (take() != 0xBB || take() != 0xBF) refuse("starts with a broken byte order mark");
  }

  std::streambuf& buffer_;
  std::string origin_;
  char separator_;
  std::size_t longest_, line_ = 1, next_line_ = 1;
  std::string text_;               // fields of the record, one after another
  std::vector<std::size_t> ends_;  // where each of them ends
};

}  // namespace spat
