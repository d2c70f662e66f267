// spat forecast: forecasts the rows after the end of a series, in its own units, with the dates
// continued.
#include "architecture.hpp"

#include <spat/data/series_csv.hpp>
#include <spat/io/atomic_file.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

/// The forecast as CSV, in the units of the series.
std::string forecast_csv(const std::string& model_file, DataOptions options) {
  Described about = described(spat::SafetensorsFile(model_file));
  options.target.clear();  // columns are selected by name, in the order of the training
  const spat::Series series = read(options, about.data.names);
  about.data.window.marks = marks_of(series, about.choices.marks);
  return spat::to_csv(architecture(about.model).forecast(model_file, about.data, series));
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
  options->data.add_to(command);
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
