// data. A long table becomes a panel: rows of (id, time, value) are sorted into their series.
#pragma once

#include <spat/data/panel.hpp>
#include <spat/data/panel_times.hpp>
#include <spat/data/series_reader.hpp>
#include <spat/io/csv.hpp>
#include <spat/io/encoding.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <istream>
#include <iterator>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to read a panel from a file. Of `series`, the form of the file, of the times and of missing
/// cells counts, and the calendar; `ignored` are columns that need no note. Its `columns`, `target`
/// and `time_column` stay empty: the columns are those of `columns`.
struct PanelOptions {
  LongColumns columns;
  SeriesOptions series = {};
};

namespace detail {

/// Reads a panel. What it knows of a row is its series, its time and its value; the file itself is
/// never in memory.
class PanelReader {
 public:
  PanelReader(std::istream& stream, const std::string& origin, const PanelOptions& options)
      : options_(options), table_(stream, origin, checked(options)) {
    const auto at = [&](const std::string& name) {
      return column_of(table_.names(), name, origin);
    };
    id_at_ = at(options.columns.id);
    time_at_ = at(options.columns.time);
    value_at_ = at(options.columns.value);
    for (const std::string& name : options.series.ignored) (void)at(name);
  }

  /// The panel without warnings about calendars.
  Panel read() {
    note_ignored();
    times_.emplace(options_.columns.time, table_.cell(time_at_), options_.series.date_format);
    do take_row();
    while (table_.next());
    const TimeColumn::Times times = chosen_times();
    note_dialect();
    panel_.columns = options_.columns;
    begin_series(times);
    std::vector<std::size_t> latest(panel_.series.size());  // the row of each series' last time
    for (std::size_t row = 0; row < values_.size(); ++row)
      add(row, times.values[row], latest[series_of_[row]]);
    return std::move(panel_);
  }

  /// The line of a row of a series.
  [[nodiscard]] std::size_t line_of(std::size_t series, std::size_t row) const {
    std::size_t at = 0;
    for (; series_of_[at] != series || row > 0; ++at)
      if (series_of_[at] == series) --row;
    return line_of(at);
  }
  /// Rows with the time and the value of the row before of their series, which are left out.
  struct Repeated {
    std::size_t rows = 0, first_line = 0;
    std::string id = {}, time = {};
  };
  [[nodiscard]] const Repeated& repeated() const { return repeated_; }

 private:
  static constexpr std::uint32_t left_out = std::numeric_limits<std::uint32_t>::max();

  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };

  [[nodiscard]] static CsvOptions checked(const PanelOptions& options) {
    const SeriesOptions& series = options.series;
    const LongColumns& columns = options.columns;
    if (columns.id == columns.time || columns.id == columns.value || columns.time == columns.value)
      throw ConfigError("ids, times and values of a long table are in three different columns");
    if (!series.columns.empty() || !series.target.empty() || !series.time_column.empty())
      throw ConfigError(
          "a long table has one column of times and one of values: expected no "
          "other names of columns, target or times");
    if (series.csv.header == CsvOptions::Header::absent)
      throw ConfigError("a long table needs a header, which names its columns");
    CsvOptions csv = series.csv;
    csv.header = CsvOptions::Header::present;
    return csv;
  }
  template <class... Parts>
  void note(const Parts&... parts) {
    panel_.notes.push_back(message(table_.origin(), ": ", parts...));
  }

  void note_ignored() {
    std::vector<std::string_view> others;
    for (std::size_t i = 0; i < table_.cols(); ++i) {
      const std::string& name = table_.names()[i];
      if (i == id_at_ || i == time_at_ || i == value_at_) continue;
      if (name.empty() && table_.cell(i).empty()) continue;  // a separator at the end of each line
      if (std::ranges::find(options_.series.ignored, name) == options_.series.ignored.end())
        others.push_back(name);
    }
    if (others.size() == 1) note("column ", in_quotes(others[0]), " is not read");
    if (others.size() > 1)
      note("column ", in_quotes(others[0]), ", and ", others.size() - 1, " more are not read");
  }
  void take_row() {
    if (!times_->add(table_.cell(time_at_)))
      table_.refuse_cell(time_at_, options_.columns.time, message(" is not ", times_->expected()));
    series_of_.push_back(index_of(table_.cell(id_at_)));
    values_.push_back(value());
    note_line_ends();
  }
  [[nodiscard]] std::uint32_t index_of(std::string_view id) {
    if (id.empty()) table_.refuse_cell(id_at_, options_.columns.id, "");
    if (!series_of_.empty() && id == *latest_id_) return series_of_.back();
    auto found = indices_.find(id);
    if (found == indices_.end()) {
      const std::string name = is_utf8(id) ? std::string(id) : latin1_to_utf8(id);
      const auto known = indices_.find(name);
      const auto index = known == indices_.end() ? static_cast<std::uint32_t>(panel_.series.size())
                                                 : known->second;
      if (known == indices_.end())
        panel_.series.push_back({.names = {name}, .values = {}, .times = {}, .warnings = {}});
      indices_.emplace(name, index);
      found = indices_.emplace(std::string(id), index).first;
    }
    latest_id_ = &found->first;
    return found->second;
  }
  /// The cell of the value; NaN where it has no number.
  [[nodiscard]] double value() {
    const SeriesOptions& series = options_.series;
    return number_or_nan(table_, value_at_, options_.columns.value, series,
                         series.missing == MissingRule::error);
  }
  /// Counts the line ends in quotes, because of which rows and lines differ.
  void note_line_ends() {
    std::size_t ends = 0;
    for (std::size_t i = 0; i < table_.cols(); ++i)
      ends += static_cast<std::size_t>(std::ranges::count(table_.cell(i), '\n'));
    if (ends == 0) return;
    const std::size_t before = line_ends_.empty() ? 0 : line_ends_.back().second;
    line_ends_.emplace_back(values_.size(), before + ends);
  }
  /// The line of a row of the file.
  [[nodiscard]] std::size_t line_of(std::size_t row) const {
    const auto after =
        std::ranges::upper_bound(line_ends_, row, {}, [](const auto& one) { return one.first; });
    const std::size_t ends = after == line_ends_.begin() ? 0 : std::prev(after)->second;
    return table_.first_line() + row + ends;
  }

