// data. A series as the text of a CSV file.
#pragma once

#include <spat/core/text.hpp>
#include <spat/data/series.hpp>

#include <array>
#include <charconv>
#include <string>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A cell, in double quotes if it has to be.
[[nodiscard]] inline std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted.append("\"");
}
/// The fewest digits that read back as the same number.
[[nodiscard]] inline std::string number_cell(double value) {
  std::array<char, 40> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  return {digits.data(), end.ptr};
}

}  // namespace detail

/// Returns the series as CSV, which read_series() reads: a line of names, then one line per row,
/// with its time first, in the name and format of the series, or its number from 1 under the name
/// "step" if the series has no times. Values have the fewest digits that read back as the same
/// number.
[[nodiscard]] inline std::string to_csv(const Series& series) {
  const bool dates = series.time_index == TimeIndex::date;
  const auto time = [&](std::size_t r) {
    if (series.times.empty()) return message(r + 1);
    return dates ? format_time(series.time_format, series.times[r]) : message(series.times[r]);
  };
  std::string csv(series.times.empty() ? "step" : detail::csv_cell(series.time_name));
  for (const std::string& name : series.names) csv.append(",").append(detail::csv_cell(name));
  for (std::size_t r = 0; r < series.rows(); ++r) {
    csv.append("\n").append(time(r));
    for (std::size_t c = 0; c < series.channels(); ++c)
      csv.append(",").append(detail::number_cell(series.view().row(r)[c]));
  }
  return csv.append("\n");
}

}  // namespace spat
