// spat forecast: forecasts the rows after the end of a series, in its own units, with the dates
// continued.
#include "architecture.hpp"

#include <spat/data/series_csv.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

/// The forecast as CSV, in the units of the series.
/// `levels` in percent: their intervals are further columns.
std::string forecast_csv(const std::string& model_file, const DataOptions& options,
                         std::vector<double> levels) {
  const spat::SafetensorsFile file(model_file);
  spat::DataDescription data = spat::load_data_description(file);
  const spat::Series series = read_as(data, options);
  spat::Series future =
      architecture(file.metadata(spat::model_key)).forecast(model_file, data, series);
  if (!levels.empty()) {
    for (double& level : levels) level /= 100;
    const auto saved = file.metadata().find(spat::intervals_key);
    if (saved == file.metadata().end())
      throw spat::ConfigError(message("--intervals: ", model_file, " has none"));
    future = spat::with_intervals(future, data.scaler,
                                  spat::intervals_from_json(saved->second, file.path()), levels);
  }
  return spat::to_csv(future);
}

}  // namespace

Command add_forecast(CLI::App& app) {
  struct Options {
    std::string model, out;
    std::vector<double> levels;
    DataOptions data;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("forecast", "Forecast the rows after the end of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_series_to(command);
  command
      .add_option("--intervals", options->levels,
                  "Levels of intervals in percent: 80,95; the model has those of 50, 80, 90, 95 "
                  "and 99")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--out", options->out, "CSV file to write [standard output]");
  return [options] {
    const std::string csv = forecast_csv(options->model, options->data, options->levels);
    if (options->out.empty())
      std::fputs(csv.c_str(), stdout);
    else
      spat::write_file(options->out, csv);
  };
}

}  // namespace tool
