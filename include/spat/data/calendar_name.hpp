// data. Calendars by name: pandas' frequencies, with the hours and days that they cannot say.
#pragma once

#include <spat/core/names.hpp>
#include <spat/data/calendar.hpp>

#include <charconv>
#include <optional>
#include <span>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A name of a frequency. The first of its kind is the one that is written.
struct FrequencyName {
  std::string_view name;
  Calendar::Unit unit;
  std::int64_t step;
  unsigned day = 1;
  Weekdays weekdays = every_day;
};

inline constexpr auto frequency_names = std::to_array<FrequencyName>(
    {{"YS", Calendar::Unit::months, 12},
     {"AS", Calendar::Unit::months, 12},
     {"YE", Calendar::Unit::months, 12, Calendar::month_end},
     {"Y", Calendar::Unit::months, 12, Calendar::month_end},
     {"A", Calendar::Unit::months, 12, Calendar::month_end},
     {"QS", Calendar::Unit::months, 3},
     {"QE", Calendar::Unit::months, 3, Calendar::month_end},
     {"Q", Calendar::Unit::months, 3, Calendar::month_end},
     {"MS", Calendar::Unit::months, 1},
     {"ME", Calendar::Unit::months, 1, Calendar::month_end},
     {"M", Calendar::Unit::months, 1, Calendar::month_end},
     {"W", Calendar::Unit::seconds, 7 * Calendar::seconds_of_day},
     {"B", Calendar::Unit::seconds, Calendar::seconds_of_day, 1, business_days},
     {"D", Calendar::Unit::seconds, Calendar::seconds_of_day},
     {"d", Calendar::Unit::seconds, Calendar::seconds_of_day},
     {"h", Calendar::Unit::seconds, 3600},
     {"H", Calendar::Unit::seconds, 3600},
     {"min", Calendar::Unit::seconds, 60},
     {"T", Calendar::Unit::seconds, 60},
     {"s", Calendar::Unit::seconds, 1},
     {"S", Calendar::Unit::seconds, 1},
     {"", Calendar::Unit::index, 1}});

inline constexpr std::array<std::string_view, 7> weekday_names{"Mon", "Tue", "Wed", "Thu",
                                                               "Fri", "Sat", "Sun"};
inline constexpr std::array<std::string_view, 12> month_names{
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};

/// The second of a day that "9:30" or "09:30:00" stands for; nothing for another text.
[[nodiscard]] inline std::optional<std::int64_t> parse_clock(std::string_view text) {
  const auto date = parse_date_time(message("1970-01-01 ", text));
  return date ? std::optional(date->seconds()) : std::nullopt;
}
[[nodiscard]] inline std::string clock_text(std::int64_t second) {
  const std::string text = format_date_time(to_date_time(second));
  return text.substr(11, second % 60 == 0 ? 5 : 8);
}

/// "Mon,Tue" as days; nothing for another text.
[[nodiscard]] inline std::optional<Weekdays> parse_weekdays(std::string_view text) {
  Weekdays days = 0;
  for (bool more = true; more;) {
    const std::size_t comma = text.find(',');
    const auto day = std::ranges::find(weekday_names, text.substr(0, comma));
    if (day == weekday_names.end()) return {};
    days |= 1u << (day - weekday_names.begin());
    more = comma != text.npos;
    text.remove_prefix(more ? comma + 1 : text.size());
  }
  return days;
}

[[nodiscard]] inline std::string weekdays_text(Weekdays days) {
  if (days == business_days) return "B";
  std::string text;
  for (std::size_t day = 0; day < weekday_names.size(); ++day)
    if ((days >> day & 1) != 0) text.append(text.empty() ? "" : ",").append(weekday_names[day]);
  return text;
}

/// Removes an anchor of pandas, such as that of W-SUN and QS-OCT: the times of the series have it.
[[nodiscard]] inline std::string_view without_anchor(std::string_view name) {
  const std::size_t dash = name.find('-');
  if (dash == name.npos) return name;
  const std::string_view anchor = name.substr(dash + 1);
  const bool month = std::ranges::find(month_names, anchor) != month_names.end();
  static constexpr std::array<std::string_view, 7> weekdays{"MON", "TUE", "WED", "THU",
                                                            "FRI", "SAT", "SUN"};
  const bool weekday = std::ranges::find(weekdays, anchor) != weekdays.end();
  const std::string_view base = name.substr(0, dash);
  const bool fits =
      base == "W" ? weekday : month && (base[0] == 'Q' || base[0] == 'Y' || base[0] == 'A');
  return fits ? base : name;
}

}  // namespace detail

