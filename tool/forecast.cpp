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
std::string forecast_csv(const std::string& model_file, const DataOptions& options) {
  const spat::SafetensorsFile file(model_file);
  spat::DataDescription data = spat::load_data_description(file);
  const spat::Series series = read_as(data, options);
  return spat::to_csv(
      architecture(file.metadata(spat::model_key)).forecast(model_file, data, series));
}

}  // namespace

Command add_forecast(CLI::App& app) {
  struct Options {
    std::string model, out;
    DataOptions data;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("forecast", "Forecast the rows after the end of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_series_to(command);
  command.add_option("--out", options->out, "CSV file to write [standard output]");
  return [options] {
    const std::string csv = forecast_csv(options->model, options->data);
    if (options->out.empty())
      std::fputs(csv.c_str(), stdout);
    else
      spat::write_file(options->out, csv);
  };
}

}  // namespace tool