  /// The times in the one form that fits, with a note about it.
  [[nodiscard]] TimeColumn::Times chosen_times() {
    const bool several = times_->has_several_forms();
    auto times = std::move(*times_).times(series_of_, panel_.series.size());
    const std::string name = in_quotes(options_.columns.time);
    if (!times)
      throw DataError(message(table_.origin(), ": column ", name,
                              ": its dates can be read day first and month first: the date format "
                              "(--date-format) says which, dmy or mdy"));
    const std::string_view form = name_of(time_forms, times->format.form);
    if (several)
      note("column ", name, " is read as ", form,
           ", because only so have the dates of all series an even step");
    else if (times->index == TimeIndex::date && times->format.form >= TimeForm::compact)
      note("column ", name, " is read as times of the form ", form);
    return std::move(*times);
  }
  void begin_series(const TimeColumn::Times& times) {
    std::vector<std::size_t> rows(panel_.series.size());
    for (const std::uint32_t series : series_of_) ++rows[series];
    for (std::size_t s = 0; s < rows.size(); ++s) {
      Series& one = panel_.series[s];
      one.time_index = times.index;
      one.time_name = options_.columns.time;
      one.time_format = times.format;
      one.values.reserve(rows[s]);
      one.times.reserve(rows[s]);
    }
  }
  /// Adds a row to its series. `latest` is the row of the series' last time.
  void add(std::size_t row, std::int64_t time, std::size_t& latest) {
    Series& series = panel_.series[series_of_[row]];
    const double value = values_[row];
    const bool missing = std::isnan(value);
    if (!series.times.empty() && time <= series.times.back()) {
      const std::string start =
          message(table_.origin(), ":", line_of(row), ": column ", in_quotes(options_.columns.time),
                  ": time ", time_cell(series, time), " of series ", in_quotes(series.names[0]));
      if (time < series.times.back())
        throw DataError(message(start, " lies before ", time_cell(series, series.times.back()),
                                " on line ", line_of(latest),
                                ": the rows of a series must be in the order of time"));
      if (value != series.values.back() && !(missing && std::isnan(series.values.back())))
        throw DataError(message(start, " is on line ", line_of(latest),
                                " with another value: a series has one value at a time"));
      if (++repeated_.rows == 1)
        repeated_ = {1, line_of(row), series.names[0], time_cell(series, time)};
      series_of_[row] = left_out;
      return;
    }
    latest = row;
    series.times.push_back(time);
    series.values.push_back(value);
    if (!missing && series.filled.empty()) return;
    series.filled.resize(series.values.size());
    series.filled.back() = missing ? 1 : 0;
  }

  void note_dialect() {
    const CsvDialect found = table_.dialect();
    const CsvOptions& csv = options_.series.csv;
    const std::string separator =
        found.separator == '\t' ? "a tab" : in_quotes({&found.separator, 1});
    if (!csv.separator && found.separator != ',') note("fields are separated by ", separator);
    if (!csv.decimal && found.decimal != '.') note("numbers have a decimal comma");
  }

  const PanelOptions& options_;
  CsvReader table_;
  Panel panel_;
  std::size_t id_at_ = 0, time_at_ = 0, value_at_ = 0;
  std::optional<PanelTimes> times_;
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> indices_;
  const std::string* latest_id_ = nullptr;
  std::vector<std::uint32_t> series_of_;  // [rows]
  std::vector<double> values_;            // [rows]; NaN where there is no number
  std::vector<std::pair<std::size_t, std::size_t>> line_ends_;  // from this row on, so many
  Repeated repeated_;
};

}  // namespace detail

}  // namespace spat
