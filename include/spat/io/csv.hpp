// io. Reads a table of numbers from comma-separated text, with or without a header and a time
// column.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/csv_records.hpp>
#include <spat/io/encoding.hpp>
#include <spat/io/input_file.hpp>
#include <spat/io/time_index.hpp>

#include <algorithm>
#include <array>
#include <charconv>
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

/// How to read comma-separated text.
struct CsvOptions {
  enum class Header { automatic, present, absent };
  enum class Times { automatic, first_column, none };

  char separator = ',';
  /// automatic: the first record is a header unless all its fields are numbers, or a date and
  /// numbers.
  Header header = Header::automatic;
  /// automatic: the first column holds times if its first cell is a date, or if it is named date,
  /// time, datetime, timestamp or index, or has no name.
  Times times = Times::automatic;
  /// The longest record in bytes. A longer one is an error, so that a file without line ends does
  /// not fill the memory.
  std::size_t longest_line = std::size_t{1} << 20;
  /// Converts a date to a number; returns nothing if the text is not a date. Without it only
  /// integers are times.
  std::optional<std::int64_t> (*parse_time)(std::string_view) = nullptr;
};

/// A table of numbers. Every cell is finite. Names are UTF-8: a name that is not valid UTF-8 is
/// taken for Latin-1 and converted. Columns without a name are c0, c1, ... in the order of the
/// columns of numbers.
struct CsvTable {
  std::string origin;              // the path, for messages
  std::vector<std::string> names;  // [cols], without the time column
  std::vector<double> values;      // [rows x cols], row-major
  TimeIndex time_index = TimeIndex::none;
  std::string time_name;
  std::vector<std::int64_t> times;  // [rows], or empty
  std::size_t first_line = 1;       // line of row 0, counted from 1

  [[nodiscard]] std::size_t cols() const { return names.size(); }
  [[nodiscard]] std::size_t rows() const {
    return names.empty() ? 0 : values.size() / names.size();
  }
};

namespace detail {

class CsvReader {
 public:
  CsvReader(std::istream& stream, const std::string& origin, const CsvOptions& options)
      : options_(options), records_(stream, origin, options.separator, options.longest_line) {
    table_.origin = origin;
  }

  CsvTable read() {
    if (!records_.next()) throw DataError(message(table_.origin, ": the file is empty"));
    if (records_.blank()) records_.refuse("the first line is blank");
    fields_ = records_.size();
    std::vector<std::string> header;
    if (has_header()) {
      for (std::size_t i = 0; i < fields_; ++i) header.push_back(name_of(records_[i]));
      if (!records_.next()) throw DataError(message(table_.origin, ": no rows after the header"));
    }
    table_.first_line = records_.line();
    check_fields();
    decide_times(header);
    name_columns(header);
    std::size_t blank_line = 0;
    do {
      if (records_.blank()) {
        blank_line = blank_line == 0 ? records_.line() : blank_line;
        continue;
      }
      if (blank_line != 0)
        throw DataError(message(table_.origin, ":", blank_line, ": blank line between rows"));
      check_fields();
      take_row();
    } while (records_.next());
    if (table_.values.empty())
      throw DataError(message(table_.origin, ": no rows after the header"));
    return std::move(table_);
  }

