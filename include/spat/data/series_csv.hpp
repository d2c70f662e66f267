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
  if (text.find_first_of(",\"\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted.append("\"");
}

}  // namespace detail

/// Returns the series as CSV, which read_series() reads: a line of names, then one line per row,
/// with its date or integer index first, or its number from 1 under the name "step" if the series
/// has no times. Values have nine significant digits.
[[nodiscard]] inline std::string to_csv(const Series& series) {
  const bool indexed = !series.times.empty();
  std::string csv(indexed ? "date" : "step");
  for (const std::string& name : series.names) csv.append(",").append(detail::csv_cell(name));
  for (std::size_t r = 0; r < series.rows(); ++r) {
    csv.append("\n").append(indexed ? detail::time_text(series.time_index, series.times[r])
                                    : message(r + 1));
    for (std::size_t c = 0; c < series.channels(); ++c) {
      std::array<char, 40> digits;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                     series.view().row(r)[c], std::chars_format::general, 9);
      csv.append(",").append(digits.data(), end.ptr);
    }
  }
  return csv.append("\n");
}

}  // namespace spat
