// data. A table becomes a series: which columns are times, channels and text, by name and first
// cell.
#pragma once

#include <spat/data/calendar_name.hpp>
#include <spat/data/missing.hpp>
#include <spat/data/series.hpp>
#include <spat/data/time_column.hpp>
#include <spat/io/csv.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <istream>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to read a series from a file.
struct SeriesOptions {
  enum class Irregular { warn, error };
  static constexpr const char* no_times = "none";

  CsvOptions csv = {};
  /// Reads only these columns, in this order; empty for all columns of numbers.
  std::vector<std::string> columns = {};
  /// Columns that are not read.
  std::vector<std::string> ignored = {};
  /// Name of the target column, which is moved to the end and read even if `columns` does not name
  /// it; empty to keep the order of the file.
  std::string target = {};
  /// Name of the column of times, two names as "date+time" if the clock has a column of its own, or
  /// no_times. Empty: the first column whose first cell is a date, else the first one with a usual
  /// name (date, time, timestamp, ds, year, ...) and numbers that can be times.
  std::string time_column = {};
  /// The form of the times. Without it, it is found by looking: see TimeColumn.
  std::optional<TimeForm> date_format = {};
  /// A number that stands for none, such as -9999. Cells that are empty, NA, NaN, null, ? or - have
  /// no number in any case.
  std::optional<double> missing_code = {};
  /// What takes the place of cells without a number; without a rule, `previous` if there is a
  /// missing code, `error` otherwise.
  std::optional<MissingRule> missing = {};
  /// The calendar that the rows follow; without one it is found in their times: see
  /// infer_calendar().
  std::optional<Calendar> calendar = {};
  /// What to do about times that are repeated or do not follow the calendar.
  Irregular irregular = Irregular::warn;

  [[nodiscard]] MissingRule missing_rule() const {
    if (missing) return *missing;
    return missing_code ? MissingRule::previous : MissingRule::error;
  }
};

namespace detail {

/// Whether a cell stands for no number. Such a cell does not make a column one of text.
[[nodiscard]] inline bool is_missing(std::string_view cell) {
  static constexpr std::array<std::string_view, 15> texts{"",     "NA",  "N/A", "n/a",  "#N/A",
                                                          "NaN",  "nan", "NAN", "null", "NULL",
                                                          "Null", "?",   "-",   "None", "."};
  return std::ranges::find(texts, cell) != texts.end();
}

/// Reads a series: decides about each column by its name and its first cell, then takes the rows.
class SeriesReader {
 public:
  SeriesReader(std::istream& stream, const std::string& origin, const SeriesOptions& options)
      : options_(options), table_(stream, origin, with_dates(options.csv)) {}

  Series read() {
    find_times();
    find_channels();
    do take_row();
    while (table_.next());
    finish_times();
    finish_missing();
    note_dialect();
    if (series_.times.empty() && options_.time_column.empty()) note_even_channels();
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
    if (names.empty()) table_.refuse("no column of numbers");
    if (!texts.empty())
      note("column ", texts[0],
           texts.size() > 1 ? message(", and ", texts.size() - 1, " more") : "",
           texts.size() > 1 ? " hold text and are not read" : " holds text and is not read");
    if (options_.columns.empty()) expect_distinct(names, places);
    for (const std::size_t one :
         chosen_columns(names, options_.columns, options_.target, table_.origin())) {
      series_.names.push_back(names[one]);
      channels_.push_back(places[one]);
    }
  }
  void expect_distinct(const std::vector<std::string>& names,
                       const std::vector<std::size_t>& places) const {
    std::vector<std::size_t> order(names.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::stable_sort(order, {}, [&](std::size_t i) { return std::string_view(names[i]); });
    for (std::size_t i = 1; i < order.size(); ++i)
      if (names[order[i]] == names[order[i - 1]])
        throw DataError(message(table_.origin(), ": columns ", places[order[i - 1]] + 1, " and ",
                                places[order[i]] + 1, " are both called ",
                                in_quotes(names[order[i]])));
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
    const std::size_t column = channels_[channel];
    const auto x = table_.try_number(column);
    const bool is_code = x && x == options_.missing_code;
    if (x && std::isfinite(*x) && !is_code) return series_.values.push_back(*x);
    const std::string& name = series_.names[channel];
    if (!is_code && !is_missing(table_.cell(column))) (void)table_.number(column, name);  // throws
    if (options_.missing_rule() == MissingRule::error)
      table_.refuse("column ", in_quotes(name), ": ",
                    table_.cell(column).empty()
                        ? "the cell is empty"
                        : message(in_quotes(table_.cell(column)), " is not a number"),
                    "; the missing rule (--missing) says what takes its place");
    missing_.push_back(series_.values.size());
    series_.values.push_back(std::numeric_limits<double>::quiet_NaN());
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
    series_.time_name = table_.names()[time_at_];
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
             " in every row and is read as a channel, not as times (--time-column)");
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
