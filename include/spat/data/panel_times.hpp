// data. The column of times of a long table, in which rows of several series alternate.
#pragma once

#include <spat/data/infer_calendar.hpp>
#include <spat/data/time_column.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Times of several series, read cell by cell. All cells have one form. Of two that fit, the one
/// counts in which the times of every series are even; those of the whole column never are.
class PanelTimes {
 public:
  /// The column of this name, whose first cell is `cell`. See TimeColumn::of().
  PanelTimes(std::string_view name, std::string_view cell, std::optional<TimeForm> form) {
    const auto add_form = [&](std::optional<TimeForm> one) {
      if (auto column = TimeColumn::of(name, cell, one, true))
        columns_.push_back(std::move(*column));
    };
    if (!form || !parse_time(*form, cell))
      for (const TimeForm one : date_forms(cell)) add_form(one);
    if (columns_.empty()) add_form(form);
    expected_ = columns_[0].expected();
  }

  /// Adds a cell. Returns false if it has no form that all cells before have.
  [[nodiscard]] bool add(std::string_view cell) {
    std::erase_if(columns_, [&](TimeColumn& one) { return !one.add(cell); });
    return !columns_.empty();
  }
  /// What a cell that was not added is not.
  [[nodiscard]] const char* expected() const { return expected_; }
  [[nodiscard]] bool has_several_forms() const { return columns_.size() > 1; }

  /// The times of all rows; nothing if both or none of two forms give even steps. `series_of` has
  /// the series of each row, less than `series`.
  [[nodiscard]] std::optional<TimeColumn::Times> times(std::span<const std::uint32_t> series_of,
                                                       std::size_t series) && {
    std::optional<TimeColumn::Times> found;
    const bool several = has_several_forms();
    for (TimeColumn& column : columns_) {
      auto times = std::move(column).times();
      if (!times || (several && !are_even(times->values, series_of, series))) continue;
      if (found) return {};
      found = std::move(times);
    }
    return found;
  }

 private:
  /// Whether the times of each series are even and go nowhere back, and those of one at least tell
  /// a step. Repeated times are so in every form.
  [[nodiscard]] static bool are_even(std::span<const std::int64_t> times,
                                     std::span<const std::uint32_t> series_of, std::size_t series) {
    std::vector<std::size_t> next(series + 1);  // where the rows of each series go on
    for (const std::uint32_t one : series_of) ++next[one + 1];
    for (std::size_t s = 0; s < series; ++s) next[s + 1] += next[s];
    std::vector<std::int64_t> sorted(times.size());
    for (std::size_t row = 0; row < times.size(); ++row)
      sorted[next[series_of[row]]++] = times[row];
    bool told = false;
    for (std::size_t s = 0, first = 0; s < series; first = next[s++]) {
      const auto of_series = std::span(sorted).subspan(first, next[s] - first);
      if (!std::ranges::is_sorted(of_series)) return false;
      if (of_series.size() < 3) continue;
      const CalendarFinding found = infer_calendar(TimeIndex::date, of_series);
      if (!found.irregular.empty() || found.changed_at) return false;
      told = true;
    }
    return told;
  }

  std::vector<TimeColumn> columns_;  // one for each form that fits
  const char* expected_ = "";
};

}  // namespace detail

}  // namespace spat
