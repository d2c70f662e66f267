// data. A table of numbers in time order, as it was recorded: names, times, values, and warnings
// about irregularities.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>
#include <spat/data/infer_calendar.hpp>
#include <spat/data/missing_rule.hpp>
#include <spat/data/time_format.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A series in the units of its file. The target column, if there is one, is the last.
struct Series {
  std::vector<std::string> names = {};  // [channels]
  std::vector<double> values = {};      // [rows x channels], row-major
  TimeIndex time_index = TimeIndex::none;
  /// [rows]: seconds since 1970 for dates, the index itself for integers; or empty.
  std::vector<std::int64_t> times = {};
  std::vector<std::string> warnings = {};
  std::vector<std::string> notes = {};  // how the file was read, where that was not plain
  std::string time_name = "date";       // of the column of times
  TimeFormat time_format = {.before_clock = " ", .seconds = true};
  /// [rows x channels]: 1 where the file has no number, and `values` one in its place; or empty.
  std::vector<std::uint8_t> filled = {};
  MissingRule missing = MissingRule::error;  // that gave them their values

  [[nodiscard]] bool is_filled(std::size_t row, std::size_t channel) const {
    return !filled.empty() && filled[row * channels() + channel] != 0;
  }
  [[nodiscard]] std::size_t channels() const { return names.size(); }
  [[nodiscard]] std::size_t rows() const {
    return names.empty() ? 0 : values.size() / names.size();
  }
  [[nodiscard]] Rows<const double> view() const { return {values.data(), rows(), channels()}; }

  /// Throws DataError unless there is at least one channel, the values are whole rows, each row has
  /// a time exactly if there is a time index, and `filled` is empty or has all cells. Every call
  /// that takes a series checks it.
  void check() const {
    if (names.empty()) throw DataError("a series has at least one channel, found no names");
    if (values.size() % names.size() != 0)
      throw DataError(message("a series of ", names.size(), " channels: its ", values.size(),
                              " values are no whole rows"));
    const std::size_t expected = time_index == TimeIndex::none ? 0 : rows();
    if (times.size() != expected)
      throw DataError(message("a series of ", rows(), " rows ", expected == 0 ? "without" : "with",
                              " a time index: expected ", expected, " times, found ",
                              times.size()));
    if (!filled.empty() && filled.size() != values.size())
      throw DataError(message("a series of ", values.size(),
                              " values: expected as many marks of "
                              "filled cells, or none, found ",
                              filled.size()));
  }
};

namespace detail {

/// The place of a column. Throws ConfigError, with all names, unless exactly one has this name.
[[nodiscard]] inline std::size_t column_of(const std::vector<std::string>& names,
                                           std::string_view name, std::string_view origin) {
  const auto found = std::ranges::find(names, name);
  if (found == names.end()) {
    std::string known;
    for (const std::string& one : names)
      known.append(known.empty() ? "" : ", ").append(in_quotes(one));
    throw ConfigError(
        message(origin, ": no column ", in_quotes(name), "; the columns are ", known));
  }
  if (std::find(found + 1, names.end(), name) != names.end())
    throw ConfigError(message(origin, ": more than one column ", in_quotes(name)));
  return static_cast<std::size_t>(found - names.begin());
}

/// The places of these columns in their order, of all without them; the target's is the last.
[[nodiscard]] inline std::vector<std::size_t> chosen_columns(
    const std::vector<std::string>& names, const std::vector<std::string>& columns,
    std::string_view target, std::string_view origin) {
  std::vector<std::size_t> chosen(columns.empty() ? names.size() : 0);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  for (const std::string& name : columns) chosen.push_back(column_of(names, name, origin));
  if (!target.empty()) {
    const std::size_t last = column_of(names, target, origin);
    std::erase(chosen, last);
    chosen.push_back(last);
  }
  return chosen;
}

}  // namespace detail

/// The series with these columns in this order, all of them if there are none, and the target, if
/// it has a name, at the end. `origin` starts the message of an error. Throws ConfigError for a
/// column that the series does not have, or more than once.
[[nodiscard]] inline Series select_columns(const Series& series,
                                           const std::vector<std::string>& columns,
                                           std::string_view target = {},
                                           std::string_view origin = "the series") {
  const auto chosen = detail::chosen_columns(series.names, columns, target, origin);
  Series result{.names = {},
                .values = {},
                .time_index = series.time_index,
                .times = series.times,
                .warnings = series.warnings,
                .notes = series.notes,
                .time_name = series.time_name,
                .time_format = series.time_format,
                .missing = series.missing};
  for (const std::size_t column : chosen) result.names.push_back(series.names[column]);
  result.values.reserve(series.rows() * chosen.size());
  for (std::size_t row = 0; row < series.rows(); ++row)
    for (const std::size_t column : chosen) {
      result.values.push_back(series.view().row(row)[column]);
      if (!series.filled.empty())
        result.filled.push_back(series.filled[row * series.channels() + column]);
    }
  return result;
}

/// The times of the `count` rows after the last one, by a calendar or by the one that the times
/// follow (see infer_calendar()). Throws ConfigError without two different times, and DataError
/// beyond the year 9999 or the largest whole number.
[[nodiscard]] inline std::vector<std::int64_t> future_times(const Series& series, std::size_t count,
                                                            Calendar calendar = {}) {
  if (calendar.unit == Calendar::Unit::none)
    calendar = infer_calendar(series.time_index, series.times).calendar;
  if (series.times.empty()) calendar = {};
  return future_times(calendar, series.times.empty() ? 0 : series.times.back(), count);
}

}  // namespace spat
