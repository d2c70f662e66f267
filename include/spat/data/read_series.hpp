// data. Reads a series from a CSV file.
#pragma once

#include <spat/data/calendar_name.hpp>
#include <spat/data/season.hpp>
#include <spat/data/series_reader.hpp>

#include <cstddef>
#include <istream>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// What there is to say about the times of a series: one text for each kind, with the number of
/// rows and the first of them. Throws DataError for times that go backwards.
[[nodiscard]] inline std::vector<std::string> calendar_warnings(const Series& series,
                                                                const std::string& origin,
                                                                std::size_t first_line,
                                                                const CalendarFinding& found) {
  std::vector<std::string> warnings;
  const auto time = [&](std::size_t row) {
    return time_text(series.time_index, series.times[row]);
  };
  const auto line = [&](std::size_t row) { return first_line + row; };
  const auto at = [&](std::size_t row) { return message(origin, ":", line(row), ": "); };
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
    const auto expected = found.calendar.after(series.times[rows[0] - 1]);
    warnings.push_back(message(at(rows[0]), "time ", time(rows[0]), " follows ", time(rows[0] - 1),
                               ", where frequency ", calendar, " expects ",
                               expected ? time_text(series.time_index, *expected) : "nothing",
                               more(rows, "rows")));
  }
  return warnings;
}

}  // namespace detail

/// Reads a series from a stream; `origin` stands for the path in messages. What was found by
/// looking is told in `notes`, irregular times and filled cells in `warnings`. Throws ConfigError
/// for a missing column, and DataError for an unusable file (see CsvReader), for two columns of one
/// name, for dates of two possible forms, and for times that go backwards.
[[nodiscard]] inline Series read_series(std::istream& stream, const std::string& origin,
                                        const SeriesOptions& options = {}) {
  detail::SeriesReader reader(stream, origin, options);
  Series series = reader.read();
  CalendarFinding found;
  try {
    found = infer_calendar(series.time_index, series.times);
  } catch (const DataError& error) {
    throw DataError(message(origin, ": ", error.what()));
  }
  if (options.calendar && found.calendar != *options.calendar)
    found = compare_with(*options.calendar, series.times);
  series.warnings = detail::calendar_warnings(series, origin, reader.first_line(), found);
  if (!series.warnings.empty() && options.irregular == SeriesOptions::Irregular::error)
    throw DataError(series.warnings.front());
  if (options.times_only) return series;
  const Calendar& calendar = options.calendar ? *options.calendar : found.calendar;
  try {
    fill_missing(series, options.missing_rule(), season_of(calendar));
  } catch (const DataError& error) {
    throw DataError(message(origin, ": ", error.what()));
  }
  if (const std::string text = describe_missing(series, options.missing_rule()); !text.empty())
    series.warnings.push_back(message(origin, ": ", text));
  return series;
}
/// Reads a series from a file. Throws FileError if it cannot be opened, and the errors above.
[[nodiscard]] inline Series read_series(const std::string& path,
                                        const SeriesOptions& options = {}) {
  return read_series(*detail::open_input(path), path, options);
}

}  // namespace spat
