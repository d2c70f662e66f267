// spat forecast: the rows after the end of a series, in its own units, with the dates continued.
#include "architecture.hpp"

#include <spat/data/latest_window.hpp>
#include <spat/io/atomic_file.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted.append("\"");
}

std::string forecast(const spat::SafetensorsFile& file, DataOptions options) {
  const Described about = described(file);
  const Architecture& model = architecture(about.model);
  options.target.clear();  // the file's columns are taken by name, in the order of the training
  const spat::Series series = read(options, about.names);
  spat::WindowOptions window = about.window;
  window.marks = marks_of(series, about.marks);
  spat::WindowBuffer<float> buffer;
  const Forecast y =
      model.forecast(file.path(), spat::latest_window(series, about.scaler, window, buffer));
  const std::size_t first = series.channels() - y.columns;  // those that are forecast are the last
  const bool indexed = !series.times.empty();
  const auto times = indexed ? spat::future_times(series, window.horizon)
                             : std::vector<std::int64_t>(window.horizon);
  std::string csv(indexed ? "date" : "step");
  for (std::size_t c = first; c < series.channels(); ++c)
    csv.append(",").append(cell(series.names[c]));
  for (std::size_t t = 0; t < window.horizon; ++t) {
    csv.append("\n");
    if (series.time_index == spat::TimeIndex::date)
      csv.append(spat::format_date_time(spat::to_date_time(times[t])));
    else
      csv.append(std::to_string(indexed ? times[t] : static_cast<std::int64_t>(t + 1)));
    for (std::size_t c = 0; c < y.columns; ++c) {
      const auto value = static_cast<double>(y.values[t * y.columns + c]);
      char number[40];
      std::snprintf(number, sizeof number, ",%.9g", about.scaler.inverse(value, first + c));
      csv.append(number);
    }
  }
  return csv.append("\n");
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
    const std::string csv = forecast(spat::SafetensorsFile(options->model), options->data);
    if (options->out.empty())
      std::fputs(csv.c_str(), stdout);
    else
      spat::write_file(options->out, csv);
  };
}

}  // namespace tool
