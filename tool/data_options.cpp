// The options that choose the data of a command, and what they say to the library.
#include "data_options.hpp"

#include <spat/data/calendar_name.hpp>
#include <spat/io/path.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>

namespace tool {

void DataOptions::add_training_to(CLI::App& command) {
  add_series_to(command);
  add_values_to(command);
  add_columns_to(command);
  add_parts_to(command);
  add_stride_to(command);
  add_test_stride_to(command);
  add_quiet_to(command, /*with_progress*/ true);
}

void DataOptions::add_series_to(CLI::App& command) {
  auto* file = command.add_option(
      "--data", path,
      "CSV file: a date column (or an integer index, or none), then one column per channel");
  auto* made = command.add_flag("--synthetic", synthetic,
                                "Use the embedded synthetic series instead of a file");
  file->excludes(made);
  add_form_to(command);
  add_meaning_to(command);
}

void DataOptions::add_values_to(CLI::App& command) {
  command.add_option("--rows", rows, "Rows of the synthetic series")
      ->needs(command.get_option("--synthetic"))
      ->capture_default_str();
  command.add_option("--target", target,
                     "Target column, which is moved to the end as in the reference");
}

void DataOptions::add_quiet_to(CLI::App& command, bool with_progress) {
  trains = with_progress;
  command.add_flag("--quiet", quiet,
                   trains ? "Do not show progress" : "Do not tell how the file is read");
}

void DataOptions::add_form_to(CLI::App& command) {
  command.add_option("--separator", separator,
                     "Sign between fields: a comma, ;, | or tab [found by looking]");
  command.add_option("--decimal", decimal,
                     "Sign before fractions: . or a comma [found by looking]");
  command.add_option("--thousands", thousands, "Sign between groups of digits [none]");
  auto* names = command.add_flag("--header", header,
                                 "The first line has names [if it holds anything but numbers and "
                                 "times]");
  command.add_flag("--no-header", no_header, "The first line has no names")->excludes(names);
  auto* time = command.add_option("--time-column", time_column,
                                  "Column of times; \"date+time\" if the clock is in another; or "
                                  "none [found by looking]");
  command.add_option("--date-format", date_format,
                     "How dates are written that can be read in two ways: dmy or mdy; or ymd, "
                     "yyyymmdd, year-month, quarter, year, epoch-seconds, epoch-milliseconds, "
                     "excel [found by looking]");
  command
      .add_option("--long", long_columns,
                  "The file is a long table, with a row per series and time: the names of its "
                  "columns of ids, times and values, as in id,date,load")
      ->type_name("ID,TIME,VALUE")
      ->excludes(time);
}

void DataOptions::add_meaning_to(CLI::App& command) {
  command.add_option("--marks", marks,
                     "Frequency of the time marks: h, t, d, ..., or none; always none without "
                     "dates [h]");
  command.add_option("--missing", missing,
                     "What takes the place of cells without a number: error, previous, linear, "
                     "seasonal or drop-window [error; previous with --missing-code]");
  command.add_option("--missing-code", missing_code,
                     "A number that stands for none, such as -9999");
  command.add_option("--frequency", frequency,
                     "How rows follow each other, by pandas' names (15min, h, B, ME, QS, ...) "
                     "[as the times show]");
  command.add_flag("--strict-times", strict_times,
                   "Treat a repeated time stamp or a gap as an error, not as a warning");
}

void DataOptions::add_columns_to(CLI::App& command) {
  auto* chosen =
      command.add_option("--columns", columns, "Columns to read, by name: a,b,c [all of numbers]")
          ->delimiter(',')
          ->allow_extra_args(false);
  command.add_option("--ignore", ignored, "Columns to leave out, by name: a,b,c")
      ->excludes(chosen)
      ->delimiter(',')
      ->allow_extra_args(false);
}
void DataOptions::add_parts_to(CLI::App& command) {
  command.add_option("--protocol", protocol,
                     "Split of the rows: ett-hourly, ett-minute or custom (70 % / 10 % / 20 %)");
}
void DataOptions::add_stride_to(CLI::App& command) {
  command
      .add_option("--window-stride", stride, "Rows between the windows of training and validation")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}
void DataOptions::add_test_stride_to(CLI::App& command) {
  command
      .add_option("--test-stride", test_stride, "Rows between test windows; published errors use 1")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
}
CLI::Option* DataOptions::add_refit_to(CLI::App& command) {
  return command.add_flag(
      "--refit-scaler", refit_scaler,
      "Scale other series than the training data by their own training part, as "
      "zero-shot results in the literature do, and not as a deployed model does");
}

void DataOptions::add_known_to(CLI::App& command) {
  command.add_flag(
      "--known-covariates", known_covariates,
      "All columns but the target are known of the rows to forecast, such as prices of "
      "tomorrow; forecast reads them from --future");
}

std::string DataOptions::name() const {
  return synthetic ? "synthetic" : spat::utf8_text(spat::utf8_path(path).stem());
}

spat::SeriesOptions DataOptions::reading(spat::SeriesOptions how) const {
  const auto only_files = [&](const char* option, bool given) {
    if (given && synthetic)
      throw spat::ConfigError(
          message(option, " says how a file is read, and --synthetic reads none"));
  };
  only_files("--separator", separator.has_value()), only_files("--decimal", decimal.has_value());
  only_files("--thousands", thousands.has_value()), only_files("--header", header);
  only_files("--no-header", no_header), only_files("--time-column", time_column.has_value());
  only_files("--date-format", date_format.has_value());
  only_files("--long", long_columns.has_value());
  only_files("--missing", missing.has_value());
  only_files("--missing-code", missing_code.has_value());
  only_files("--strict-times", strict_times), only_files("--ignore", !ignored.empty());
  if (long_columns && no_header)
    throw spat::ConfigError("--no-header: --long names the columns of a header");
  if (long_columns && (!columns.empty() || !ignored.empty() || target))
    throw spat::ConfigError(
        "--long: the file has one column of values; --columns, --ignore and --target choose among "
        "many");
  const auto sign = [](const char* option, const std::string& text) {
    if (text == "tab" || text == "\\t") return '\t';
    if (text.size() != 1)
      throw spat::ConfigError(
          message(option, ": expected one sign or tab, found ", spat::in_quotes(text)));
    return text[0];
  };
  if (separator) how.csv.separator = sign("--separator", *separator);
  if (decimal) how.csv.decimal = sign("--decimal", *decimal);
  if (thousands) how.csv.thousands = sign("--thousands", *thousands);
  if (header) how.csv.header = spat::CsvOptions::Header::present;
  if (no_header) how.csv.header = spat::CsvOptions::Header::absent;
  if (time_column) how.time_column = *time_column;
  if (date_format)
    how.date_format = spat::parse_name("date format", *date_format, spat::time_forms);
  if (frequency) how.calendar = spat::parse_calendar(*frequency);
  if (missing_code) how.missing_code = missing_code;
  if (missing) how.missing = spat::parse_missing_rule(*missing);
  if (strict_times) how.irregular = spat::SeriesOptions::Irregular::error;
  return how;
}

void RangeOptions::add_to(CLI::App& command) {
  auto* all = command.add_flag("--whole", whole, "Forecast all rows, not the test part alone");
  command.add_option("--from", from, "First time to forecast; rows without times count from 1")
      ->excludes(all);
  command.add_option("--to", to, "Last time to forecast")->excludes(all);
}

namespace {

/// The first second of a time, or the last one of the day, month, quarter or year that it names.
std::optional<std::int64_t> second_of(const spat::Series& series, const std::string& text,
                                      bool last) {
  using spat::Calendar, spat::TimeForm;
  for (const TimeForm form : {series.time_format.form, TimeForm::ymd, TimeForm::year_month,
                              TimeForm::quarter, TimeForm::year}) {
    const auto found = spat::parse_time(form, text);
    if (!found) continue;
    if (!last || text.find(':') != text.npos) return found->seconds;
    Calendar period{.unit = Calendar::Unit::months};
    if (form == TimeForm::year_month || form == TimeForm::quarter || form == TimeForm::year)
      period.step = form == TimeForm::year ? 12 : form == TimeForm::quarter ? 3 : 1;
    else if (form <= TimeForm::compact)
      period = {.unit = Calendar::Unit::seconds, .step = Calendar::seconds_of_day};
    else
      return found->seconds;
    return period.after(found->seconds).value_or(found->seconds + 1) - 1;
  }
  return {};
}

}  // namespace

spat::Split RangeOptions::rows(const spat::Series& series) const {
  const auto time = [&](const char* option, const std::string& text, bool is_last) {
    const auto found = series.time_index == spat::TimeIndex::date
                           ? second_of(series, text, is_last)
                           : spat::parse_number<std::int64_t>(text);
    if (found) return *found;
    throw spat::ConfigError(
        message(option, ": ", spat::in_quotes(text), " is no time of the series"));
  };
  const auto row_of = [&](std::int64_t t, bool after) {
    if (series.times.empty())
      return static_cast<std::size_t>(
          std::clamp<std::int64_t>(after ? t : t - 1, 0, static_cast<std::int64_t>(series.rows())));
    const auto found = after ? std::ranges::upper_bound(series.times, t)
                             : std::ranges::lower_bound(series.times, t);
    return static_cast<std::size_t>(found - series.times.begin());
  };
  spat::Split rows{0, series.rows()};
  if (from) rows.begin = row_of(time("--from", *from, false), false);
  if (to) rows.end = row_of(time("--to", *to, true), true);
  if (rows.begin >= rows.end)
    throw spat::ConfigError(message("--from ", from.value_or("the first row"), " --to ",
                                    to.value_or("the last row"), ": no row lies between them"));
  return rows;
}

}  // namespace tool
