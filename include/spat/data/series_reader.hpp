// data. A table becomes a series: which columns are times, channels and text, by name and first
// cell.
#pragma once

#include <spat/core/order.hpp>
#include <spat/data/calendar_name.hpp>
#include <spat/data/series.hpp>
#include <spat/data/series_options.hpp>
#include <spat/data/time_column.hpp>
#include <spat/io/csv.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Reads a series: decides about each column by its name and its first cell, then takes the rows.
class SeriesReader {
 public:
  SeriesReader(std::istream& stream, const std::string& origin, const SeriesOptions& options)
      : options_(options), table_(stream, origin, with_dates(options.csv)) {}

  Series read() {
    find_times();
    if (!options_.times_only) find_channels();
    if (options_.times_only && !times_) table_.refuse("no column of times");
    do take_row();
    while (table_.next());
    finish_times();
    finish_missing();
    note_dialect();
    if (options_.time_column.empty()) note_even_channels();
    return std::move(series_);
  }

 private:
  [[nodiscard]] static CsvOptions with_dates(CsvOptions csv) {
    if (!csv.is_time) csv.is_time = TimeColumn::is_date;
    return csv;
  }
  template <class... Parts>
  void note(const Parts&... parts) {
    series_.notes.push_back(message(table_.origin(), ": ", parts...));
  }

  void find_times() {
    if (options_.time_column == SeriesOptions::no_times) return;
    if (!options_.time_column.empty()) return take_times_of(options_.time_column);
    for (std::size_t i = 0; i < table_.cols() && !times_; ++i)
      if (TimeColumn::is_date(table_.cell(i)) && !is_ignored(i)) set_times(i, false);
    for (std::size_t i = 0; i < table_.cols() && !times_ && table_.has_header(); ++i)
      if (is_usual_time_name(table_.names()[i]) && !is_ignored(i) &&
          (i == 0 || !table_.names()[i].empty()))
        set_times(i, false);
    for (std::size_t i = 0; i < table_.cols() && times_; ++i)
      if (i != time_at_ && is_clock(table_.cell(i)) && !is_ignored(i)) clock_at_ = i;
    if (clock_at_ && table_.cell(time_at_).find(':') != std::string_view::npos) clock_at_.reset();
    if (clock_at_) set_times(time_at_, false);
  }
  void take_times_of(std::string_view name) {
    const std::size_t plus = name.find('+');
    const auto at = [&](std::string_view one) {
      return column_of(table_.names(), one, table_.origin());
    };
    const bool two =
        plus != name.npos && std::ranges::find(table_.names(), name) == table_.names().end();
    if (two) clock_at_ = at(name.substr(plus + 1));
    set_times(at(two ? name.substr(0, plus) : name), true);
  }
  void set_times(std::size_t column, bool certain) {
    time_at_ = column;
    times_ = TimeColumn::of(table_.names()[column], time_cell(), options_.date_format, certain);
  }
  [[nodiscard]] static bool is_clock(std::string_view cell) {
    return cell.find(':') != cell.npos && parse_clock(cell).has_value();
  }
  [[nodiscard]] std::string time_cell() const {
    std::string text(table_.cell(time_at_));
    if (clock_at_) text.append(" ").append(table_.cell(*clock_at_));
    return text;
  }
  [[nodiscard]] bool is_time(std::size_t column) const {
    return times_ && (column == time_at_ || column == clock_at_);
  }
  [[nodiscard]] bool is_ignored(std::size_t column) const {
    return std::ranges::find(options_.ignored, table_.names()[column]) != options_.ignored.end();
  }

