// data. The rule by which the rows of a series follow each other in time: its name, and what comes
// next.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/data/date_time.hpp>
#include <spat/io/time_index.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Days of the week: bit 0 is Monday.
using Weekdays = unsigned;
inline constexpr Weekdays every_day = 0b1111111, business_days = 0b0011111;

/// How the rows of a series follow each other. Times are whole numbers, or civil: seconds since
/// 1970-01-01 without time zones.
///
///     none     there are no times
///     index    whole numbers, `step` apart
///     seconds  `step` seconds apart, on `weekdays`, from `opens` to `closes` of a day; a step of
///              whole days counts the days of `weekdays` alone
///     months   `step` months apart, on day `day`, or on the last one of a shorter month
struct Calendar {
  enum class Unit { none, index, seconds, months };
  static constexpr std::int64_t seconds_of_day = 86400;
  static constexpr unsigned month_end = 31;

  Unit unit = Unit::none;
  std::int64_t step = 1;
  Weekdays weekdays = every_day;
  std::int64_t opens = 0, closes = seconds_of_day - 1;  // the seconds of a day that have rows
  unsigned day = 1;

  /// The time of the row after the one at `time`; nothing beyond the year 9999 or the largest whole
  /// number, and without times.
  [[nodiscard]] std::optional<std::int64_t> after(std::int64_t time) const {
    switch (unit) {
      case Unit::none:
        return {};
      case Unit::index:
        return later(time, step, std::numeric_limits<std::int64_t>::max());
      case Unit::seconds:
        return step % seconds_of_day == 0 ? days_later(time) : seconds_later(time);
      case Unit::months:
        return months_later(time);
    }
    return {};
  }
  /// What its times are.
  [[nodiscard]] TimeIndex index() const {
    if (unit == Unit::none) return TimeIndex::none;
    return unit == Unit::index ? TimeIndex::integer : TimeIndex::date;
  }
  /// Whether a day has rows in some of its hours only.
  [[nodiscard]] bool has_hours() const { return opens > 0 || closes + 1 < seconds_of_day; }
  friend bool operator==(const Calendar&, const Calendar&) = default;

  /// The days from 1970-01-01 to a time, and the seconds since its midnight.
  [[nodiscard]] static constexpr std::int64_t day_of(std::int64_t time) {
    return time / seconds_of_day - (time % seconds_of_day < 0 ? 1 : 0);
  }
  [[nodiscard]] static constexpr std::int64_t second_of(std::int64_t time) {
    return time - day_of(time) * seconds_of_day;
  }
  /// The weekday of such a day; Monday is 0.
  [[nodiscard]] static constexpr unsigned weekday_of(std::int64_t day_number) {
    return static_cast<unsigned>(((day_number + 3) % 7 + 7) % 7);  // 1970-01-01 was a Thursday
  }
  /// The last day of a month.
  [[nodiscard]] static constexpr unsigned last_day(int year, unsigned month) {
    const auto last = std::chrono::year(year) / static_cast<int>(month) / std::chrono::last;
    return static_cast<unsigned>(last.day());
  }

 private:
  static constexpr std::int64_t last_second = DateTime{9999, 12, 31, 23, 59, 59}.seconds();

  [[nodiscard]] bool open_on(std::int64_t day_number) const {
    return (weekdays >> weekday_of(day_number) & 1) != 0;
  }
  [[nodiscard]] bool open_at(std::int64_t time) const {
    return open_on(day_of(time)) && second_of(time) >= opens && second_of(time) <= closes;
  }
  /// time + more, or nothing beyond `last`.
  [[nodiscard]] static std::optional<std::int64_t> later(std::int64_t time, std::int64_t more,
                                                         std::int64_t last) {
    return time > last - more ? std::nullopt : std::optional(time + more);
  }
  [[nodiscard]] std::int64_t next_open_day(std::int64_t day_number) const {
    do ++day_number;
    while (!open_on(day_number));
    return day_number;
  }
  [[nodiscard]] std::optional<std::int64_t> days_later(std::int64_t time) const {
    if (weekdays == every_day) return later(time, step, last_second);
    std::int64_t day_number = day_of(time);
    for (std::int64_t left = step / seconds_of_day; left > 0; --left) {
      day_number = next_open_day(day_number);
      if (day_number > day_of(last_second)) return {};
    }
    return day_number * seconds_of_day + second_of(time);
  }
  [[nodiscard]] std::optional<std::int64_t> seconds_later(std::int64_t time) const {
    const auto then = later(time, step, last_second);
    if (!then || open_at(*then)) return then;
    const std::int64_t today = day_of(*then);
    const bool opens_later = open_on(today) && second_of(*then) < opens;
    const std::int64_t open = opens_later ? today : next_open_day(today);
    return open > day_of(last_second) ? std::nullopt : std::optional(open * seconds_of_day + opens);
  }
  [[nodiscard]] std::optional<std::int64_t> months_later(std::int64_t time) const {
    DateTime date = to_date_time(time);
    const auto then =
        later(std::int64_t{date.year} * 12 + date.month - 1, step, std::int64_t{9999} * 12 + 11);
    if (!then) return {};
    date.year = static_cast<int>(*then / 12);
    date.month = static_cast<unsigned>(*then % 12) + 1;
    date.day = std::min(day, last_day(date.year, date.month));
    return date.seconds();
  }
};

namespace detail {

[[nodiscard]] inline std::string time_text(TimeIndex index, std::int64_t time) {
  return index == TimeIndex::date ? format_date_time(to_date_time(time)) : message(time);
}

}  // namespace detail

/// The times of the `count` rows after the one at `last`. Throws ConfigError without times, and
/// DataError beyond the year 9999 or the largest whole number.
[[nodiscard]] inline std::vector<std::int64_t> future_times(const Calendar& calendar,
                                                            std::int64_t last, std::size_t count) {
  if (calendar.unit == Calendar::Unit::none)
    throw ConfigError("future times need a time index of at least two rows");
  std::vector<std::int64_t> times;
  for (std::size_t i = 0; i < count; ++i) {
    const auto next = calendar.after(last);
    if (!next)
      throw DataError(message("no time comes after ", detail::time_text(calendar.index(), last)));
    times.push_back(last = *next);
  }
  return times;
}

}  // namespace spat
