// data. The forms in which files write times: read, and written again in the same form.
#pragma once

#include <spat/core/names.hpp>
#include <spat/core/text.hpp>
#include <spat/data/date_time.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// In which order a time is written, or as which number.
///
///     ymd, dmy, mdy       a date, such as 2024-02-29, 29.02.2024, 2/29/2024, perhaps with a clock
///     compact             20240229, perhaps with a clock
///     year_month          2024-02
///     quarter             2024Q1, 2024-Q1
///     year                2024
///     epoch_seconds       seconds since 1970-01-01
///     epoch_milliseconds  milliseconds since then
///     excel               days since 1899-12-30, with fractions
enum class TimeForm {
  ymd,
  dmy,
  mdy,
  compact,
  year_month,
  quarter,
  year,
  epoch_seconds,
  epoch_milliseconds,
  excel
};

/// The names of the forms, for an option.
inline constexpr std::array<Named<TimeForm>, 10> time_forms{
    {{"ymd", TimeForm::ymd},
     {"dmy", TimeForm::dmy},
     {"mdy", TimeForm::mdy},
     {"yyyymmdd", TimeForm::compact},
     {"year-month", TimeForm::year_month},
     {"quarter", TimeForm::quarter},
     {"year", TimeForm::year},
     {"epoch-seconds", TimeForm::epoch_seconds},
     {"epoch-milliseconds", TimeForm::epoch_milliseconds},
     {"excel", TimeForm::excel}}};

/// How a time is written. Seconds are civil: those of the zone that is written, if there is one.
struct TimeFormat {
  TimeForm form = TimeForm::ymd;
  std::string separator = "-";  // between the parts of a date; of a quarter, before the Q
  bool padded = true;           // 02, not 2
  bool padded_hour = true;
  std::string before_clock = {};  // blank or T; empty without a clock
  bool seconds = false;           // of the clock
  bool twelve_hours = false;      // with AM and PM
  std::size_t decimals = 0;       // of the seconds, or of a number
  std::string zone = {};          // "", "Z", "+01:00", " +0100", ...

  friend bool operator==(const TimeFormat&, const TimeFormat&) = default;
};

/// A time, how it is written, and its distance from Greenwich in seconds.
struct WrittenTime {
  std::int64_t seconds = 0;
  TimeFormat format = {};
  std::int64_t offset = 0;
};

namespace detail {

/// Takes parts of a text from its front.
class TextParts {
 public:
  explicit TextParts(std::string_view text) : text_(text) {}

  [[nodiscard]] bool done() const { return text_.empty(); }
  [[nodiscard]] std::string_view rest() const { return text_; }
  [[nodiscard]] std::size_t digits() const {
    const auto end = std::ranges::find_if(text_, [](char c) { return c < '0' || c > '9'; });
    return static_cast<std::size_t>(end - text_.begin());
  }
  /// Takes a number of `fewest` to `most` digits, all that are there.
  [[nodiscard]] bool number(std::size_t fewest, std::size_t most, unsigned& to) {
    const std::size_t count = digits();
    return count >= fewest && count <= most && first(count, to);
  }
  /// Takes the number of the next `count` digits.
  [[nodiscard]] bool first(std::size_t count, unsigned& to) {
    if (digits() < count) return false;
    to = 0;
    for (const char c : text_.substr(0, count)) to = to * 10 + static_cast<unsigned>(c - '0');
    return skip(count);
  }
  bool skip(std::size_t count) {
    text_.remove_prefix(count);
    return true;
  }
  [[nodiscard]] bool take(char c) { return text_.starts_with(c) && skip(1); }
  [[nodiscard]] bool take(std::string_view part) {
    return text_.starts_with(part) && skip(part.size());
  }
  /// One of these characters, as a text; empty without one.
  [[nodiscard]] std::string_view take_any(std::string_view characters) {
    if (text_.empty() || characters.find(text_[0]) == characters.npos) return {};
    const std::string_view found = text_.substr(0, 1);
    text_.remove_prefix(1);
    return found;
  }

