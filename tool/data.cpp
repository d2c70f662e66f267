// Reads, splits and describes the data of the tool's commands.
#include "data.hpp"

#include "read_data.hpp"
#include "scalers.hpp"

#include <spat/data/describe_panel.hpp>

namespace tool {

namespace {

using spat::Series, spat::Split, spat::Splits, spat::StandardScaler, spat::in_quotes;

std::optional<spat::Frequency> marks_of(const Series& series, const std::string& name) {
  if (name == "none" || series.time_index != spat::TimeIndex::date) return {};
  return spat::parse_frequency(name);
}

/// The columns that a model of these features reads: all, or the target alone.
void keep_inputs(Series& series, spat::Features features) {
  if (features == spat::Features::target)
    series = spat::select_columns(series, {series.names.back()});
}

Splits split(const spat::DataDescription& about, const Series& series) {
  return spat::split_rows(about.protocol, series.rows(), about.window.lookback,
                          about.window.horizon);
}
/// The parts of a series; errors begin with its file.
Splits parts(const Data& data, const Series& series) {
  return of_file(data.origin, [&] { return split(data.description, series); });
}

/// Keeps what `keep` is true of; says how many series of a long table are left out, and throws
/// DataError if all are.
template <class Keep>
void leave_out(Data& data, const DataOptions& options, Keep&& keep) {
  const std::size_t before = data.series.size();
  std::string problem;
  std::erase_if(data.series, [&](const Series& one) {
    try {
      keep(one);
      return false;
    } catch (const spat::DataError& error) {
      if (problem.empty())
        problem = message("series ", in_quotes(one.names[0]), ": ", error.what());
      return true;
    }
  });
  if (data.series.empty())
    throw spat::DataError(message(options.path, ": no series can be used: ", problem));
  if (const std::size_t left = before - data.series.size(); left > 0)
    warn_left_out(data.origin, left, before, problem);
}

/// Adds the windows of rows of each series; rows(s) are those of series s.
template <class RowsOf>
std::unique_ptr<spat::WindowDataset<float>> windows(const Data& data, std::size_t stride,
                                                    RowsOf&& rows) {
  spat::WindowOptions strided = data.description.window;
  strided.stride = stride;
  return of_file(data.origin, [&] {
    std::unique_ptr<spat::WindowDataset<float>> all;
    for (std::size_t s = 0; s < data.series.size(); ++s)
      if (all)
        all->add(data.series[s], data.scalers[s], rows(s));
      else
        all = std::make_unique<spat::WindowDataset<float>>(data.series[s], data.scalers[s], rows(s),
                                                           strided);
    return all;
  });
}

void make_windows(Data& data, const DataOptions& options) {
  const auto of = [&](Split Splits::*part) {
    return [&data, part](std::size_t s) { return split(data.description, data.series[s]).*part; };
  };
  data.training = windows(data, options.stride, of(&Splits::train));
  data.validation = windows(data, options.stride, of(&Splits::validation));
  data.test = windows(data, options.test_stride, of(&Splits::test));
}

/// How the series was read, on top of what describe_series() knows.
void keep_reading(spat::DataDescription& to, const spat::SeriesOptions& how) {
  to.missing_code = how.missing_code;
  to.missing = how.missing_rule();
  to.csv = how.csv;
  to.time_column = how.time_column;
  if (how.date_format) to.date_format = how.date_format;
}

/// Describes the series of `data` anew, with its scalers and windows.
void describe(Data& data, const spat::SeriesOptions& how,
              const std::optional<spat::LongColumns>& columns, bool alone) {
  const spat::DataDescription old = data.description;
  const spat::Calendar calendar = how.calendar.value_or(spat::Calendar());
  if (alone) {
    const spat::Panel panel{.series = data.series, .columns = *columns};
    data.description =
        spat::describe_panel(panel, data.scalers, old.window, old.protocol, calendar);
  } else {
    data.description =
        spat::describe_series(data.series[0], data.scalers[0], old.window, old.protocol, calendar);
    data.description.long_columns = columns;
  }
  keep_reading(data.description, how);
}

}  // namespace

void warn_left_out(const std::string& origin, std::size_t left, std::size_t all,
                   const std::string& problem) {
  say(message("warning: ", origin, ": ", left, " of ", all, " series ",
              left == 1 ? "is left out: " : "are left out, first of all ", problem));
}

double Data::filled_share() const {
  spat::MissingCells all;
  for (const Series& one : series) {
    const spat::MissingCells here = spat::missing_cells(one);
    all.cells += here.cells, all.filled += here.filled;
  }
  return all.share();
}

spat::DataDescription Data::description_of(std::size_t s) const {
  return description.alone ? spat::of_series(description, series[s].names[0], scalers[s])
                           : description;
}

Data load(const DataOptions& options, spat::WindowOptions window, const ModelTraits& model) {
  expect_data(options);
  spat::SeriesOptions how = options.reading();
  how.target = options.target.value_or("");
  how.columns = options.columns;
  how.ignored = options.ignored;
  Data data;
  data.name = options.name(), data.origin = options.origin();
  const auto columns = options.long_columns
                           ? std::optional(spat::parse_long_columns(*options.long_columns))
                           : std::nullopt;
  const bool alone = columns && model.channels_alone;
  if (columns)
    data.series = read_long(options, how, *columns, alone);
  else
    data.series.push_back(read_wide(options, how));
  if (!alone) keep_inputs(data.series[0], window.features);
  window.marks = marks_of(data.series[0], options.marks.value_or("h"));
  if (!window.marks && (model.needs_marks || options.marks.value_or("none") != "none"))
    throw spat::ConfigError(message(
        options.path, ": ",
        options.marks == "none" ? "--marks none: " : "there are no dates to make time marks of: ",
        model.needs_marks ? "the model needs time marks; itransformer, patchtst and others do not"
                          : "without --marks the model is trained without them",
        "; --time-column names a column of dates"));
  window.stride = options.stride;
  window.skip_filled = how.missing_rule() == spat::MissingRule::drop_window;
  window.known_covariates = options.known_covariates;
  if (options.known_covariates) {
    const auto refuse = [](const char* why) {
      throw spat::ConfigError(message("--known-covariates: ", why));
    };
    if (!model.takes_known_covariates)
      refuse(
          "the model reads all columns over the same rows; timexer can read what is known of "
          "the rows to forecast");
    if (window.features != spat::Features::target_from_all)
      refuse("needs --features MS, the last column from all");
    if (data.series[0].channels() < 2) refuse("there is no column but the target");
  }
  if (alone && window.features != spat::Features::all)
    throw spat::ConfigError(
        "--features has no effect with --long: the model forecasts each series from itself");
  data.description.window = window;
  data.description.protocol = spat::parse_protocol(options.protocol.value_or("custom"));
  if (alone)
    leave_out(data, options, [&](const Series& one) { (void)split(data.description, one); });
  data.scalers =
      fitted(data.series, [&](std::size_t s) { return parts(data, data.series[s]).train; });
  data.scaler = "the training part of this series";
  describe(data, how, columns, alone);
  make_windows(data, options);
  return data;
}

namespace {

Data read_as(const spat::DataDescription& like, const DataOptions& options) {
  expect_data(options);
  expect_no_contradiction(options, like);
  Data data;
  data.name = options.name(), data.origin = options.origin();
  data.description = like;
  spat::SeriesOptions how = options.reading(spat::reading_options(like));
  if (how.calendar) data.description.calendar = *how.calendar;
  data.description.missing = how.missing_rule();
  data.description.window.skip_filled = data.description.missing == spat::MissingRule::drop_window;
  if (like.long_columns) {
    const auto columns =
        options.long_columns ? spat::parse_long_columns(*options.long_columns) : *like.long_columns;
    data.description.long_columns = columns;
    how.columns.clear();
    data.series = read_long(options, how, columns, like.alone);
    if (!like.alone)
      data.series[0] = spat::select_columns(data.series[0], like.names, "", options.path);
  } else {
    data.series.push_back(read_wide(options, how));
  }
  const auto expect_calendar = [&](const Series& one) {
    spat::expect_calendar(data.description.calendar, one, like.window.lookback);
  };
  try {
    if (like.alone)
      leave_out(data, options, expect_calendar);
    else
      expect_calendar(data.series[0]);
  } catch (const spat::DataError& error) {
    throw spat::DataError(
        message(data.origin, ": ", error.what(), "; --frequency overrides what the model knows"));
  }
  return data;
}

}  // namespace

Data load_latest(const spat::DataDescription& like, const DataOptions& options) {
  Data data = read_as(like, options);
  if (like.alone)
    leave_out(data, options, [&](const Series& one) {
      if (one.rows() < like.window.lookback)
        throw spat::DataError(
            message("a forecast needs ", like.window.lookback, " rows, found ", one.rows()));
    });
  choose_scalers(data, options, like, FarSeries::ignore, [&](std::size_t s) {
    return Split{0, data.series[s].rows()};
  });
  return data;
}

Data load_as(const spat::DataDescription& like, const DataOptions& options,
             const Purpose& purpose) {
  Data data = read_as(like, options);
  spat::DataDescription& about = data.description;
  if (options.protocol) about.protocol = spat::parse_protocol(*options.protocol);
  if (purpose.range && purpose.range->given()) {
    if (options.refit_scaler || options.protocol)
      throw spat::ConfigError(
          "--whole, --from and --to choose the rows to forecast: there is no training part for "
          "--refit-scaler, and no --protocol");
    const auto rows = [&](const Series& one) {
      const Split asked = purpose.range->rows(one);
      const std::size_t first = std::max(asked.begin, about.window.lookback);
      if (first > asked.end || asked.end - first < about.window.horizon)
        throw spat::DataError(message("one forecast needs ", about.window.horizon,
                                      " rows after a lookback of ", about.window.lookback,
                                      ", found ", asked.end - std::min(first, asked.end)));
      return Split{first - about.window.lookback, asked.end};
    };
    if (about.alone) leave_out(data, options, rows);
    const auto rows_of = [&](std::size_t s) { return rows(data.series[s]); };
    of_file(data.origin, [&] { choose_scalers(data, options, like, purpose.far, rows_of); });
    data.test = windows(data, options.test_stride, rows_of);
    return data;
  }
  if (about.alone) leave_out(data, options, [&](const Series& one) { (void)split(about, one); });
  choose_scalers(data, options, like, purpose.far,
                 [&](std::size_t s) { return parts(data, data.series[s]).train; });
  about.window.stride = options.stride;
  spat::SeriesOptions how = spat::reading_options(about);
  how.calendar = about.calendar;
  describe(data, how, about.long_columns, about.alone);
  make_windows(data, options);
  return data;
}

std::vector<Data> load_others(const std::vector<std::string>& files, const DataOptions& options,
                              const Data& like) {
  std::vector<Data> others;
  for (const std::string& file : files) {
    DataOptions other = options;
    std::size_t colon = file.rfind(':');
    if (colon == 1 && file.find_first_of("/\\", 2) == 2) colon = file.npos;  // a drive: C:/a.csv
    other.path = file.substr(0, colon);
    other.synthetic = false;
    other.protocol.reset(), other.target.reset(), other.marks.reset();
    other.missing_code.reset(), other.frequency.reset(), other.missing.reset();
    other.long_columns.reset();
    if (colon != std::string::npos) other.protocol = file.substr(colon + 1);
    others.push_back(load_as(like.description, other));
  }
  return others;
}

}  // namespace tool
