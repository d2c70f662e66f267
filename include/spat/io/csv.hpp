// io. Reads a table row by row: its dialect, its header, and cells as numbers.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/read_number.hpp>
#include <spat/core/text.hpp>
#include <spat/io/csv_dialect.hpp>
#include <spat/io/csv_records.hpp>
#include <spat/io/encoding.hpp>
#include <spat/io/input_file.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to read separated text.
struct CsvOptions {
  enum class Header { automatic, present, absent };

  /// Found by looking if they are not given: see find_dialect().
  std::optional<char> separator = {}, decimal = {};
  /// The sign between groups of a number's digits, as in 1.234.567; 0: none.
  char thousands = 0;
  /// automatic: the first record is a header unless all its fields are numbers or times. A record
  /// of the numbers 0, 1, 2, ... is one, too.
  Header header = Header::automatic;
  /// The longest record in bytes. A longer one is an error, so that a file without line ends does
  /// not fill the memory.
  std::size_t longest_line = std::size_t{1} << 24;
  /// Whether a cell is a time. Without it no cell is.
  bool (*is_time)(std::string_view) = nullptr;
};

namespace detail {

/// Reads digits with or without a decimal sign among them, perhaps after a minus: the same bits as
/// parse_number(), in less time. Returns false for other texts and beyond the range of double.
[[nodiscard]] inline bool parse_digits(std::string_view text, char decimal, double& to) {
  static constexpr std::array<double, 20> powers{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                                 1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                                 1e14, 1e15, 1e16, 1e17, 1e18, 1e19};
  const bool negative = text.starts_with('-');
  const char* at = text.data() + static_cast<std::size_t>(negative);
  const char* const end = text.data() + text.size();
  std::uint64_t integer = 0;
  const auto take_digits = [&] {
    const char* const first = at;
    for (; at != end && *at >= '0' && *at <= '9'; ++at)
      integer = integer * 10 + static_cast<std::uint64_t>(*at - '0');
    return static_cast<std::size_t>(at - first);
  };
  std::size_t digits = take_digits(), decimals = 0;
  if (at != end && *at == decimal) {
    ++at;
    decimals = take_digits();
    digits += decimals;
  }
  if (at != end || digits == 0) return false;
  // beyond 19 digits the integer may have wrapped around
  if (digits > 19 || integer > std::uint64_t{1} << 53)
    return decimal == '.' && read_number(text.data(), end, to).ec == std::errc();
  const double power = powers[decimals];  // as exact as the integer: the quotient is rounded once
  to = static_cast<double>(integer) / (negative ? -power : power);
  return true;
}

}  // namespace detail

/// The rows of a table, one after another. Names are UTF-8: a name that is not valid UTF-8 is taken
/// for Latin-1 and converted.
///
///     CsvReader table(stream, "plant.csv");
///     do use(table.number(2)); while (table.next());
///
/// Throws DataError, with the line, for a row of another length, a blank line between rows, and a
/// file without rows. Throws FileError if the stream cannot be read.
class CsvReader {
 public:
  /// Reads the header and the first row. `origin` stands for the path in messages.
  CsvReader(std::istream& stream, std::string origin, const CsvOptions& options = {})
      : options_(options), origin_(std::move(origin)),
        records_(stream, origin_, options.longest_line) {
    dialect_ = find_dialect(records_.sample());
    if (options.separator) dialect_.separator = *options.separator;
    if (options.decimal) dialect_.decimal = *options.decimal;
    is_usual_ = options.thousands == 0 && (dialect_.decimal == '.' || dialect_.decimal == ',');
    records_.set_separator(dialect_.separator);
    if (!records_.next()) throw DataError(message(origin_, ": the file is empty"));
    if (records_.blank()) records_.refuse("the first line is blank");
    names_.resize(records_.size());
    has_header_ = is_header();
    if (has_header_) {
      for (std::size_t i = 0; i < names_.size(); ++i) names_[i] = name_of(records_[i]);
      if (!next()) throw DataError(message(origin_, ": no rows after the header"));
    }
    first_line_ = records_.line();
  }

