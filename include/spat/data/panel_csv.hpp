// data. Series as the text of a long table: one row per series and time.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/data/panel.hpp>
#include <spat/data/series_csv.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <string>

namespace spat::inline SPAT_ABI {

/// Returns series as a long table in CSV, which read_panel() reads: a line of names, then the rows
/// of the first series, those of the second, and so on, each with id, time and value. The id is the
/// name of the first channel, times have the form of their series, or are numbers from 1 if it has
/// none. Values have the fewest digits that read back as the same number; NaN is an empty cell.
/// Further channels, such as those of intervals, are further columns under their own names. Throws
/// DataError unless all series have the same further channels.
[[nodiscard]] inline std::string to_long_csv(std::span<const Series> series,
                                             const LongColumns& columns) {
  std::string csv;
  for (const std::string* name : {&columns.id, &columns.time, &columns.value})
    csv.append(csv.empty() ? "" : ",").append(detail::csv_cell(*name));
  const auto further = [](const Series& one) { return std::span(one.names).subspan(1); };
  for (const Series& one : series) {
    one.check();
    if (!std::ranges::equal(further(one), further(series[0])))
      throw DataError(message("series ", in_quotes(one.names[0]), " and ",
                              in_quotes(series[0].names[0]),
                              ": expected the same channels after the first one"));
  }
  if (!series.empty())
    for (const std::string& name : further(series[0]))
      csv.append(",").append(detail::csv_cell(name));
  csv.append("\n");
  for (const Series& one : series) {
    const std::string id = detail::csv_cell(one.names[0]);
    for (std::size_t r = 0; r < one.rows(); ++r) {
      csv.append(id).append(",");
      csv.append(one.times.empty() ? message(r + 1) : detail::time_cell(one, one.times[r]));
      for (const double value : std::span(one.values).subspan(r * one.channels(), one.channels()))
        csv.append(",").append(std::isnan(value) ? std::string() : detail::number_cell(value));
      csv.append("\n");
    }
  }
  return csv;
}
/// Returns a panel as a long table with the columns of its file.
[[nodiscard]] inline std::string to_long_csv(const Panel& panel) {
  return to_long_csv(panel.series, panel.columns);
}

}  // namespace spat