 private:
  std::string_view text_;
};

/// Takes "Z", "+01:00", "-0530" or "+01", perhaps after a blank.
inline bool take_zone(TextParts& text, WrittenTime& time) {
  if (text.done()) return true;
  time.format.zone = std::string(text.rest());
  (void)text.take(' ');
  if (text.take('Z') || text.take("UTC")) return text.done();
  const bool east = text.take('+');
  if (!east && !text.take('-')) return false;
  unsigned hours = 0, minutes = 0;
  if (!text.first(2, hours)) return false;
  const bool colon = text.take(':');
  if ((colon || !text.done()) && !text.first(2, minutes)) return false;
  if (hours > 14 || minutes > 59 || !text.done()) return false;
  const std::int64_t offset = std::int64_t{hours} * 3600 + std::int64_t{minutes} * 60;
  time.offset = east ? offset : -offset;
  return true;
}

/// Takes a clock and a zone, if there are any. Fractions of a second must be zero.
inline bool take_clock(TextParts& text, DateTime& date, WrittenTime& time) {
  if (text.done() || text.rest() == "Z") return take_zone(text, time);
  time.format.before_clock = text.take_any(" T");
  while (time.format.before_clock == " " && text.take(' ')) {
  }
  time.format.padded_hour = text.digits() == 2;
  if (time.format.before_clock.empty() || !text.number(1, 2, date.hour) || !text.take(':') ||
      !text.number(2, 2, date.minute))
    return false;
  if (text.take(':')) {
    time.format.seconds = true;
    if (!text.number(2, 2, date.second)) return false;
    if (text.take('.')) {
      time.format.decimals = text.digits();
      if (text.rest().substr(0, time.format.decimals).find_first_not_of('0') != std::string::npos)
        return false;
      text.skip(time.format.decimals);
    }
  }
  if (text.done()) return true;
  const bool afternoon = text.take(" PM") || text.take(" pm");
  if (afternoon || text.take(" AM") || text.take(" am")) {
    if (date.hour < 1 || date.hour > 12) return false;
    date.hour = date.hour % 12 + (afternoon ? 12 : 0);
    time.format.twelve_hours = true;
  }
  return take_zone(text, time);
}

/// Takes the two parts of a date that have one or two digits, with a separator between them.
inline bool take_pair(TextParts& text, unsigned& first, unsigned& second, TimeFormat& format) {
  format.padded = text.digits() == 2;
  if (!text.number(1, 2, first)) return false;
  if (format.separator.empty()) {
    format.separator = text.take_any("-/.");
    if (format.separator.empty()) return false;
  } else if (!text.take(format.separator)) {
    return false;
  }
  format.padded = format.padded && text.digits() == 2;
  return text.number(1, 2, second);
}

/// Takes a date in the form of `format`, whose other members it sets.
inline bool take_date(TextParts& text, DateTime& date, TimeFormat& format) {
  unsigned year = 0;
  format.separator.clear();
  if (format.form == TimeForm::dmy || format.form == TimeForm::mdy) {
    const bool day_first = format.form == TimeForm::dmy;
    if (!take_pair(text, day_first ? date.day : date.month, day_first ? date.month : date.day,
                   format) ||
        !text.take(format.separator) || text.digits() != 4 || !text.first(4, year))
      return false;
  } else if (format.form == TimeForm::compact) {
    if (text.digits() != 8) return false;
    if (!text.first(4, year) || !text.first(2, date.month) || !text.first(2, date.day))
      return false;
  } else if (!text.number(4, 4, year)) {
    return false;
  } else if (format.form == TimeForm::quarter) {
    format.separator = text.take_any("- ");
    unsigned quarter = 0;
    if ((!text.take('Q') && !text.take('q')) || !text.number(1, 1, quarter)) return false;
    if (quarter < 1 || quarter > 4) return false;
    date.month = quarter * 3 - 2;
  } else if (format.form != TimeForm::year) {
    format.separator = text.take_any("-/.");
    if (format.separator.empty()) return false;
    format.padded = text.digits() == 2;
    if (format.form == TimeForm::ymd) {
      if (!take_pair(text, date.month, date.day, format)) return false;
    } else if (!text.number(1, 2, date.month)) {
      return false;
    }
  }
  date.year = static_cast<int>(year);
  const bool has_day = format.form <= TimeForm::compact;
  return has_day || text.done();
}

inline std::optional<WrittenTime> parse_number_time(TimeForm form, std::string_view text) {
  const auto number = parse_number<double>(text);
  if (!number || !std::isfinite(*number) || std::abs(*number) > 1e15) return {};
  WrittenTime time{.format = {.form = form}};
  const std::size_t point = text.find('.');
  if (point != text.npos) time.format.decimals = text.size() - point - 1;
  double seconds = *number;
  if (form == TimeForm::epoch_milliseconds) seconds /= 1000;
  // A serial of seven decimals is off by a hundredth of a second.
  if (form == TimeForm::excel) seconds = std::round((*number - 25569) * 86400);
  if (seconds != std::floor(seconds) || seconds < -62167219200.0 || seconds > 253402300799.0)
    return {};
  time.seconds = static_cast<std::int64_t>(seconds);
  return time;
}

}  // namespace detail

