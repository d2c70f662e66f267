// spat forecast: the rows after the end of a series, in its own units, with the dates continued.
#include "tool.hpp"

#include <cstdio>

namespace tool {

namespace {

std::string cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted.append("\"");
}

template <class Model>
std::string forecast(const std::string& path, const Described& about, DataOptions options) {
  const Model model = spat::load_model<Model>(path);
  options.target.clear();  // the file's columns are taken by name, in the order of the training
  const spat::Series series = read(options, options.synthetic ? std::vector<std::string>{} : about.names);
  spat::WindowBuffer<float> buffer;
  const spat::WindowOptions window{
      .lookback = model.config().lookback, .horizon = model.config().horizon, .marks = marks_of(series, about.marks)};
  const auto batch = spat::latest_window(series, about.scaler, window, buffer);
  spat::Predictor<Model> predictor(model);
  const auto y = predictor.forecast(batch);
  const bool indexed = !series.times.empty();
  const auto times = indexed ? spat::future_times(series, window.horizon) : std::vector<std::int64_t>(window.horizon);
  std::string csv(indexed ? "date" : "step");
  for (const std::string& name : series.names) csv.append(",").append(cell(name));
  for (std::size_t t = 0; t < y.rows(); ++t) {
    csv.append("\n");
    if (series.time_index == spat::TimeIndex::date)
      csv.append(spat::format_date_time(spat::to_date_time(times[t])));
    else
      csv.append(std::to_string(indexed ? times[t] : static_cast<std::int64_t>(t + 1)));
    for (std::size_t c = 0; c < y.cols(); ++c) {
      char number[40];
      std::snprintf(number, sizeof number, ",%.9g", about.scaler.inverse(static_cast<double>(y.row(t)[c]), c));
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
  CLI::App& command = *app.add_subcommand("forecast", "Forecast the rows after the end of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_to(command);
  command.add_option("--out", options->out, "CSV file to write [standard output]");
  return [options] {
    const spat::SafetensorsFile file(options->model);
    const Described about = described(file);
    with_model(file.metadata(spat::model_key), [&]<class Model>() {
      const std::string csv = forecast<Model>(options->model, about, options->data);
      if (options->out.empty())
        std::fputs(csv.c_str(), stdout);
      else
        spat::write_file(options->out, csv);
    });
  };
}

}  // namespace tool
