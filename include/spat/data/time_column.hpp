// data. The column of times of a table: whether there is one, and in which form it is written.
#pragma once

#include <spat/data/infer_calendar.hpp>
#include <spat/data/time_format.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Whether a column of this name usually holds times.
[[nodiscard]] inline bool is_usual_time_name(std::string_view name) {
  static constexpr std::array<std::string_view, 14> usual{
      "",   "date", "time",   "datetime", "timestamp", "index", "ds",
      "ts", "year", "period", "epoch",    "month",     "datum", "step"};
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return std::ranges::find(usual, lower) != usual.end();
}

/// The forms of dates that a cell can have.
[[nodiscard]] inline std::vector<TimeForm> date_forms(std::string_view cell) {
  std::vector<TimeForm> forms;
  for (const TimeForm form : {TimeForm::ymd, TimeForm::dmy, TimeForm::mdy, TimeForm::year_month,
                              TimeForm::quarter, TimeForm::compact})
    if ((form != TimeForm::compact || cell.size() > 8) && parse_time(form, cell))
      forms.push_back(form);
  return forms;
}

/// The form of a number in a column of times: a date of eight digits, seconds or milliseconds since
/// 1970, a year of four digits, or the serial of a spreadsheet. Nothing for a number that is none
/// of them.
[[nodiscard]] inline std::optional<TimeForm> number_form(std::string_view cell) {
  const auto number = parse_number<double>(cell);
  if (!number) return {};
  const bool digits = cell.find_first_not_of("0123456789") == cell.npos;
  const auto is = [&](TimeForm form) { return parse_time(form, cell).has_value(); };
  if (cell.size() == 8 && is(TimeForm::compact)) return TimeForm::compact;
  if (*number >= 1e11 && is(TimeForm::epoch_milliseconds)) return TimeForm::epoch_milliseconds;
  if (*number >= 1e8 && is(TimeForm::epoch_seconds)) return TimeForm::epoch_seconds;
  if (digits && cell.size() == 4 && is(TimeForm::year)) return TimeForm::year;
  if (*number >= 1e4 && *number < 1e5 && is(TimeForm::excel)) return TimeForm::excel;
  return {};
}

}  // namespace detail

/// Times that are read cell by cell. What form they have becomes clear as they are read.
class TimeColumn {
 public:
  struct Times {
    TimeIndex index = TimeIndex::none;
    TimeFormat format = {};
    std::vector<std::int64_t> values = {};
    bool found_by_step = false;  // two forms fit, and one of them has even steps
  };

  /// The column of this name, whose first cell is `cell`, if it holds times. `certain`: somebody
  /// says that it does. `form` is the one that decides if the cell has several. Whole numbers are
  /// an index unless they have a form of a time, and always without a name and in columns called
  /// index and step.
  [[nodiscard]] static std::optional<TimeColumn> of(std::string_view name, std::string_view cell,
                                                    std::optional<TimeForm> form = {},
                                                    bool certain = false) {
    TimeColumn column;
    if (form && parse_time(*form, cell)) {
      column.add_form(*form);
      return column;
    }
    for (const TimeForm one : detail::date_forms(cell)) column.add_form(one);
    if (!column.candidates_.empty()) return column;
    if (!certain && !detail::is_usual_time_name(name)) return {};
    const bool plain = name.empty() || name == "step" || name == "index" || name == "Index";
    const auto number = detail::number_form(cell);
    const bool integer = parse_number<std::int64_t>(cell).has_value();
    if (number && !plain)
      column.add_form(*number);
    else if (integer)
      column.is_index_ = true;
    else if (parse_number<double>(cell) && !certain)
      return {};
    else
      column.add_form(TimeForm::ymd);  // its cells are refused as no dates
    return column;
  }

  /// Whether a cell has a form that no number has.
  [[nodiscard]] static bool is_date(std::string_view cell) {
    return !detail::date_forms(cell).empty();
  }

  /// Adds a cell. Returns false if it has no form that all cells before have.
  [[nodiscard]] bool add(std::string_view cell) {
    if (is_index_) {
      const auto number = parse_number<std::int64_t>(cell);
      if (number) index_.push_back(*number);
      return number.has_value();
    }
    std::erase_if(candidates_, [&](Candidate& one) { return !one.add(cell); });
    return !candidates_.empty();
  }
  /// What a cell that was not added is not.
  [[nodiscard]] const char* expected() const { return is_index_ ? "an integer" : "a date"; }

  /// The times. If two forms are left, the one whose steps are even counts; nothing if both or none
  /// are.
  [[nodiscard]] std::optional<Times> times() && {
    if (is_index_) return Times{.index = TimeIndex::integer, .values = std::move(index_)};
    std::vector<Candidate*> even;
    for (Candidate& one : candidates_)
      if (candidates_.size() == 1 || is_even(one.values)) even.push_back(&one);
    if (even.size() != 1) return {};
    return Times{.index = TimeIndex::date,
                 .format = even[0]->format,
                 .values = std::move(even[0]->values),
                 .found_by_step = candidates_.size() > 1};
  }

 private:
  /// A form that all cells up to now have.
  struct Candidate {
    TimeForm form;
    TimeFormat format = {};
    std::int64_t offset = 0;  // of the zone of the first cell, in which all times are
    std::vector<std::int64_t> values = {};

    bool add(std::string_view cell) {
      const auto time = parse_time(form, cell);
      if (!time) return false;
      if (values.empty()) offset = time->offset;
      const bool seconds = time->format.seconds || format.seconds;
      const std::size_t decimals = std::max(time->format.decimals, format.decimals);
      const bool padded = time->format.padded && format.padded,
                 padded_hour = time->format.padded_hour && format.padded_hour;
      // dates at midnight may lack the clock that others have
      if (values.empty() || (format.before_clock.empty() && !time->format.before_clock.empty()))
        format = time->format;
      format.seconds = seconds;
      format.decimals = decimals;
      format.padded = padded, format.padded_hour = padded_hour;
      values.push_back(time->seconds - time->offset + offset);
      return true;
    }
  };

  TimeColumn() = default;
  void add_form(TimeForm form) { candidates_.push_back({.form = form}); }
  [[nodiscard]] static bool is_even(std::span<const std::int64_t> times) {
    if (times.size() < 3 || !std::ranges::is_sorted(times)) return false;
    const CalendarFinding found = infer_calendar(TimeIndex::date, times);
    return found.irregular.empty() && found.repeated.empty() && !found.changed_at;
  }

  bool is_index_ = false;
  std::vector<std::int64_t> index_;
  std::vector<Candidate> candidates_;
};

}  // namespace spat
