// data. What takes the place of cells without a number.
#pragma once

#include <spat/data/series.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// How many cells of a series are filled.
struct MissingCells {
  std::size_t cells = 0, filled = 0;
  std::size_t most_in = 0, most = 0;  // the channel with most of them, and their number there

  [[nodiscard]] double share() const {
    return cells == 0 ? 0 : static_cast<double>(filled) / static_cast<double>(cells);
  }
};

[[nodiscard]] inline MissingCells missing_cells(const Series& series) {
  MissingCells found{.cells = series.values.size()};
  const std::size_t channels = series.channels();
  for (std::size_t c = 0; c < channels && !series.filled.empty(); ++c) {
    std::size_t here = 0;
    for (std::size_t r = 0; r < series.rows(); ++r)
      if (series.is_filled(r, c)) ++here;
    found.filled += here;
    if (here > found.most) found.most = here, found.most_in = c;
  }
  return found;
}

namespace detail {

/// One column of a series whose filled cells get values.
class MissingColumn {
 public:
  MissingColumn(Series& series, std::size_t channel) : series_(series), channel_(channel) {
    while (first_ < rows() && is_missing(first_)) ++first_;
  }
  [[nodiscard]] std::size_t rows() const { return series_.rows(); }
  [[nodiscard]] bool has_values() const { return first_ < rows(); }

  void fill_previous() {
    for_each_missing([&](std::size_t r) { at(r) = r < first_ ? at(first_) : at(r - 1); });
  }
  void fill_linear() {
    std::size_t after = 0;
    for_each_missing([&](std::size_t r) {
      if (after <= r)
        for (after = r; after < rows() && is_missing(after);) ++after;
      if (r < first_ || after == rows()) {
        at(r) = r < first_ ? at(first_) : at(r - 1);
        return;
      }
      // r - 1 has its value already, and the rest of the line is as even
      at(r) = at(r - 1) + (at(after) - at(r - 1)) / static_cast<double>(after - r + 1);
    });
  }
  void fill_seasonal(std::size_t season) {
    for_each_missing([&](std::size_t r) {
      std::size_t from = r;
      if (r >= season) {
        from = r - season;
      } else {
        while (from < rows() && is_missing(from)) from += season;
      }
      at(r) = from < rows() ? at(from) : r < first_ ? at(first_) : at(r - 1);
    });
  }

 private:
  [[nodiscard]] double& at(std::size_t row) {
    return series_.values[row * series_.channels() + channel_];
  }
  [[nodiscard]] bool is_missing(std::size_t row) const { return series_.is_filled(row, channel_); }
  template <class Fill>
  void for_each_missing(Fill&& fill) {
    for (std::size_t r = 0; r < rows(); ++r)
      if (is_missing(r)) fill(r);
  }

  Series& series_;
  std::size_t channel_, first_ = 0;  // first_: the first row with a value
};

}  // namespace detail

/// Gives the filled cells of a series their values, and notes the rule. `season` is in rows (see
/// season_of()). Throws DataError for a filled cell if the rule is `error`, and for a column
/// without any value.
inline void fill_missing(Series& series, MissingRule rule, std::size_t season = 1) {
  series.check();
  series.missing = rule;
  if (missing_cells(series).filled == 0) return;
  for (std::size_t c = 0; c < series.channels(); ++c) {
    detail::MissingColumn column(series, c);
    const std::string start = message("column ", in_quotes(series.names[c]), ": ");
    if (!column.has_values()) throw DataError(message(start, "no cell has a number"));
    switch (rule) {
      case MissingRule::error:
        for (std::size_t r = 0; r < series.rows(); ++r)
          if (series.is_filled(r, c)) throw DataError(message(start, "row ", r, " has no number"));
        break;
      case MissingRule::linear:
        column.fill_linear();
        break;
      case MissingRule::seasonal:
        column.fill_seasonal(std::max<std::size_t>(season, 1));
        break;
      case MissingRule::previous:
      case MissingRule::drop_window:
        column.fill_previous();
    }
  }
}

/// "12 of 4000 cells (0.3 %) have no number, most of them, 10, in column "load"; the value before
/// takes their place": empty if no cell is filled.
[[nodiscard]] inline std::string describe_missing(const Series& series, MissingRule rule) {
  const MissingCells found = missing_cells(series);
  if (found.filled == 0) return {};
  static constexpr std::array<const char*, 5> actions{
      "", "the value before takes their place", "the line between their neighbours fills them",
      "the value one season before takes their place", "windows that hold one are left out"};
  const bool one = found.filled == 1;
  std::string column = in_quotes(series.names[found.most_in]);
  column = found.most == found.filled
               ? message(one ? " has no number, in column " : " have no number, in column ", column)
               : message(" have no number, most of them, ", found.most, ", in column ", column);
  return message(found.filled, " of ", found.cells, " cells (",
                 std::round(found.share() * 1e5) / 1e3, " %)", column, "; ",
                 actions[static_cast<std::size_t>(rule)]);
}

}  // namespace spat
