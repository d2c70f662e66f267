// data. How a series is read from a file: what is said of its form, and which cells have numbers.
#pragma once

#include <spat/data/calendar.hpp>
#include <spat/data/missing.hpp>
#include <spat/data/time_format.hpp>
#include <spat/io/csv.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to read a series from a file.
struct SeriesOptions {
  enum class Irregular { warn, error };
  static constexpr const char* no_times = "none";

  CsvOptions csv = {};
  /// Reads only these columns, in this order; empty for all columns of numbers.
  std::vector<std::string> columns = {};
  /// Columns that are not read.
  std::vector<std::string> ignored = {};
  /// Name of the target column, which is moved to the end and read even if `columns` does not name
  /// it; empty to keep the order of the file.
  std::string target = {};
  /// Name of the column of times, two names as "date+time" if the clock has a column of its own, or
  /// no_times. Empty: the first column whose first cell is a date, else the first one with a usual
  /// name (date, time, timestamp, ds, year, ...) and numbers that can be times.
  std::string time_column = {};
  /// The form of the times. Without it, it is found by looking: see TimeColumn.
  std::optional<TimeForm> date_format = {};
  /// A number that stands for none, such as -9999. Cells that are empty, NA, NaN, null, ? or - have
  /// no number in any case.
  std::optional<double> missing_code = {};
  /// What takes the place of cells without a number; without a rule, `previous` if there is a
  /// missing code, `error` otherwise.
  std::optional<MissingRule> missing = {};
  /// Reads the times alone, into a series without channels.
  bool times_only = false;
  /// The calendar that the rows follow; without one it is found in their times: see
  /// infer_calendar().
  std::optional<Calendar> calendar = {};
  /// What to do about times that are repeated or do not follow the calendar.
  Irregular irregular = Irregular::warn;

  [[nodiscard]] MissingRule missing_rule() const {
    if (missing) return *missing;
    return missing_code ? MissingRule::previous : MissingRule::error;
  }
};

namespace detail {

/// Whether a cell stands for no number. Such a cell does not make a column one of text.
[[nodiscard]] inline bool is_missing(std::string_view cell) {
  static constexpr std::array<std::string_view, 15> texts{"",     "NA",  "N/A", "n/a",  "#N/A",
                                                          "NaN",  "nan", "NAN", "null", "NULL",
                                                          "Null", "?",   "-",   "None", "."};
  return std::ranges::find(texts, cell) != texts.end();
}

/// A cell as a number; NaN for one that has none, unless such cells are refused.
[[nodiscard]] inline double number_or_nan(CsvReader& table, std::size_t column,
                                          std::string_view name, const SeriesOptions& options,
                                          bool refuses) {
  const auto x = table.try_number(column);
  const bool is_code = x && x == options.missing_code;
  if (x && std::isfinite(*x) && !is_code) return *x;
  const std::string_view cell = table.cell(column);
  if (!is_code && !is_missing(cell)) return table.number(column, name);  // throws
  if (refuses)
    table.refuse("column ", in_quotes(name), ": ",
                 cell.empty() ? "the cell is empty" : message(in_quotes(cell), " is not a number"),
                 "; the missing rule (--missing) says what takes its place");
  return std::numeric_limits<double>::quiet_NaN();
}

}  // namespace detail

}  // namespace spat
