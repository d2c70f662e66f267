// data. Reads a panel from a long table: a file of rows with id, time and value.
#pragma once

#include <spat/data/calendar_name.hpp>
#include <spat/data/panel_reader.hpp>

#include <algorithm>
#include <cstddef>
#include <istream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Where one kind of irregularity is found first, and how often.
struct PanelIrregularity {
  std::size_t rows = 0, series = 0;
  std::string first = {};

  /// Counts the rows of one series; `text()` describes the first of them.
  template <class Text>
  void add(std::size_t count, Text&& text) {
    if (count == 0) return;
    if (rows == 0) first = text();
    rows += count;
    ++series;
  }
  /// Adds a warning if there is any. `what` are the rows; nullptr for a kind that has one row per
  /// series.
  void warn(std::vector<std::string>& warnings, const char* what) const {
    if (rows == 0) return;
    std::string text = first;
    if (rows > 1 && what)
      text.append(message("; ", rows, " such ", what, " in ", series, " series"));
    else if (rows > 1)
      text.append(message("; ", series, " such series"));
    warnings.push_back(std::move(text));
  }
};

/// Says where a panel is irregular: one text for each kind.
class PanelWarnings {
 public:
  PanelWarnings(const Panel& panel, const PanelReader& reader, const std::string& origin)
      : panel_(panel), reader_(reader), origin_(origin) {}

  /// About the times. Every series is compared with the calendar that was given, or with the one
  /// that most series follow; a series that does not follow that one has a frequency of its own.
  /// Throws DataError for times that are too far apart.
  [[nodiscard]] std::vector<std::string> of_times(const std::optional<Calendar>& given) {
    const auto findings = found_calendars();
    std::vector<Calendar> calendars;
    for (const CalendarFinding& one : findings) calendars.push_back(one.calendar);
    const Calendar usual = given ? *given : most_followed(calendars, panel_.series);
    for (series_ = 0; series_ < findings.size(); ++series_) {
      if (findings[series_].calendar == usual) {
        take(findings[series_]);
        continue;
      }
      const CalendarFinding found = compare_with(usual, series().times);
      if (given || found.irregular.empty())
        take(found);
      else
        others_.add(1, [&] {
          return message(at(0), id(), " has frequency ", to_text(findings[series_].calendar),
                         ", where most series have ", to_text(usual));
        });
    }
    std::vector<std::string> warnings;
    if (const auto& repeated = reader_.repeated(); repeated.rows > 0)
      warnings.push_back(message(
          origin_, ":", repeated.first_line, ": time ", repeated.time, " of series ",
          in_quotes(repeated.id), " is repeated with the same value and left out",
          repeated.rows > 1 ? message("; ", repeated.rows, " such rows in all") : std::string()));
    changed_.warn(warnings, nullptr);
    others_.warn(warnings, nullptr);
    clocks_.warn(warnings, "times");
    irregular_.warn(warnings, "rows");
    return warnings;
  }

  /// About cells without a number.
  [[nodiscard]] std::vector<std::string> of_values() {
    PanelIrregularity missing;
    for (series_ = 0; series_ < panel_.series.size(); ++series_) {
      const auto& filled = series().filled;
      missing.add(static_cast<std::size_t>(std::ranges::count(filled, 1)), [&] {
        const auto row = static_cast<std::size_t>(std::ranges::find(filled, 1) - filled.begin());
        return message(at(row), "column ", in_quotes(panel_.columns.value), ": ", id(),
                       " has no number at ", time(row));
      });
    }
    std::vector<std::string> warnings;
    missing.warn(warnings, "cells");
    return warnings;
  }

 private:
  [[nodiscard]] const Series& series() const { return panel_.series[series_]; }
  [[nodiscard]] std::string id() const { return message("series ", in_quotes(series().names[0])); }
  [[nodiscard]] std::string time(std::size_t row) const {
    return time_cell(series(), series().times[row]);
  }
  [[nodiscard]] std::string at(std::size_t row) const {
    return message(origin_, ":", reader_.line_of(series_, row), ": ");
  }

  [[nodiscard]] std::vector<CalendarFinding> found_calendars() {
    std::vector<CalendarFinding> found;
    for (series_ = 0; series_ < panel_.series.size(); ++series_) try {
        found.push_back(infer_calendar(series().time_index, series().times));
      } catch (const DataError& error) {
        throw DataError(message(origin_, ": ", id(), ": ", error.what()));
      }
    return found;
  }
  /// Counts what does not follow a calendar in one series.
  void take(const CalendarFinding& found) {
    if (found.changed_at)
      changed_.add(1, [&] {
        Calendar former = found.calendar;
        former.step = found.former_step;
        return message(at(*found.changed_at + 1), "the frequency of ", id(), " is ",
                       to_text(found.calendar), " from here on, ", to_text(former), " before");
      });
    clocks_.add(found.clock_changes.size(), [&] {
      const std::size_t row = found.clock_changes[0];
      return message(at(row), "time ", time(row), " of ", id(), " follows ", time(row - 1),
                     ", as if a clock was changed");
    });
    irregular_.add(found.irregular.size(), [&] {
      const std::size_t row = found.irregular[0];
      const auto expected = found.calendar.after(series().times[row - 1]);
      return message(at(row), "time ", time(row), " of ", id(), " follows ", time(row - 1),
                     ", where frequency ", to_text(found.calendar), " expects ",
                     expected ? time_cell(series(), *expected) : std::string("nothing"));
    });
  }

  const Panel& panel_;
  const PanelReader& reader_;
  const std::string& origin_;
  std::size_t series_ = 0;  // the one that is looked at
  PanelIrregularity changed_, others_, clocks_, irregular_;
};

}  // namespace detail

/// Reads a panel from a stream; `origin` stands for the path in messages. The series are in the
/// order in which their ids first come in the file; rows of one id need not follow each other, but
/// their times rise. Ids are texts: 007 is not 7. All times have one form. What was found by
/// looking is told in `notes`, irregular times and missing cells in `warnings`, once for each kind.
///
/// A cell without a number, or with the missing code, becomes NaN with `filled` = 1: the caller
/// gives it a value by fill_missing(). If the rule is MissingRule::error, it is refused. A row with
/// the time and the value of the one before of its series is left out, with a warning.
///
/// Throws ConfigError for a missing column and for options of other columns. Throws DataError, with
/// the line, for an unusable file (see CsvReader), an empty id, a time of another form, a time that
/// goes back in its series or comes again with another value; without one for dates of two possible
/// forms; and for the first irregularity if those are errors.
[[nodiscard]] inline Panel read_panel(std::istream& stream, const std::string& origin,
                                      const PanelOptions& options) {
  detail::PanelReader reader(stream, origin, options);
  Panel panel = reader.read();
  detail::PanelWarnings warnings(panel, reader, origin);
  panel.warnings = warnings.of_times(options.series.calendar);
  if (!panel.warnings.empty() && options.series.irregular == SeriesOptions::Irregular::error)
    throw DataError(panel.warnings.front());
  for (std::string& text : warnings.of_values()) panel.warnings.push_back(std::move(text));
  return panel;
}
/// Reads a panel from a file. Throws FileError if it cannot be opened, and the errors above.
[[nodiscard]] inline Panel read_panel(const std::string& path, const PanelOptions& options) {
  return read_panel(*detail::open_input(path), path, options);
}

}  // namespace spat
