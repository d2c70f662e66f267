// data. Many series, each with times, length and start of its own, and the table that they become.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/data/infer_calendar.hpp>
#include <spat/data/series.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The names of the columns of a long table, which has one row per series and time.
struct LongColumns {
  std::string id = {}, time = {}, value = {};
  friend bool operator==(const LongColumns&, const LongColumns&) = default;
};

/// Reads "id,time,value". Throws ConfigError unless these are three different names, separated by
/// commas. Names that hold a comma are set in LongColumns itself.
[[nodiscard]] inline LongColumns parse_long_columns(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view rest = text;;) {
    const std::size_t comma = rest.find(',');
    names.emplace_back(trimmed(rest.substr(0, comma)));
    if (comma == rest.npos) break;
    rest.remove_prefix(comma + 1);
  }
  const auto refuse = [&](std::string_view found) {
    throw ConfigError(message(in_quotes(text), found,
                              "; expected the names of the columns of ids, times and values, "
                              "separated by commas, as in \"id,time,value\""));
  };
  if (names.size() != 3)
    refuse(message(" holds ", names.size(), names.size() == 1 ? " name" : " names"));
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i].empty()) refuse(" holds an empty name");
    if (names[i] == names[(i + 1) % names.size()])
      refuse(message(" names ", in_quotes(names[i]), " twice"));
  }
  return {.id = names[0], .time = names[1], .value = names[2]};
}

/// Series that have one channel each, called like the series: its id. Where `filled` is 1, the file
/// has no number.
struct Panel {
  std::vector<Series> series;
  LongColumns columns = {};
  std::vector<std::string> warnings = {};  // one for each kind of irregularity
  std::vector<std::string> notes = {};     // how the file was read, where that was not plain

  /// Throws DataError unless there are series of different ids, each of them has one channel, rows
  /// and rising times, and their times are of one kind.
  void check() const;
};

namespace detail {

/// A time as a file has it.
[[nodiscard]] inline std::string time_cell(const Series& series, std::int64_t time) {
  return series.time_index == TimeIndex::date ? format_time(series.time_format, time)
                                              : message(time);
}

[[nodiscard]] inline const char* kind_of_times(TimeIndex index) {
  if (index == TimeIndex::none) return "no times";
  return index == TimeIndex::date ? "dates" : "whole numbers";
}

/// The calendar that most series follow; of equals the one of more rows, then the first one.
/// `calendars[s]` belongs to `series[s]`.
[[nodiscard]] inline Calendar most_followed(const std::vector<Calendar>& calendars,
                                            const std::vector<Series>& series) {
  struct Followers {
    std::size_t series = 0, rows = 0, first = 0;
  };
  using Key =
      std::tuple<Calendar::Unit, std::int64_t, Weekdays, std::int64_t, std::int64_t, unsigned>;
  std::map<Key, Followers> found;
  for (std::size_t s = 0; s < calendars.size(); ++s) {
    const Calendar& one = calendars[s];
    if (one.unit == Calendar::Unit::none) continue;
    Followers& all = found[{one.unit, one.step, one.weekdays, one.opens, one.closes, one.day}];
    if (all.series == 0) all.first = s;
    ++all.series;
    all.rows += series[s].rows();
  }
  if (found.empty()) return {};
  // the order by `first` is descending: of equals, the first series wins
  const auto most = std::ranges::max_element(found, {}, [](const auto& one) {
    const Followers& all = one.second;
    return std::tuple(all.series, all.rows, std::numeric_limits<std::size_t>::max() - all.first);
  });
  return calendars[most->second.first];
}

}  // namespace detail

inline void Panel::check() const {
  if (series.empty()) throw DataError("a panel has at least one series, found none");
  std::vector<std::string_view> ids;
  for (const Series& one : series) {
    one.check();
    const std::string& id = one.names[0];
    const std::string start = message("series ", in_quotes(id), ": ");
    if (one.channels() != 1)
      throw DataError(message(start, "expected one channel, found ", one.channels()));
    if (one.rows() == 0) throw DataError(message(start, "it has no rows"));
    if (one.time_index == TimeIndex::none) throw DataError(message(start, "it has no times"));
    if (one.time_index != series[0].time_index)
      throw DataError(message(start, "its times are ", detail::kind_of_times(one.time_index),
                              ", those of series ", in_quotes(series[0].names[0]), " are ",
                              detail::kind_of_times(series[0].time_index)));
    const auto later = std::ranges::adjacent_find(one.times, std::greater_equal());
    if (later != one.times.end())
      throw DataError(message(start, "time ", detail::time_cell(one, later[1]),
                              " does not lie after ", detail::time_cell(one, later[0]),
                              " of the row before"));
    ids.push_back(id);
  }
  std::ranges::sort(ids);
  const auto twice = std::ranges::adjacent_find(ids);
  if (twice != ids.end())
    throw DataError(message("two series are both called ", in_quotes(*twice)));
}

