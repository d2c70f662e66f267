// data. Reads a series from a CSV file.
#pragma once

#include <spat/data/calendar_name.hpp>
#include <spat/data/series.hpp>
#include <spat/io/csv.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to read a series from a file.
struct SeriesOptions {
  enum class Irregular { warn, error };

  CsvOptions csv = {};
  /// Reads only these columns, in this order; empty for all.
  std::vector<std::string> columns = {};
  /// Name of the target column, which is moved to the end and read even if `columns` does not name
  /// it; empty to keep the order of the file.
  std::string target = {};
  /// Cells with this value are replaced by the previous value of their column, and at the start by
  /// the first one present.
  std::optional<double> missing_code = {};
  /// The calendar that the rows follow; without one it is found in their times: see
  /// infer_calendar().
  std::optional<Calendar> calendar = {};
  /// What to do about times that are repeated or do not follow the calendar.
  Irregular irregular = Irregular::warn;
};

namespace detail {

/// What there is to say about the times of a table: one text for each kind, with the number of rows
/// and the first of them. Throws DataError for times that go backwards.
[[nodiscard]] inline std::vector<std::string> calendar_warnings(const CsvTable& table,
                                                                const CalendarFinding& found) {
  std::vector<std::string> warnings;
  const auto time = [&](std::size_t row) { return time_text(table.time_index, table.times[row]); };
  const auto line = [&](std::size_t row) { return table.first_line + row; };
  const auto at = [&](std::size_t row) { return message(table.origin, ":", line(row), ": "); };
  const std::string calendar = to_text(found.calendar);
  if (!found.backwards.empty()) {
    const std::size_t row = found.backwards[0];
    throw DataError(
        message(at(row), "time ", time(row), " lies before ", time(row - 1), " of the row above"));
  }
  const auto more = [](const std::vector<std::size_t>& rows, const char* what) {
    return rows.size() == 1 ? std::string() : message("; ", rows.size(), " such ", what, " in all");
  };
  if (found.changed_at) {
    Calendar former = found.calendar;
    former.step = found.former_step;
    warnings.push_back(message(at(*found.changed_at + 1), "the frequency is ", calendar,
                               " from here on, ", to_text(former), " before"));
  }
  if (const auto& rows = found.repeated; !rows.empty())
    warnings.push_back(
        message(at(rows[0]), "time ", time(rows[0]), " is repeated", more(rows, "times")));
  if (const auto& rows = found.clock_changes; !rows.empty())
    warnings.push_back(message(at(rows[0]), "time ", time(rows[0]), " follows ", time(rows[0] - 1),
                               ", as if a clock was changed", more(rows, "times")));
  if (const auto& rows = found.irregular; !rows.empty()) {
    const auto expected = found.calendar.after(table.times[rows[0] - 1]);
    warnings.push_back(message(at(rows[0]), "time ", time(rows[0]), " follows ", time(rows[0] - 1),
                               ", where frequency ", calendar, " expects ",
                               expected ? time_text(table.time_index, *expected) : "nothing",
                               more(rows, "rows")));
  }
  return warnings;
}

/// Replaces cells that hold the missing code. Returns the number of cells replaced.
inline std::size_t replace_missing(Series& series, std::size_t channel, double code,
                                   const std::string& origin) {
  const std::size_t rows = series.rows(), channels = series.channels();
  const auto cell = [&](std::size_t row) -> double& {
    return series.values[row * channels + channel];
  };
  std::size_t first = 0, replaced = 0;
  while (first < rows && cell(first) == code) ++first;
  if (first == rows) {
    throw DataError(message(origin, ": column ", in_quotes(series.names[channel]),
                            ": every cell is the missing code ", code));
  }
  for (std::size_t row = 0; row < rows; ++row) {
    if (cell(row) != code) continue;
    cell(row) = row < first ? cell(first) : cell(row - 1);
    ++replaced;
  }
  return replaced;
}

}  // namespace detail

/// Reads a series from a stream; `origin` stands for the path in messages. Irregular times and
/// replaced cells are reported in `warnings`. Throws ConfigError for a missing column, and
/// DataError for an unusable file (see read_csv) and for times that go backwards.
[[nodiscard]] inline Series read_series(std::istream& stream, const std::string& origin,
                                        const SeriesOptions& options = {}) {
  CsvOptions csv = options.csv;
  if (csv.parse_time == nullptr) {
    csv.parse_time = [](std::string_view text) {
      const auto date = parse_date_time(text);
      return date ? std::optional(date->seconds()) : std::nullopt;
    };
  }
  CsvTable table = read_csv(stream, origin, csv);
  Series series{
      .names = {}, .values = {}, .time_index = table.time_index, .times = {}, .warnings = {}};
  CalendarFinding found = infer_calendar(table.time_index, table.times);
  if (options.calendar && found.calendar != *options.calendar)
    found = compare_with(*options.calendar, table.times);
  series.warnings = detail::calendar_warnings(table, found);
  if (!series.warnings.empty() && options.irregular == SeriesOptions::Irregular::error)
    throw DataError(series.warnings.front());
  const std::vector<std::size_t> chosen =
      detail::chosen_columns(table.names, options.columns, options.target, origin);
  series.times = std::move(table.times);
  for (const std::size_t column : chosen) series.names.push_back(table.names[column]);
  series.values.reserve(table.rows() * chosen.size());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const std::size_t column : chosen)
      series.values.push_back(table.values[row * table.cols() + column]);
  }
  for (std::size_t channel = 0; options.missing_code && channel < series.channels(); ++channel) {
    const std::size_t replaced =
        detail::replace_missing(series, channel, *options.missing_code, origin);
    if (replaced == 0) continue;
    series.warnings.push_back(message(origin, ": column ", in_quotes(series.names[channel]), ": ",
                                      replaced, replaced == 1 ? " cell" : " cells",
                                      " of the missing code ", *options.missing_code,
                                      " replaced by the value before"));
  }
  return series;
}
/// Reads a series from a file. Throws FileError if it cannot be opened, and the errors above.
[[nodiscard]] inline Series read_series(const std::string& path,
                                        const SeriesOptions& options = {}) {
  return read_series(*detail::open_input(path), path, options);
}

}  // namespace spat