  [[nodiscard]] const std::string& origin() const { return origin_; }
  [[nodiscard]] const CsvDialect& dialect() const { return dialect_; }
  [[nodiscard]] bool has_header() const { return has_header_; }
  /// The names of the columns; empty where a column has none.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] std::size_t cols() const { return names_.size(); }
  /// The line of the first row, counted from 1.
  [[nodiscard]] std::size_t first_line() const { return first_line_; }

  /// Goes to the next row. Returns false after the last one.
  bool next() {
    if (!records_.next()) return false;
    if (records_.blank() && cols() > 0) {
      const std::size_t line = records_.line();
      while (records_.blank())
        if (!records_.next()) return false;
      throw DataError(message(origin_, ":", line, ": blank line between rows"));
    }
    if (records_.size() != cols())
      records_.refuse("expected ", cols(), " fields, found ", records_.size());
    return true;
  }

  /// A cell without the blanks around it.
  [[nodiscard]] std::string_view cell(std::size_t column) const {
    return trimmed(records_[column]);
  }
  /// A cell as a number; nothing for another text.
  [[nodiscard]] std::optional<double> try_number(std::size_t column) {
    double number = 0;
    if (is_usual_ && detail::parse_digits(records_[column], dialect_.decimal, number))
      return number;
    return parse_number<double>(plain(cell(column)));
  }
  /// A cell as a finite number. `name` is the column's name in the message of an error.
  [[nodiscard]] double number(std::size_t column, std::string_view name) {
    const auto number = try_number(column);
    if (number && std::isfinite(*number)) return *number;
    if (number) refuse_cell(column, name, " is not finite");
    const std::string_view text = plain(cell(column));
    double ignored = 0;
    const auto end = detail::read_number(text.data(), text.data() + text.size(), ignored);
    const bool beyond =
        end.ec == std::errc::result_out_of_range && end.ptr == text.data() + text.size();
    refuse_cell(column, name, beyond ? " is beyond the range of double" : " is not a number");
  }
  /// Throws DataError with the line, the column and its cell.
  [[noreturn]] void refuse_cell(std::size_t column, std::string_view name,
                                std::string_view problem) const {
    const std::string start = message("column ", in_quotes(name), ": ");
    if (cell(column).empty()) records_.refuse(start, "the cell is empty");
    records_.refuse(start, in_quotes(records_[column]), problem);
  }
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... parts) const {
    records_.refuse(parts...);
  }

 private:
  [[nodiscard]] bool is_header() {
    if (options_.header != CsvOptions::Header::automatic)
      return options_.header == CsvOptions::Header::present;
    bool counts = cols() > 1;  // 0, 1, 2, ...
    for (std::size_t i = 0; i < cols(); ++i) {
      const auto number = try_number(i);
      if (!number && !(options_.is_time && options_.is_time(cell(i)))) return true;
      counts = counts && number == static_cast<double>(i);
    }
    return counts;
  }
  [[nodiscard]] static std::string name_of(std::string_view field) {
    field = trimmed(field);
    return detail::is_utf8(field) ? std::string(field) : detail::latin1_to_utf8(field);
  }
  /// A number with a point before its fraction and nothing between its digits.
  [[nodiscard]] std::string_view plain(std::string_view text) {
    if (dialect_.decimal == '.' && options_.thousands == 0) return text;
    plain_.clear();
    for (const char c : text)
      if (c == dialect_.decimal)
        plain_.push_back('.');
      else if (c == '.')
        plain_.push_back(options_.thousands == '.' ? '\0' : '?');
      else
        plain_.push_back(c == options_.thousands ? '\0' : c);
    std::erase(plain_, '\0');
    return plain_;
  }

  CsvOptions options_;
  std::string origin_;
  CsvRecords records_;
  CsvDialect dialect_;
  std::vector<std::string> names_;
  bool is_usual_ = false;  // numbers are written without a sign between groups of digits
  bool has_header_ = false;
  std::size_t first_line_ = 1;
  std::string plain_;
};

}  // namespace spat
