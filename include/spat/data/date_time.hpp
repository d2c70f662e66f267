// data. Converts civil dates and times to seconds since 1970-01-01 00:00:00 and back, without time
// zones or leap seconds.
#pragma once

#include <spat/core/abi.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// A civil date and time, years 0 to 9999.
struct DateTime {
  int year = 1970;
  unsigned month = 1, day = 1;
  unsigned hour = 0, minute = 0, second = 0;

  /// Whether the date exists; false for month 13, February 30, hour 24.
  [[nodiscard]] constexpr bool valid() const {
    const bool in_range =
        year >= 0 && year <= 9999 && month <= 12 && day <= 31;  // chrono keeps one byte of each
    return in_range && calendar().ok() && hour < 24 && minute < 60 && second < 60;
  }
  [[nodiscard]] constexpr std::int64_t seconds() const {
    const std::int64_t days = std::chrono::sys_days(calendar()).time_since_epoch().count();
    return ((days * 24 + hour) * 60 + minute) * 60 + second;
  }
  /// The day of the week; Monday is 0.
  [[nodiscard]] constexpr unsigned weekday() const {
    return std::chrono::weekday(std::chrono::sys_days(calendar())).iso_encoding() - 1;
  }
  /// The day of the year; January 1 is 1.
  [[nodiscard]] constexpr unsigned day_of_year() const {
    const auto first = std::chrono::sys_days(std::chrono::year(year) / 1 / 1);
    return static_cast<unsigned>((std::chrono::sys_days(calendar()) - first).count()) + 1;
  }
  /// The ISO 8601 week, 1 to 53: a week belongs to the year of its Thursday.
  [[nodiscard]] constexpr unsigned week() const {
    const auto thursday =
        std::chrono::sys_days(calendar()) + std::chrono::days(3 - static_cast<int>(weekday()));
    const std::chrono::year_month_day date(thursday);
    const auto first = std::chrono::sys_days(date.year() / 1 / 1);
    return static_cast<unsigned>((thursday - first).count()) / 7 + 1;
  }
  friend constexpr bool operator==(const DateTime&, const DateTime&) = default;

 private:
  [[nodiscard]] constexpr std::chrono::year_month_day calendar() const {
    return std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day);
  }
};

/// The date and time that lies `seconds` after 1970-01-01 00:00:00.
[[nodiscard]] constexpr DateTime to_date_time(std::int64_t seconds) {
  constexpr std::int64_t day = 86400;
  const std::int64_t days = seconds / day - (seconds % day < 0 ? 1 : 0);
  const auto rest = static_cast<unsigned>(seconds % day + (seconds % day < 0 ? day : 0));
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  return {.year = static_cast<int>(date.year()),
          .month = static_cast<unsigned>(date.month()),
          .day = static_cast<unsigned>(date.day()),
          .hour = rest / 3600,
          .minute = rest / 60 % 60,
          .second = rest % 60};
}

/// Reads Y-M-D, Y/M/D or M/D/Y with the year in four digits, optionally followed by blanks or a 'T'
/// and H:MM or H:MM:SS. Returns nothing if the text has another form or the date does not exist.
[[nodiscard]] constexpr std::optional<DateTime> parse_date_time(std::string_view text) {
  std::size_t at = 0;
  const auto number = [&](std::size_t fewest, std::size_t most) -> std::optional<unsigned> {
    unsigned value = 0;
    std::size_t digits = 0;
    for (; digits < most && at < text.size() && text[at] >= '0' && text[at] <= '9'; ++digits) {
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    }
    return digits < fewest ? std::nullopt : std::optional(value);
  };
  const auto take = [&](char c) { return at < text.size() && text[at] == c && ++at; };

  const std::size_t cut = text.find_first_of("-/");
  if (cut == text.npos) return std::nullopt;
  const bool year_first = cut == 4;
  if (!year_first && text[cut] != '/') return std::nullopt;
  std::array<std::optional<unsigned>, 3> parts;
  for (std::size_t i = 0; i < 3; ++i) {
    const bool year = i == (year_first ? 0u : 2u);
    parts[i] = number(year ? 4 : 1, year ? 4 : 2);
    if (!parts[i] || (i < 2 && !take(text[cut]))) return std::nullopt;
  }
  DateTime date;
  date.year = static_cast<int>(*parts[year_first ? 0 : 2]);
  date.month = *parts[year_first ? 1 : 0];
  date.day = *parts[year_first ? 2 : 1];

  if (at < text.size()) {
    if (!take('T') && !take(' ')) return std::nullopt;
    while (take(' ')) {
    }
    const auto hour = number(1, 2);
    if (!hour || !take(':')) return std::nullopt;
    const auto minute = number(2, 2);
    const auto second = take(':') ? number(2, 2) : std::optional(0u);
    if (!minute || !second || at != text.size()) return std::nullopt;
    date.hour = *hour;
    date.minute = *minute;
    date.second = *second;
  }
  return date.valid() ? std::optional(date) : std::nullopt;
}

/// The date as YYYY-MM-DD HH:MM:SS.
[[nodiscard]] inline std::string format_date_time(const DateTime& date) {
  std::string text;
  const auto digits = [&](unsigned value, unsigned highest) {
    for (unsigned place = highest; place > 0; place /= 10)
      text.push_back(static_cast<char>('0' + value / place % 10));
  };
  digits(static_cast<unsigned>(date.year), 1000);
  text.push_back('-');
  digits(date.month, 10);
  text.push_back('-');
  digits(date.day, 10);
  text.push_back(' ');
  digits(date.hour, 10);
  text.push_back(':');
  digits(date.minute, 10);
  text.push_back(':');
  digits(date.second, 10);
  return text;
}

}  // namespace spat