 private:
  [[nodiscard]] bool has_header() const {
    if (options_.header != CsvOptions::Header::automatic)
      return options_.header == CsvOptions::Header::present;
    for (std::size_t i = 1; i < fields_; ++i) {
      if (!parse_number<double>(records_[i])) return true;
    }
    return !parse_number<double>(records_[0]) && !parse_date(records_[0]);
  }
  void decide_times(const std::vector<std::string>& header) {
    using Times = CsvOptions::Times;
    static constexpr std::array<std::string_view, 6> usual{"",         "date",      "time",
                                                           "datetime", "timestamp", "index"};
    std::string name = header.empty() ? std::string("none") : header.front();
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool integer = parse_number<std::int64_t>(records_[0]).has_value();
    const bool named = std::find(usual.begin(), usual.end(), name) != usual.end();
    const bool number = parse_number<double>(records_[0]).has_value();
    const bool found = number ? named && integer : named || parse_date(records_[0]).has_value();
    if (options_.times == Times::first_column || (options_.times == Times::automatic && found)) {
      table_.time_index = integer ? TimeIndex::integer : TimeIndex::date;
    }
  }
  void name_columns(const std::vector<std::string>& header) {
    const std::size_t first = has_times() ? 1 : 0;
    if (fields_ == first) records_.refuse("no column of numbers");
    if (has_times()) table_.time_name = header.empty() ? std::string("time") : header.front();
    for (std::size_t i = first; i < fields_; ++i) {
      const bool named = !header.empty() && !header[i].empty();
      table_.names.push_back(named ? header[i] : message("c", i - first));
    }
  }
  void check_fields() const {
    if (records_.blank() || records_.size() == fields_) return;
    records_.refuse("expected ", fields_, " fields, found ", records_.size());
  }
  void take_row() {
    std::size_t i = 0;
    if (has_times()) table_.times.push_back(time_of(records_[i++]));
    for (const std::string& name : table_.names)
      table_.values.push_back(number_of(name, records_[i++]));
  }

  [[nodiscard]] std::int64_t time_of(std::string_view cell) const {
    const bool integer = table_.time_index == TimeIndex::integer;
    const auto time = integer ? parse_number<std::int64_t>(cell) : parse_date(cell);
    if (!time)
      refuse_cell(table_.time_name, cell, integer ? " is not an integer" : " is not a date");
    return *time;
  }
  [[nodiscard]] double number_of(std::string_view name, std::string_view cell) const {
    const auto number = parse_number<double>(cell);
    if (number && std::isfinite(*number)) return *number;
    if (number) refuse_cell(name, cell, " is not finite");
    const std::string_view text = trimmed(cell);
    double ignored = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), ignored);
    const bool beyond =
        end.ec == std::errc::result_out_of_range && end.ptr == text.data() + text.size();
    refuse_cell(name, cell, beyond ? " is beyond the range of double" : " is not a number");
  }
  [[noreturn]] void refuse_cell(std::string_view name, std::string_view cell,
                                std::string_view problem) const {
    const std::string column = message("column ", in_quotes(name), ": ");
    if (trimmed(cell).empty()) records_.refuse(column, "the cell is empty");
    records_.refuse(column, in_quotes(cell), problem);
  }
  [[nodiscard]] std::optional<std::int64_t> parse_date(std::string_view cell) const {
    return options_.parse_time != nullptr ? options_.parse_time(trimmed(cell)) : std::nullopt;
  }
  [[nodiscard]] static std::string name_of(std::string_view field) {
    field = trimmed(field);
    return is_utf8(field) ? std::string(field) : latin1_to_utf8(field);
  }
  [[nodiscard]] bool has_times() const { return table_.time_index != TimeIndex::none; }

  const CsvOptions& options_;
  CsvRecords records_;
  CsvTable table_;
  std::size_t fields_ = 0;
};

}  // namespace detail

/// Reads a table from a stream; `origin` stands for the path in messages.
///
/// Throws DataError, naming the line and column, for the first cell that is not a finite number, a
/// row of another length, a blank line between rows, or an empty file. Throws FileError if the
/// stream cannot be read.
[[nodiscard]] inline CsvTable read_csv(std::istream& stream, const std::string& origin,
                                       const CsvOptions& options = {}) {
  return detail::CsvReader(stream, origin, options).read();
}
/// Reads a table from a file. Throws FileError if it cannot be opened, and the errors above.
[[nodiscard]] inline CsvTable read_csv(const std::string& path, const CsvOptions& options = {}) {
  return read_csv(*detail::open_input(path), path, options);
}

}  // namespace spat