/// Reads a calendar by pandas' name of its frequency, with a number before it: s, min, h, D, B
/// (business days), W, MS, ME, QS, QE, YS, YE (start and end of months, quarters and years), and
/// pandas' older names of them. A number alone is the step of whole numbers. What pandas has no
/// name for follows after blanks: the days of the week (B, or Mon,Tue,...), the hours that have
/// rows, the day of the month.
///
///     h    15min    2W    ME    30min B 09:00-15:30    D Sun,Mon,Tue,Wed,Thu    MS day 15
///
/// Throws ConfigError for another name.
[[nodiscard]] inline Calendar parse_calendar(std::string_view text) {
  const auto refuse = [&](auto&&... why) {
    throw ConfigError(message("frequency ", in_quotes(text), ": ", why...));
  };
  std::string_view rest = trimmed(text);
  const auto word = [&] {
    const std::size_t blank = std::min(rest.find(' '), rest.size());
    const std::string_view first = rest.substr(0, blank);
    rest = trimmed(rest.substr(blank));
    return first;
  };
  const std::string_view frequency = word();
  std::int64_t count = 1;
  const auto digits = std::from_chars(frequency.data(), frequency.data() + frequency.size(), count);
  const std::string_view name = detail::without_anchor(
      frequency.substr(static_cast<std::size_t>(digits.ptr - frequency.data())));
  const auto found = std::ranges::find(detail::frequency_names, name, &detail::FrequencyName::name);
  if (found == detail::frequency_names.end() || frequency.empty())
    refuse("expected a number and one of s, min, h, D, B, W, MS, ME, QS, QE, YS, YE, or a number");
  constexpr std::int64_t longest = 1000000;
  if (count < 1 || count > longest || digits.ec == std::errc::result_out_of_range)
    refuse("the number before ", name, " must be from 1 to ", longest);
  Calendar calendar{.unit = found->unit, .step = count * found->step};
  calendar.weekdays = found->weekdays;
  calendar.day = found->day;
  while (!rest.empty()) {
    const std::string_view more = word();
    const bool dates = calendar.unit == Calendar::Unit::seconds;
    const std::size_t dash = more.find('-');
    const auto days = more == "B" ? std::optional(business_days) : detail::parse_weekdays(more);
    if (dates && days) {
      calendar.weekdays = *days;
    } else if (dates && dash != more.npos) {
      const auto opens = detail::parse_clock(more.substr(0, dash)),
                 closes = detail::parse_clock(more.substr(dash + 1));
      if (!opens || !closes || *opens > *closes)
        refuse("expected hours such as 09:00-15:30, found ", in_quotes(more));
      calendar.opens = *opens, calendar.closes = *closes;
    } else if (calendar.unit == Calendar::Unit::months && more == "day") {
      const auto day = parse_number<unsigned>(word());
      if (!day || *day < 1 || *day > 31) refuse("a day of the month is from 1 to 31");
      calendar.day = *day;
    } else {
      refuse(in_quotes(more), " does not belong to ", name);
    }
  }
  return calendar;
}

/// The name of a calendar, which parse_calendar() reads; "none" without times.
[[nodiscard]] inline std::string to_text(const Calendar& calendar) {
  if (calendar.unit == Calendar::Unit::none) return "none";
  const bool months = calendar.unit == Calendar::Unit::months;
  const unsigned day = !months || calendar.day != Calendar::month_end ? 1 : Calendar::month_end;
  const auto& found = *std::ranges::find_if(detail::frequency_names, [&](const auto& one) {
    return one.unit == calendar.unit && calendar.step % one.step == 0 && one.day == day &&
           (one.weekdays == every_day || one.weekdays == calendar.weekdays);
  });
  const std::int64_t count = calendar.step / found.step;
  std::string text =
      count == 1 && !found.name.empty() ? std::string(found.name) : message(count, found.name);
  if (months && calendar.day != found.day) text.append(message(" day ", calendar.day));
  if (calendar.weekdays != found.weekdays)
    text.append(" ").append(detail::weekdays_text(calendar.weekdays));
  if (calendar.has_hours())
    text.append(
        message(" ", detail::clock_text(calendar.opens), "-", detail::clock_text(calendar.closes)));
  return text;
}

}  // namespace spat
