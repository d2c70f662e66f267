// data. Time marks: clock and calendar features of a row, each scaled to [-0.5, 0.5].
#pragma once

#include <spat/core/names.hpp>
#include <spat/data/date_time.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The step of a series, which selects its time marks.
enum class Frequency { secondly, minutely, hourly, daily, business_daily, weekly, monthly, annual };

namespace detail {

enum class Mark { second, minute, hour, weekday, day, day_of_year, week, month };

struct FrequencyEntry {
  Frequency frequency;
  std::array<std::string_view, 8> names;
  std::array<Mark, 6> marks;
  std::size_t count;
};
inline constexpr std::array<FrequencyEntry, 8> frequencies{{
    {Frequency::secondly,
     {"s", "sec", "second", "secondly"},
     {Mark::second, Mark::minute, Mark::hour, Mark::weekday, Mark::day, Mark::day_of_year},
     6},
    {Frequency::minutely,
     {"t", "min", "minute", "minutely", "5min", "10min", "15min", "30min"},
     {Mark::minute, Mark::hour, Mark::weekday, Mark::day, Mark::day_of_year},
     5},
    {Frequency::hourly,
     {"h", "1h", "hour", "hourly"},
     {Mark::hour, Mark::weekday, Mark::day, Mark::day_of_year},
     4},
    {Frequency::daily,
     {"d", "1d", "day", "daily"},
     {Mark::weekday, Mark::day, Mark::day_of_year},
     3},
    {Frequency::business_daily,
     {"b", "business"},
     {Mark::weekday, Mark::day, Mark::day_of_year},
     3},
    {Frequency::weekly, {"w", "week", "weekly"}, {Mark::day, Mark::week}, 2},
    {Frequency::monthly, {"m", "month", "monthly"}, {Mark::month}, 1},
    {Frequency::annual, {"a", "y", "year", "annual", "yearly"}, {Mark::month}, 1},
}};

[[nodiscard]] constexpr double mark_of(Mark mark, const DateTime& date) {
  switch (mark) {
    case Mark::second:
      return date.second / 59.0 - 0.5;
    case Mark::minute:
      return date.minute / 59.0 - 0.5;
    case Mark::hour:
      return date.hour / 23.0 - 0.5;
    case Mark::weekday:
      return date.weekday() / 6.0 - 0.5;
    case Mark::day:
      return (date.day - 1) / 30.0 - 0.5;
    case Mark::day_of_year:
      return (date.day_of_year() - 1) / 365.0 - 0.5;
    case Mark::week:
      return (date.week() - 1) / 52.0 - 0.5;
    case Mark::month:
      return (date.month - 1) / 11.0 - 0.5;
  }
  return 0;
}

}  // namespace detail

/// Returns the frequency that a name stands for: "h", "hourly", "15min", ... Throws ConfigError,
/// with all names, for another one.
[[nodiscard]] inline Frequency parse_frequency(std::string_view name) {
  std::vector<Named<Frequency>> names;
  for (const detail::FrequencyEntry& entry : detail::frequencies)
    for (const std::string_view one : entry.names)
      if (!one.empty()) names.push_back({one, entry.frequency});
  return parse_name("frequency", name, names);
}
/// The one-letter name of a frequency.
[[nodiscard]] constexpr std::string_view frequency_name(Frequency frequency) {
  return detail::frequencies[static_cast<std::size_t>(frequency)].names[0];
}
/// M, the number of marks per row.
[[nodiscard]] constexpr std::size_t mark_count(Frequency frequency) {
  return detail::frequencies[static_cast<std::size_t>(frequency)].count;
}

/// M marks for each time (seconds since 1970), row-major. Each mark has 0.5 subtracted. A frequency
/// has the marks of one line, without the leading ones that are finer than its step; the number
/// after its letter is M:
///
///     second/59  minute/59  hour/23  weekday/6 (Monday 0)  (day - 1)/30
///         (day of year - 1)/365          s 6, t 5, h 4, d 3, b 3
///     (day - 1)/30  (ISO week - 1)/52    w 2
///     (month - 1)/11                     m 1, a 1
///
/// The published scripts use "h" for every data set, even those with other steps.
[[nodiscard]] inline std::vector<double> time_marks(std::span<const std::int64_t> times,
                                                    Frequency frequency) {
  const detail::FrequencyEntry& entry = detail::frequencies[static_cast<std::size_t>(frequency)];
  std::vector<double> marks;
  marks.reserve(times.size() * entry.count);
  for (const std::int64_t time : times) {
    const DateTime date = to_date_time(time);
    for (std::size_t i = 0; i < entry.count; ++i)
      marks.push_back(detail::mark_of(entry.marks[i], date));
  }
  return marks;
}

}  // namespace spat
