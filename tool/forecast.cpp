// spat forecast: forecasts the rows after the end of a series, in its own units, with the dates
// continued.
#include "architecture.hpp"

#include <spat/data/panel_csv.hpp>
#include <spat/data/series_csv.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

struct ForecastOptions {
  std::string model, out, future;
  std::vector<double> levels;  // in percent
  DataOptions data;
};

/// What --future says of the rows to forecast. Throws ConfigError if the model reads nothing of it,
/// or needs it.
spat::KnownFuture read_future(const ForecastOptions& o, const Data& data) {
  const spat::WindowOptions& window = data.description.window;
  if (o.future.empty()) {
    if (window.known_covariates)
      throw spat::ConfigError(
          "the model reads covariates of the rows to forecast: --future FILE has them");
    return {};
  }
  if (!window.known_covariates && !window.marks)
    throw spat::ConfigError(message("--future ", o.future,
                                    ": the model reads neither covariates nor time marks of the "
                                    "rows to forecast"));
  if (data.series.size() != 1)
    throw spat::ConfigError(
        message("--future ", o.future, ": the model forecasts each series alone"));
  spat::SeriesOptions how = o.data.reading(spat::reading_options(data.description));
  how.columns.clear();
  if (window.known_covariates)
    how.columns.assign(data.description.names.begin(), data.description.names.end() - 1);
  else
    how.times_only = true;
  try {
    return spat::known_future(data.description, data.series[0], spat::read_series(o.future, how));
  } catch (const spat::DataError& error) {
    throw spat::DataError(message("--future ", o.future, ": ", error.what()));
  }
}

/// Adds the ends of the intervals of the model's file to each forecast.
void add_intervals(std::vector<spat::Series>& futures, const Data& data,
                   const spat::SafetensorsFile& file, std::vector<double> levels) {
  if (levels.empty()) return;
  for (double& level : levels) level /= 100;
  const auto saved = file.metadata().find(spat::intervals_key);
  if (saved == file.metadata().end())
    throw spat::ConfigError(message("--intervals: ", file.path(), " has none"));
  const auto intervals = spat::intervals_from_json(saved->second, file.path());
  for (std::size_t s = 0; s < futures.size(); ++s)
    futures[s] = spat::with_intervals(futures[s], data.scalers[s], intervals, levels);
}

/// A forecast of series side by side as one series each, with its intervals.
std::vector<spat::Series> apart(const spat::Series& wide, const std::vector<double>& levels,
                                std::size_t channels) {
  std::vector<spat::Series> all;
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<std::string> names{wide.names[c]}, short_names = names;
    for (const double level : levels)
      for (const char* const end : {"_low", "_high"}) {
        short_names.push_back(message(level, end));
        names.push_back(message(wide.names[c], "_", short_names.back()));
      }
    all.push_back(spat::select_columns(wide, names));
    all.back().names = short_names;
  }
  return all;
}

std::string forecast_csv(const ForecastOptions& o) {
  const spat::SafetensorsFile file(o.model);
  const Data data = load_latest(spat::load_data_description(file), o.data);
  const spat::KnownFuture known = read_future(o, data);
  auto futures = of_file(data.origin, [&] {
    return architecture(file.metadata(spat::model_key)).forecast(o.model, data, known);
  });
  const std::size_t channels = futures[0].channels();
  add_intervals(futures, data, file, o.levels);
  if (!data.description.long_columns) return spat::to_csv(futures[0]);
  if (data.description.alone)
    for (spat::Series& one : futures)
      for (std::size_t c = 1; c < one.channels(); ++c)
        one.names[c] = one.names[c].substr(one.names[0].size() + 1);  // 80_low of x_80_low
  else
    futures = apart(futures[0], o.levels, channels);
  return spat::to_long_csv(futures, *data.description.long_columns);
}

}  // namespace

Command add_forecast(CLI::App& app) {
  const auto options = std::make_shared<ForecastOptions>();
  CLI::App& command =
      *app.add_subcommand("forecast", "Forecast the rows after the end of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.season_counts = false;
  options->data.add_series_to(command);
  options->data.add_values_to(command);
  options->data.add_quiet_to(command, /*with_progress*/ false);
  command
      .add_option("--intervals", options->levels,
                  "Levels of intervals in percent: 80,95; the model has those of 50, 80, 90, 95 "
                  "and 99")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--future", options->future,
                     "CSV file of what is known of the rows to forecast: covariates, if the model "
                     "was trained with --known-covariates, and times");
  command.add_option("--out", options->out, "CSV file to write [standard output]");
  return [options] {
    const std::string csv = forecast_csv(*options);
    if (options->out.empty())
      std::fputs(csv.c_str(), stdout);
    else
      spat::write_file(options->out, csv);
  };
}

}  // namespace tool