/// The calendar that most series of a panel follow: see infer_calendar(). Of equals the one of more
/// rows counts, then that of the first series. It is none if no series has two different times.
[[nodiscard]] inline Calendar calendar_of(const Panel& panel) {
  std::vector<Calendar> calendars;
  for (const Series& one : panel.series)
    calendars.push_back(infer_calendar(one.time_index, one.times).calendar);
  return detail::most_followed(calendars, panel.series);
}

namespace detail {

/// Throws DataError unless there is a time that all series cover.
inline void expect_common_times(const Panel& panel) {
  const auto starts = std::ranges::max_element(panel.series, {},
                                               [](const Series& one) { return one.times.front(); });
  const auto ends = std::ranges::min_element(panel.series, {},
                                             [](const Series& one) { return one.times.back(); });
  if (starts->times.front() <= ends->times.back()) return;
  throw DataError(message("series ", in_quotes(starts->names[0]), " starts at ",
                          time_cell(*starts, starts->times.front()), ", after series ",
                          in_quotes(ends->names[0]), " has ended at ",
                          time_cell(*ends, ends->times.back()),
                          ": a table across series needs a time that all of them cover; leave out "
                          "one of them, or forecast each series alone"));
}

/// All times of all series, in their order.
[[nodiscard]] inline std::vector<std::int64_t> all_times(const Panel& panel) {
  std::vector<std::int64_t> times = panel.series[0].times;
  for (const Series& one : panel.series)
    if (one.times != panel.series[0].times)
      times.insert(times.end(), one.times.begin(), one.times.end());
  std::ranges::sort(times);
  times.erase(std::unique(times.begin(), times.end()), times.end());
  return times;
}

}  // namespace detail

/// The series side by side, for models across channels: [times x ids]. There is one channel per
/// series, called like it, and one row per time that any series has. Cells without a row are NaN
/// with `filled` = 1, as cells without a number are: fill_missing() gives them values, and
/// describe_holes() names the first of them. The form of the times is that of the first series.
/// Throws DataError for what Panel::check() refuses, and if no time lies between the first and the
/// last one of every series.
[[nodiscard]] inline Series to_wide(const Panel& panel) {
  panel.check();
  detail::expect_common_times(panel);
  const Series& first = panel.series[0];
  Series wide{.names = {},
              .values = {},
              .time_index = first.time_index,
              .times = detail::all_times(panel),
              .warnings = panel.warnings,
              .notes = panel.notes,
              .time_name = first.time_name,
              .time_format = first.time_format};
  const std::size_t channels = panel.series.size(), cells = channels * wide.times.size();
  wide.values.assign(cells, std::numeric_limits<double>::quiet_NaN());
  wide.filled.assign(cells, 1);
  for (std::size_t c = 0; c < channels; ++c) {
    const Series& one = panel.series[c];
    wide.names.push_back(one.names[0]);
    std::size_t row = 0;
    for (std::size_t r = 0; r < one.rows(); ++r, ++row) {
      while (wide.times[row] != one.times[r]) ++row;
      wide.values[row * channels + c] = one.values[r];
      wide.filled[row * channels + c] = one.is_filled(r, 0) ? 1 : 0;
    }
  }
  if (std::ranges::find(wide.filled, 1) == wide.filled.end()) wide.filled.clear();
  return wide;
}

/// Names the first row of `wide`, which is to_wide(panel), that a series does not have, and counts
/// all of them: `series "b" has no row at 2020-01-05; 17 such holes in 3 series`. The text is empty
/// if there is none. A row whose value is missing is no hole. Throws DataError for another table.
[[nodiscard]] inline std::string describe_holes(const Panel& panel, const Series& wide) {
  const std::size_t none = wide.rows();
  std::size_t first = none, of = 0, holes = 0, series = 0;
  if (wide.channels() != panel.series.size())
    throw DataError(message("expected the table of a panel of ", panel.series.size(),
                            " series, found ", wide.channels(), " channels"));
  for (std::size_t s = 0; s < panel.series.size(); ++s) {
    const Series& one = panel.series[s];
    if (!std::ranges::includes(wide.times, one.times))
      throw DataError(
          message("expected the table of this panel, found one without a time of series ",
                  in_quotes(one.names[0])));
    if (one.times.size() == wide.times.size()) continue;
    const auto at = std::ranges::mismatch(wide.times, one.times).in1 - wide.times.begin();
    if (static_cast<std::size_t>(at) < first) first = static_cast<std::size_t>(at), of = s;
    holes += wide.times.size() - one.times.size();
    ++series;
  }
  if (holes == 0) return {};
  return message(
      "series ", in_quotes(wide.names[of]), " has no row at ",
      detail::time_cell(wide, wide.times[first]),
      holes == 1 ? std::string() : message("; ", holes, " such holes in ", series, " series"));
}

}  // namespace spat
