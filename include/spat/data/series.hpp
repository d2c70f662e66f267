// data. A table of numbers in time order, as it was recorded: names, times, values, and warnings
// about irregularities.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/core/view.hpp>
#include <spat/data/date_time.hpp>
#include <spat/io/csv.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <istream>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A series in the units of its file. The target column, if there is one, is the last.
struct Series {
  std::vector<std::string> names;  // [channels]
  std::vector<double> values;      // [rows x channels], row-major
  TimeIndex time_index = TimeIndex::none;
  /// [rows]: seconds since 1970 for dates, the index itself for integers; or empty.
  std::vector<std::int64_t> times;
  std::vector<std::string> warnings;

  [[nodiscard]] std::size_t channels() const { return names.size(); }
  [[nodiscard]] std::size_t rows() const {
    return names.empty() ? 0 : values.size() / names.size();
  }
  [[nodiscard]] Rows<const double> view() const { return {values.data(), rows(), channels()}; }

  /// Throws DataError unless there is at least one channel, the values are whole rows, and each row
  /// has a time exactly if there is a time index. Every call that takes a series checks it.
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
  }
};

/// The steps between consecutive times; empty for fewer than two. Subtracts as unsigned numbers, so
/// that a malicious integer index wraps around instead of overflowing.
[[nodiscard]] inline std::vector<std::int64_t> time_steps(std::span<const std::int64_t> times) {
  std::vector<std::int64_t> steps;
  for (std::size_t r = 1; r < times.size(); ++r)
    steps.push_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(times[r]) -
                                              static_cast<std::uint64_t>(times[r - 1])));
  return steps;
}
/// The median of time_steps(): the upper one of an even number. Needs at least two times.
[[nodiscard]] inline std::int64_t usual_step(std::span<const std::int64_t> times) {
  std::vector<std::int64_t> steps = time_steps(times);
  const auto middle = steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2);
  std::nth_element(steps.begin(), middle, steps.end());
  return *middle;
}

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
  /// What to do about a repeated time or an irregular step.
  Irregular irregular = Irregular::warn;
};

namespace detail {

[[nodiscard]] inline std::string time_text(TimeIndex index, std::int64_t time) {
  return index == TimeIndex::date ? format_date_time(to_date_time(time)) : message(time);
}
[[nodiscard]] inline std::string step_text(TimeIndex index, std::int64_t step) {
  if (index != TimeIndex::date) return message(step);
  if (step % 86400 == 0) return message(step / 86400, " d");
  if (step % 3600 == 0) return message(step / 3600, " h");
  return step % 60 == 0 ? message(step / 60, " min") : message(step, " s");
}

/// Throws DataError for times that go backwards; lists repeated times and steps that differ from
/// the median step.
[[nodiscard]] inline std::vector<std::string> irregular_times(const CsvTable& table) {
  constexpr std::size_t most_listed = 20;
  // Months, quarters and years differ in length by up to three days and still count as regular.
  constexpr std::int64_t day = 86400, month = 28 * day, calendar_slack = 3 * day;
  std::vector<std::string> found;
  if (table.times.size() < 2) return found;
  const std::vector<std::int64_t> steps = time_steps(table.times);
  const bool dates = table.time_index == TimeIndex::date;
  const std::int64_t usual = usual_step(table.times),
                     slack = dates && usual >= month ? calendar_slack : 0;

  std::size_t unlisted = 0;
  for (std::size_t row = 1; row < table.times.size(); ++row) {
    const std::int64_t step = steps[row - 1];
    const std::int64_t before = table.times[row - 1], now = table.times[row];
    const auto text = [&](std::int64_t time) { return time_text(table.time_index, time); };
    const auto line = message(table.origin, ":", table.first_line + row, ": time ");
    if (now < before)
      throw DataError(message(line, text(now), " lies before ", text(before), " of the row above"));
    if (now != before && step >= usual - slack && step <= usual + slack) continue;
    if (found.size() == most_listed) {
      ++unlisted;
    } else if (now == before) {
      found.push_back(message(line, text(now), " is repeated"));
    } else {
      found.push_back(message(line, text(now), " follows ", text(before), ": a step of ",
                              step_text(table.time_index, step), " instead of ",
                              step_text(table.time_index, usual)));
    }
  }
  if (unlisted != 0)
    found.push_back(message(table.origin, ": ", unlisted, " more irregular times"));
  return found;
}

[[nodiscard]] inline std::size_t column_of(const CsvTable& table, std::string_view name) {
  const auto found = std::find(table.names.begin(), table.names.end(), name);
  if (found == table.names.end()) {
    std::string known;
    for (const std::string& one : table.names)
      known.append(known.empty() ? "" : ", ").append(in_quotes(one));
    throw ConfigError(
        message(table.origin, ": no column ", in_quotes(name), "; the columns are ", known));
  }
  if (std::find(found + 1, table.names.end(), name) != table.names.end()) {
    throw ConfigError(message(table.origin, ": more than one column ", in_quotes(name)));
  }
  return static_cast<std::size_t>(found - table.names.begin());
}

[[nodiscard]] inline std::vector<std::size_t> chosen_columns(const CsvTable& table,
                                                             const SeriesOptions& options) {
  std::vector<std::size_t> chosen(options.columns.empty() ? table.cols() : 0);
  std::iota(chosen.begin(), chosen.end(), std::size_t{0});
  for (const std::string& name : options.columns) chosen.push_back(column_of(table, name));
  if (!options.target.empty()) {
    const std::size_t target = column_of(table, options.target);
    std::erase(chosen, target);
    chosen.push_back(target);
  }
  return chosen;
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
  series.warnings = detail::irregular_times(table);
  if (!series.warnings.empty() && options.irregular == SeriesOptions::Irregular::error) {
    throw DataError(series.warnings.front());
  }
  const std::vector<std::size_t> chosen = detail::chosen_columns(table, options);
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
