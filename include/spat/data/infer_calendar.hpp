// data. Which calendar the times of a series follow, and where they do not.
#pragma once

#include <spat/data/calendar.hpp>

#include <map>
#include <optional>
#include <span>

namespace spat::inline SPAT_ABI {

/// The calendar of times, and what does not follow it. Rows count from 0.
struct CalendarFinding {
  Calendar calendar;
  /// The row from which on the calendar holds, if the rows before it had another step.
  std::optional<std::size_t> changed_at = {};
  std::int64_t former_step = 0;
  std::vector<std::size_t> repeated = {};       // rows with the time of the row before
  std::vector<std::size_t> backwards = {};      // rows before the row before
  std::vector<std::size_t> clock_changes = {};  // rows an hour off, where a clock was changed
  std::vector<std::size_t> irregular = {};      // other rows that do not come next
};

namespace detail {

using Counts = std::map<std::int64_t, std::size_t>;

/// What there is most of; the smallest of equals. Needs at least one.
[[nodiscard]] inline std::int64_t most_frequent(const Counts& counts) {
  return std::ranges::max_element(counts, {}, [](const auto& one) { return one.second; })->first;
}

/// Throws DataError for times, of a hostile index, whose steps no 64 bits hold.
inline void expect_no_overflow(std::span<const std::int64_t> times) {
  const auto [least, most] = std::ranges::minmax(times);
  if (least < 0 && most > std::numeric_limits<std::int64_t>::max() + least)
    throw DataError(message("the times from ", least, " to ", most, " are too far apart"));
}

/// The months from year 0 to a time.
[[nodiscard]] inline std::int64_t month_of(std::int64_t time) {
  const DateTime date = to_date_time(time);
  return std::int64_t{date.year} * 12 + date.month - 1;
}

/// The usual step of times, and where it became the usual one.
struct UsualStep {
  std::int64_t step = 0, former = 0;
  std::optional<std::size_t> changed_at = {};
};
/// `step_of(r)` is the step from row r - 1 to row r; steps of repeated times and backwards do not
/// count. The step is 0 if there is no other.
template <class StepOf>
[[nodiscard]] UsualStep usual_step_of(std::size_t rows, StepOf&& step_of) {
  constexpr std::size_t newer = 8;
  Counts counts;
  std::int64_t last = 0;
  std::size_t since = rows, alike = 0;  // the last steps that are equal
  bool same = true;
  for (std::size_t r = rows - 1; r > 0; --r) {
    const std::int64_t step = step_of(r);
    if (step <= 0) continue;
    if (counts.empty()) last = step;
    same = same && step == last;
    if (same) ++alike, since = r;
    ++counts[step];
  }
  if (counts.empty()) return {};
  const std::int64_t most = most_frequent(counts);
  if (alike < newer || last == most) return {most};
  return {last, most, since - 1};
}

/// The calendar of months, if all times are in different months, at one time of day, and on one
/// day of the month or on the last one of a shorter month.
[[nodiscard]] inline std::optional<CalendarFinding> months_of(std::span<const std::int64_t> times) {
  const std::int64_t second = Calendar::second_of(times[0]);
  unsigned day = 1;
  bool last_days = true;
  for (const std::int64_t time : times) {
    if (Calendar::second_of(time) != second) return {};
    const DateTime date = to_date_time(time);
    day = std::max(day, date.day);
    last_days = last_days && date.day == Calendar::last_day(date.year, date.month);
  }
  if (last_days) day = Calendar::month_end;
  for (std::size_t r = 0; r < times.size(); ++r) {
    const DateTime date = to_date_time(times[r]);
    if (date.day != std::min(day, Calendar::last_day(date.year, date.month))) return {};
    if (r > 0 && times[r] != times[r - 1] && month_of(times[r]) == month_of(times[r - 1]))
      return {};
  }
  const UsualStep usual = usual_step_of(
      times.size(), [&](std::size_t r) { return month_of(times[r]) - month_of(times[r - 1]); });
  if (usual.step == 0) return {};
  return CalendarFinding{
      .calendar = {.unit = Calendar::Unit::months, .step = usual.step, .day = day},
      .changed_at = usual.changed_at,
      .former_step = usual.former};
}

/// The days of the week that have rows. A day counts as closed if it has less than a twentieth of
/// the rows of the busiest one, and the times span two weeks.
[[nodiscard]] inline Weekdays open_weekdays(std::span<const std::int64_t> times) {
  if (Calendar::day_of(times.back()) - Calendar::day_of(times.front()) < 14) return every_day;
  std::array<std::size_t, 7> rows{};
  for (const std::int64_t time : times) ++rows[Calendar::weekday_of(Calendar::day_of(time))];
  const std::size_t busiest = *std::ranges::max_element(rows);
  Weekdays open = 0;
  for (std::size_t day = 0; day < rows.size(); ++day)
    if (rows[day] * 20 >= busiest) open |= 1u << day;
  return open;
}

/// Sets the hours that have rows, if at least four of five days begin and end at the same time, and
/// rows are missing between the end of a day and the beginning of the next. The first and the last
/// day may be cut.
inline void set_hours(Calendar& calendar, std::span<const std::int64_t> times) {
  std::vector<std::int64_t> first, last;  // of each day
  for (std::size_t r = 0; r < times.size(); ++r) {
    if (r == 0 || Calendar::day_of(times[r]) != Calendar::day_of(times[r - 1])) {
      first.push_back(Calendar::second_of(times[r]));
      last.emplace_back();
    }
    last.back() = Calendar::second_of(times[r]);
  }
  if (first.size() < 4) return;
  // the usual second of the inner days, if four of five have it
  const auto usual = [](const std::vector<std::int64_t>& of_day) -> std::optional<std::int64_t> {
    Counts counts;
    for (std::size_t day = 1; day + 1 < of_day.size(); ++day) ++counts[of_day[day]];
    const std::int64_t second = most_frequent(counts);
    return counts[second] * 5 >= (of_day.size() - 2) * 4 ? std::optional(second) : std::nullopt;
  };
  const auto opens = usual(first), closes = usual(last);
  if (!opens || !closes || *opens + Calendar::seconds_of_day - *closes <= calendar.step) return;
  calendar.opens = *opens, calendar.closes = *closes;
}

/// Whether a clock that is set forward or back explains a step: an hour more or less than the usual
/// one, on a Sunday between midnight and four.
[[nodiscard]] inline bool is_clock_change(const Calendar& calendar, std::int64_t before,
                                          std::int64_t time) {
  if (calendar.unit != Calendar::Unit::seconds || calendar.step > 3600) return false;
  const std::int64_t off = time - before - calendar.step;
  return (off == 3600 || off == -3600) && Calendar::weekday_of(Calendar::day_of(time)) == 6 &&
         Calendar::second_of(time) <= 4 * 3600;
}

/// Finds the rows that do not follow the calendar; those before the change, its former step.
inline void find_irregular(CalendarFinding& finding, std::span<const std::int64_t> times) {
  Calendar former = finding.calendar;
  if (finding.changed_at) former.step = finding.former_step;
  for (std::size_t r = 1; r < times.size(); ++r) {
    const Calendar& calendar = r <= finding.changed_at.value_or(0) ? former : finding.calendar;
    if (is_clock_change(calendar, times[r - 1], times[r]))
      finding.clock_changes.push_back(r);
    else if (times[r] == times[r - 1])
      finding.repeated.push_back(r);
    else if (times[r] < times[r - 1])
      finding.backwards.push_back(r);
    else if (calendar.after(times[r - 1]) != times[r])
      finding.irregular.push_back(r);
  }
}

}  // namespace detail

/// Finds the calendar of times:
///
///   - whole numbers: the usual step;
///   - dates of different months at one time of day and on one day of the month (or all on month
///     ends): months, the usual number of them;
///   - other dates: the usual step in seconds. If it is not longer than a day, days of the week
///     without rows are closed, and so are hours that have none on four of five days.
///
/// The usual step is the most frequent one; but if the last eight or more are equal, it is theirs:
/// the rate has changed. Fewer than two different times have no calendar. Row r of the finding is
/// times[r]. Throws DataError for times that are too far apart.
[[nodiscard]] inline CalendarFinding infer_calendar(TimeIndex index,
                                                    std::span<const std::int64_t> times) {
  CalendarFinding found;
  if (index == TimeIndex::none || times.empty() || times.front() == times.back()) return found;
  detail::expect_no_overflow(times);
  const bool dates = index == TimeIndex::date;
  if (const auto months = dates ? detail::months_of(times) : std::nullopt) {
    found = *months;
  } else if (const detail::UsualStep usual = detail::usual_step_of(
                 times.size(), [&](std::size_t r) { return times[r] - times[r - 1]; });
             usual.step > 0) {
    found.calendar.unit = dates ? Calendar::Unit::seconds : Calendar::Unit::index;
    found.calendar.step = usual.step;
    found.changed_at = usual.changed_at;
    found.former_step = usual.former;
    const auto since = times.subspan(found.changed_at.value_or(0));
    if (dates && usual.step <= Calendar::seconds_of_day) {
      found.calendar.weekdays = detail::open_weekdays(since);
      if (usual.step < Calendar::seconds_of_day) detail::set_hours(found.calendar, since);
    }
  }
  detail::find_irregular(found, times);
  return found;
}
/// What does not follow a calendar that is known.
[[nodiscard]] inline CalendarFinding compare_with(const Calendar& calendar,
                                                  std::span<const std::int64_t> times) {
  CalendarFinding found{.calendar = calendar};
  if (calendar.unit != Calendar::Unit::none) detail::find_irregular(found, times);
  return found;
}

}  // namespace spat