  /// Names the columns of numbers, and chooses among them.
  void find_channels() {
    for (const std::string& name : options_.ignored)
      (void)column_of(table_.names(), name, table_.origin());
    std::vector<std::string> names, texts;
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < table_.cols(); ++i) {
      const std::string& name = table_.names()[i];
      if (is_time(i) || is_ignored(i)) continue;
      if (i == 0 && times_ && numbers_rows(i)) {
        note("the first column numbers the rows and is not read");
        continue;
      }
      const bool last = i + 1 == table_.cols();
      if (last && table_.has_header() && name.empty() && table_.cell(i).empty()) {
        empty_at_ = i;  // a separator at the end of each line
        continue;
      }
      if (!table_.try_number(i) && !is_missing(table_.cell(i))) {
        texts.push_back(message(in_quotes(name), ", such as ", in_quotes(table_.cell(i))));
        continue;
      }
      names.push_back(name.empty() ? message("c", names.size()) : name);
      places.push_back(i);
    }
    if (names.empty())
      table_.refuse("no column of numbers",
                    texts.empty() ? "" : message("; column ", texts[0], ", holds text"));
    if (!texts.empty())
      note("column ", texts[0],
           texts.size() > 1 ? message(", and ", texts.size() - 1, " more") : "",
           texts.size() > 1 ? " hold text and are not read" : " holds text and is not read");
    if (times_) names.push_back(time_name()), places.push_back(time_at_);
    if (options_.columns.empty()) expect_distinct(names, places);
    if (times_) names.pop_back(), places.pop_back();
    for (const std::size_t one :
         chosen_columns(names, options_.columns, options_.target, table_.origin())) {
      series_.names.push_back(names[one]);
      channels_.push_back(places[one]);
    }
  }
  /// Whether a column is what tables are written with for an index: 0 or 1 first, without a name.
  [[nodiscard]] bool numbers_rows(std::size_t column) {
    const std::string& name = table_.names()[column];
    const auto first = table_.try_number(column);
    return table_.has_header() && (name.empty() || name == "Unnamed: 0") &&
           (first == 0.0 || first == 1.0);
  }
  void expect_distinct(const std::vector<std::string>& names,
                       const std::vector<std::size_t>& places) const {
    const auto order =
        order_by(names.size(), [&](std::size_t i) -> std::string_view { return names[i]; });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (names[order[i]] == names[order[i - 1]]) {
        const auto [first, second] = std::minmax(places[order[i - 1]], places[order[i]]);
        throw DataError(message(table_.origin(), ": columns ", first + 1, " and ", second + 1,
                                " are both called ", in_quotes(names[order[i]])));
      }
  }

  void take_row() {
    if (times_) {
      const std::string text = clock_at_ ? time_cell() : std::string();
      if (!times_->add(clock_at_ ? std::string_view(text) : table_.cell(time_at_)))
        table_.refuse_cell(time_at_, time_name(), message(" is not ", times_->expected()));
    }
    if (empty_at_ && !table_.cell(*empty_at_).empty())
      table_.refuse("the last column has no name and was empty before, found ",
                    in_quotes(table_.cell(*empty_at_)));
    for (std::size_t c = 0; c < channels_.size(); ++c) take_cell(c);
  }
  void take_cell(std::size_t channel) {
    const double x = number_or_nan(table_, channels_[channel], series_.names[channel], options_,
                                   options_.missing_rule() == MissingRule::error);
    if (std::isnan(x)) missing_.push_back(series_.values.size());
    series_.values.push_back(x);
  }
  /// Marks the cells without a number.
  void finish_missing() {
    if (missing_.empty()) return;
    series_.filled.resize(series_.values.size());
    for (const std::size_t cell : missing_) series_.filled[cell] = 1;
  }
  [[nodiscard]] std::string time_name() const {
    const std::string& name = table_.names()[time_at_];
    return name.empty() && !table_.has_header() ? "time" : name;
  }

  void finish_times() {
    if (!times_) return;
    auto found = std::move(*times_).times();
    if (!found)
      throw DataError(message(table_.origin(), ": column ", in_quotes(time_name()),
                              ": its dates can be read day first and month first: the date format "
                              "(--date-format) says which, dmy or mdy"));
    series_.time_index = found->index;
    series_.times = std::move(found->values);
    series_.time_format = found->format;
    if (table_.has_header()) series_.time_name = table_.names()[time_at_];
    const std::string_view form = name_of(time_forms, found->format.form);
    if (found->found_by_step)
      note("column ", in_quotes(time_name()), " is read as ", form,
           ", because only so have its dates an even step");
    else if (found->index == TimeIndex::date && found->format.form >= TimeForm::compact)
      note("column ", in_quotes(time_name()), " is read as times of the form ", form);
    else if (clock_at_ && options_.time_column.empty())
      note("columns ", in_quotes(time_name()), " and ", in_quotes(table_.names()[*clock_at_]),
           " are read as times");
    else if (time_at_ > 0)
      note("column ", in_quotes(time_name()), " is read as times");
  }
  /// Tells of channels that could be times.
  void note_even_channels() {
    constexpr std::size_t fewest = 10;
    const auto values = series_.view();
    for (std::size_t c = 0; c < values.cols() && values.rows() >= fewest; ++c) {
      const double step = values.row(1)[c] - values.row(0)[c];
      bool even = step > 0;
      for (std::size_t r = 1; r < values.rows() && even; ++r)
        even = values.row(r)[c] - values.row(r - 1)[c] == step;
      if (even)
        note("column ", in_quotes(series_.names[c]), " rises by ", step,
             " in every row and is read as a channel",
             times_ ? "" : ", not as times (--time-column)");
    }
  }
  void note_dialect() {
    const CsvDialect found = table_.dialect();
    const std::string separator =
        found.separator == '\t' ? "a tab" : in_quotes({&found.separator, 1});
    if (!options_.csv.separator && found.separator != ',')
      note("fields are separated by ", separator);
    if (!options_.csv.decimal && found.decimal != '.') note("numbers have a decimal comma");
    if (!table_.has_header() && options_.csv.header == CsvOptions::Header::automatic)
      note("the first line is read as numbers, not as a header");
  }

  const SeriesOptions& options_;
  CsvReader table_;
  Series series_;
  std::optional<TimeColumn> times_;
  std::size_t time_at_ = 0;
  std::optional<std::size_t> clock_at_, empty_at_;
  std::vector<std::size_t> channels_;  // the place of each channel in the table
  std::vector<std::size_t> missing_;   // the cells without a number

 public:
  [[nodiscard]] std::size_t first_line() const { return table_.first_line(); }
};

}  // namespace detail

}  // namespace spat
