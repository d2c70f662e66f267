// Reads, splits and describes the data of the tool's commands.
#include "data.hpp"

#include <spat/data/read_series.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/models/forecast.hpp>

#include <CLI/CLI.hpp>

#include <cmath>
#include <filesystem>

namespace tool {

void DataOptions::add_training_to(CLI::App& command) {
  add_series_to(command);
  add_columns_to(command);
  add_parts_to(command);
  add_stride_to(command);
  add_test_stride_to(command);
  add_refit_to(command);
}
void DataOptions::add_series_to(CLI::App& command) {
  auto* file = command.add_option(
      "--data", path,
      "CSV file: a date column (or an integer index, or none), then one column per channel");
  auto* made = command.add_flag("--synthetic", synthetic,
                                "Use the embedded synthetic series instead of a file");
  file->excludes(made);
  command.add_option("--rows", rows, "Rows of the synthetic series")
      ->needs(made)
      ->capture_default_str();
  command.add_option("--separator", separator,
                     "Sign between fields: a comma, ;, | or tab [found by looking]");
  command.add_option("--decimal", decimal,
                     "Sign before fractions: . or a comma [found by looking]");
  command.add_option("--thousands", thousands, "Sign between groups of digits [none]");
  auto* names = command.add_flag("--header", header,
                                 "The first line has names [if it holds anything but numbers and "
                                 "times]");
  command.add_flag("--no-header", no_header, "The first line has no names")->excludes(names);
  command.add_option("--time-column", time_column,
                     "Column of times; \"date+time\" if the clock is in another; or none [found "
                     "by looking]");
  command.add_option("--date-format", date_format,
                     "How dates are written that can be read in two ways: dmy or mdy; or ymd, "
                     "yyyymmdd, year-month, quarter, year, epoch-seconds, epoch-milliseconds, "
                     "excel [found by looking]");
  command.add_option("--target", target,
                     "Target column, which is moved to the end as in the reference");
  command.add_option("--marks", marks,
                     "Frequency of the time marks: h, t, d, ..., or none; always none without "
                     "dates [h]");
  command.add_option("--missing-code", missing_code,
                     "Replace cells of this value, such as -9999, by the value before");
  command.add_option("--frequency", frequency,
                     "How rows follow each other, by pandas' names (15min, h, B, ME, QS, ...) "
                     "[as the times show]");
  command.add_flag("--strict-times", strict_times,
                   "Treat a repeated time stamp or a gap as an error, not as a warning");
}

void DataOptions::add_columns_to(CLI::App& command) {
  command.add_option("--columns", columns, "Columns to read, by name: a,b,c [all of numbers]")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--ignore", ignored, "Columns to leave out, by name: a,b,c")
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
void DataOptions::add_refit_to(CLI::App& command) {
  command.add_flag("--refit-scaler", refit_scaler,
                   "Scale other series than the training data by their own training part, as "
                   "zero-shot results in the literature do, and not as a deployed model does");
}

namespace {

/// Reads the columns of these names in this order; all of a file without them.
spat::Series read(const DataOptions& options, const spat::SeriesOptions& how) {
  if (options.path.empty() && !options.synthetic)
    throw spat::ConfigError("--data FILE or --synthetic is needed");
  if (!options.synthetic) {
    spat::Series series = spat::read_series(options.path, how);
    for (const std::string& note : series.notes) say(note);
    for (const std::string& warning : series.warnings) say(message("warning: ", warning));
    return series;
  }
  return spat::select_columns(spat::synthetic_series(options.rows), how.columns, how.target,
                              "--synthetic");
}

/// What the options choose of a file's form, on top of `how`.
spat::SeriesOptions reading(const DataOptions& options, spat::SeriesOptions how = {}) {
  const auto sign = [](const char* option, const std::string& text) {
    if (text == "tab" || text == "\\t") return '\t';
    if (text.size() != 1)
      throw spat::ConfigError(
          message(option, ": expected one sign or tab, found ", spat::in_quotes(text)));
    return text[0];
  };
  if (options.separator) how.csv.separator = sign("--separator", *options.separator);
  if (options.decimal) how.csv.decimal = sign("--decimal", *options.decimal);
  if (options.thousands) how.csv.thousands = sign("--thousands", *options.thousands);
  if (options.header) how.csv.header = spat::CsvOptions::Header::present;
  if (options.no_header) how.csv.header = spat::CsvOptions::Header::absent;
  if (options.time_column) how.time_column = *options.time_column;
  if (options.date_format)
    how.date_format = spat::parse_name("date format", *options.date_format, spat::time_forms);
  if (options.frequency) how.calendar = spat::parse_calendar(*options.frequency);
  if (options.strict_times) how.irregular = spat::SeriesOptions::Irregular::error;
  return how;
}

std::optional<spat::Frequency> marks_of(const spat::Series& series, const std::string& name) {
  if (name == "none" || series.time_index != spat::TimeIndex::date) return {};
  return spat::parse_frequency(name);
}

/// The columns that a model of these features reads: all, or the target alone.
void keep_inputs(spat::Series& series, spat::Features features) {
  if (features == spat::Features::target)
    series = spat::select_columns(series, {series.names.back()});
}

std::string name_of(const DataOptions& options) {
  return options.synthetic ? "synthetic" : std::filesystem::path(options.path).stem().string();
}

/// The scaler of the training rows.
spat::StandardScaler fitted(const spat::Series& series, spat::Split rows) {
  auto scaler = spat::StandardScaler::fit(series.view(), rows);
  const auto constant = scaler.constant_columns();
  if (!constant.empty())
    say(message("warning: column ", spat::in_quotes(series.names[constant[0]]),
                constant.size() == 1 ? " is" : message(" and ", constant.size() - 1, " more are"),
                " constant in the training part; a deviation of 1 takes the place of 0"));
  return scaler;
}

/// Whether the level of a column lies more than three deviations from where the scaler has it, or
/// its deviation is three times larger; says so.
bool is_far(const spat::DataDescription& trained, const spat::Series& series, spat::Split rows,
            bool learns) {
  constexpr double far = 3;
  const auto here = spat::StandardScaler::fit(series.view(), rows);
  double farthest = far;
  std::size_t column = series.channels();
  for (std::size_t c = 0; c < series.channels(); ++c) {
    const double shift = std::abs(trained.scaler.transform(here.mean()[c], c)),
                 spread = here.deviation()[c] / trained.scaler.deviation()[c];
    if (const double distance = std::max(shift, spread); distance > farthest)
      farthest = distance, column = c;
  }
  if (column == series.channels()) return false;
  say(message("warning: column ", spat::in_quotes(series.names[column]), " lies ",
              std::round(farthest),
              " deviations from that of the data that the model was trained on: ",
              learns ? "the scaler is fitted anew" : "it has not learned such numbers"));
  return true;
}

void make_windows(Data& data, const spat::Splits& splits, const DataOptions& options) {
  const auto windows = [&](spat::Split rows, std::size_t stride) {
    spat::WindowOptions strided = data.description.window;
    strided.stride = stride;
    return std::make_unique<spat::WindowDataset<float>>(data.series, data.description.scaler, rows,
                                                        strided);
  };
  data.training = windows(splits.train, options.stride);
  data.validation = windows(splits.validation, options.stride);
  data.test = windows(splits.test, options.test_stride);
}

spat::Splits parts(const spat::DataDescription& data, const spat::Series& series) {
  return spat::split_rows(data.protocol, series.rows(), data.window.lookback, data.window.horizon);
}

/// Throws ConfigError if an option says something else than the model's file.
void expect_no_contradiction(const DataOptions& options, const spat::DataDescription& trained) {
  const auto check = [](const char* option, const auto& given, const auto& saved, bool same) {
    if (given && !same)
      throw spat::ConfigError(message(option, " ", *given,
                                      " contradicts the model, which was trained with ", option,
                                      " ", saved));
  };
  const std::string none = "none";
  const std::string marks =
      trained.window.marks ? std::string(spat::frequency_name(*trained.window.marks)) : none;
  check("--marks", options.marks, marks,
        options.marks && (*options.marks == none
                              ? marks == none
                              : trained.window.marks == spat::parse_frequency(*options.marks)));
  check("--target", options.target, trained.names.back(), options.target == trained.names.back());
  check("--missing-code", options.missing_code,
        trained.missing_code ? message(*trained.missing_code) : none,
        options.missing_code == trained.missing_code);
}

}  // namespace

Data load(const DataOptions& options, spat::WindowOptions window) {
  spat::SeriesOptions how = reading(options);
  how.target = options.target.value_or("");
  how.columns = options.columns;
  how.ignored = options.ignored;
  how.missing_code = options.missing_code;
  Data data{.name = name_of(options),
            .series = read(options, how),
            .description = {},
            .training = {},
            .validation = {},
            .test = {}};
  keep_inputs(data.series, window.features);
  window.marks = marks_of(data.series, options.marks.value_or("h"));
  if (!window.marks && options.marks.value_or("none") != "none")
    throw spat::ConfigError(message("--marks ", *options.marks, ": ", data.name,
                                    " has no dates to make time marks of; without --marks the "
                                    "model is trained without them"));
  window.stride = options.stride;
  spat::DataDescription& about = data.description;
  about = spat::describe_series(data.series, {}, window,
                                spat::parse_protocol(options.protocol.value_or("custom")),
                                how.calendar.value_or(spat::Calendar()));
  about.missing_code = options.missing_code;
  about.csv = how.csv;
  about.time_column = how.time_column;
  if (how.date_format) about.date_format = how.date_format;
  const spat::Splits splits = parts(about, data.series);
  about.scaler = fitted(data.series, splits.train);
  make_windows(data, splits, options);
  return data;
}

spat::Series read_as(spat::DataDescription& like, const DataOptions& options) {
  expect_no_contradiction(options, like);
  const spat::SeriesOptions how = reading(options, spat::reading_options(like));
  if (how.calendar) like.calendar = *how.calendar;
  spat::Series series = read(options, how);
  try {
    spat::expect_calendar(like.calendar, series, like.window.lookback);
  } catch (const spat::DataError& error) {
    throw spat::DataError(message(name_of(options), ": ", error.what(),
                                  "; --frequency overrides what the model knows"));
  }
  return series;
}

Data load_as(const spat::DataDescription& like, const DataOptions& options, bool learns) {
  Data data{.name = name_of(options),
            .series = {},
            .description = like,
            .training = {},
            .validation = {},
            .test = {}};
  data.series = read_as(data.description, options);
  spat::DataDescription& about = data.description;
  if (options.protocol) about.protocol = spat::parse_protocol(*options.protocol);
  const spat::Splits splits = parts(about, data.series);
  if (options.refit_scaler || (is_far(about, data.series, splits.train, learns) && learns))
    about.scaler = fitted(data.series, splits.train);
  spat::WindowOptions window = about.window;
  window.stride = options.stride;
  spat::DataDescription here =
      spat::describe_series(data.series, about.scaler, window, about.protocol, about.calendar);
  here.missing_code = about.missing_code;
  here.csv = about.csv;
  here.time_column = about.time_column;
  if (about.date_format) here.date_format = about.date_format;
  about = std::move(here);
  make_windows(data, splits, options);
  return data;
}

std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like) {
  std::vector<Data> others;
  for (const std::string& file : files) {
    DataOptions other = options;
    const std::size_t colon = file.rfind(':');
    other.path = file.substr(0, colon);
    other.synthetic = false;
    other.protocol.reset(), other.target.reset(), other.marks.reset();
    other.missing_code.reset(), other.frequency.reset();
    if (colon != std::string::npos) other.protocol = file.substr(colon + 1);
    others.push_back(load_as(like.description, other));
  }
  return others;
}

}  // namespace tool
