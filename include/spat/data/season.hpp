// data. The number of rows after which a series is expected to look alike.
#pragma once

#include <spat/data/calendar.hpp>

#include <bit>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// The season of a calendar in rows: a day of rows that are less than a day apart, a week of days,
/// a year of weeks (52), months and quarters. 1 for years, for whole numbers, without times, and
/// where the season is no whole number of rows.
///
///     15min 96    h 24    30min B 09:00-15:30 14    D 7    B 5    W 52    ME 12    QS 4
[[nodiscard]] inline std::size_t season_of(const Calendar& calendar) {
  constexpr std::int64_t day = Calendar::seconds_of_day, weeks_of_year = 52;
  const std::int64_t step = calendar.step;
  const auto whole = [](std::int64_t rows, std::int64_t rest) {
    return rest == 0 && rows > 1 ? static_cast<std::size_t>(rows) : std::size_t{1};
  };
  if (step <= 0) return 1;
  switch (calendar.unit) {
    case Calendar::Unit::none:
    case Calendar::Unit::index:
      return 1;
    case Calendar::Unit::months:
      return whole(12 / step, 12 % step);
    case Calendar::Unit::seconds:
      if (calendar.has_hours()) return whole((calendar.closes - calendar.opens) / step + 1, 0);
      if (step < day) return whole(day / step, day % step);
      if (step == day) return whole(std::popcount(calendar.weekdays), 0);
      return whole(weeks_of_year * 7 * day / step, weeks_of_year * 7 * day % step);
  }
  return 1;
}

}  // namespace spat