/// Reads a time that is written in this form. Returns nothing for another text, for a date that
/// does not exist, and for fractions of a second.
[[nodiscard]] inline std::optional<WrittenTime> parse_time(TimeForm form, std::string_view cell) {
  if (form >= TimeForm::epoch_seconds) return detail::parse_number_time(form, cell);
  detail::TextParts text(cell);
  WrittenTime time{.format = {.form = form}};
  DateTime date;
  if (!detail::take_date(text, date, time.format)) return {};
  if (!detail::take_clock(text, date, time) || !date.valid()) return {};
  time.seconds = date.seconds();
  return time;
}

/// The text of a time in a format.
[[nodiscard]] inline std::string format_time(const TimeFormat& format, std::int64_t seconds) {
  const auto decimal = [&](double number) {
    std::array<char, 48> buffer;
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), number,
                                   std::chars_format::fixed, static_cast<int>(format.decimals));
    return std::string(buffer.data(), end.ptr);
  };
  const auto exact = static_cast<double>(seconds);
  if (format.form == TimeForm::epoch_seconds) return decimal(exact);
  if (format.form == TimeForm::epoch_milliseconds) return decimal(exact * 1000);
  if (format.form == TimeForm::excel) return decimal(exact / 86400 + 25569);
  const DateTime date = to_date_time(seconds);
  const auto padded = [](unsigned number, std::size_t digits) {
    std::string text = std::to_string(number);
    return text.insert(0, digits - std::min(digits, text.size()), '0');
  };
  const auto part = [&](unsigned number) { return padded(number, format.padded ? 2 : 1); };
  const std::string year = padded(static_cast<unsigned>(date.year), 4), &s = format.separator;
  const auto of_date = [&]() -> std::string {
    switch (format.form) {
      case TimeForm::dmy:
        return message(part(date.day), s, part(date.month), s, year);
      case TimeForm::mdy:
        return message(part(date.month), s, part(date.day), s, year);
      case TimeForm::compact:
        return message(year, padded(date.month, 2), padded(date.day, 2));
      case TimeForm::year_month:
        return message(year, s, part(date.month));
      case TimeForm::quarter:
        return message(year, s, "Q", (date.month + 2) / 3);
      case TimeForm::year:
        return year;
      default:
        return message(year, s, part(date.month), s, part(date.day));
    }
  };
  std::string text = of_date();
  if (!format.before_clock.empty()) {
    const unsigned hour = format.twelve_hours ? (date.hour + 11) % 12 + 1 : date.hour;
    text.append(format.before_clock).append(padded(hour, format.padded_hour ? 2 : 1));
    text.append(":").append(padded(date.minute, 2));
    if (format.seconds) text.append(":").append(padded(date.second, 2));
    if (format.decimals > 0) text.append(".").append(format.decimals, '0');
    if (format.twelve_hours) text.append(date.hour < 12 ? " AM" : " PM");
  }
  return text.append(format.zone);
}

}  // namespace spat
