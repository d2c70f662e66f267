// spat export --onnx: writes a model as an ONNX file, and compares its forecasts with the model's.
#include "export.hpp"
#include "onnx_runtime.hpp"

#include <spat/core/random.hpp>
#include <spat/data/time_features.hpp>
#include <spat/export/onnx/onnx_model.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/models/checkpoint.hpp>

#include <cmath>
#include <cstdio>
#include <limits>

namespace tool {

namespace {

/// One export: what is written, and of what.
struct OnnxExport {
  const ExportOptions& options;
  const spat::SafetensorsFile& file;
  const Architecture& model;
  spat::DataDescription data = {};
  spat::ForecastGraph graph = {};

  [[nodiscard]] const spat::GraphValue& output() const { return graph.at(graph.output); }
  /// The input of this name; null if the graph has none.
  [[nodiscard]] const spat::GraphValue* input(const std::string& name) const {
    for (const spat::GraphId id : graph.inputs)
      if (graph.at(id).name == name) return &graph.at(id);
    return nullptr;
  }
  [[nodiscard]] const char* units() const {
    return options.scaled ? "in scaled units" : "in the units of the series";
  }
  /// The first of the data's channels that is one of the last `count`.
  [[nodiscard]] std::size_t first_of(std::size_t count) const {
    return data.scaler.channels() - std::min(data.scaler.channels(), count);
  }
};

/// The data description. A file without one can be exported without the scaler.
spat::DataDescription data_of(const ExportOptions& o, const spat::SafetensorsFile& file) {
  if (file.metadata().contains(spat::data_key)) return spat::load_data_description(file);
  if (o.scaled) return {};
  throw spat::ConfigError(message(file.path(), ": has no data description, so that its scaler is ",
                                  "unknown: export it with --scaled"));
}

std::string joined(std::span<const std::string> names) {
  std::string text;
  for (const std::string& name : names) text.append(message(text.empty() ? "" : ", ", name));
  return text;
}

/// A sentence with the names of the last `count` channels; nothing if they are not known, or stand
/// for series that are forecast alone.
std::string channels_text(const OnnxExport& e, std::size_t count) {
  const auto& names = e.data.names;
  if (e.data.alone || names.size() < count) return {};
  return message(" Channels: ", joined(std::span(names).last(count)), ".");
}

/// What each input and the output is, in words.
std::map<std::string, std::string> descriptions_of(const OnnxExport& e) {
  std::map<std::string, std::string> all;
  const auto &history = e.input("history")->shape, &forecast = e.output().shape;
  std::string& text = all["history"];
  text = message("The last ", history[0], " rows of the series, the latest one last, ", e.units(),
                 ".", channels_text(e, history[1]));
  if (e.data.window.known_covariates)
    text.append(message(" All but the last are known beforehand: their rows are those ",
                        forecast[0], " rows later, up to the last row to forecast."));
  const auto marks = [&](const char* name, const char* rows) {
    if (!e.input(name)) return;
    all[name] = message("The time marks of ", rows, ", each from -0.5 to 0.5",
                        e.data.window.marks
                            ? message(", of frequency ", spat::frequency_name(*e.data.window.marks))
                            : std::string(),
                        ".");
  };
  marks("history_marks", "these rows");
  marks("future_marks", "the rows to forecast");
  all["forecast"] = message("The ", forecast[0], " rows after the history, ", e.units(), ".",
                            channels_text(e, forecast[1]));
  return all;
}

spat::OnnxOptions texts_of(const OnnxExport& e) {
  spat::OnnxOptions texts{.value_descriptions = descriptions_of(e)};
  texts.description =
      message("A forecast by the model ", e.model.name, ", for a batch of windows of any size. ",
              e.options.scaled ? "Numbers are in scaled units, (x - mean) / deviation, with mean "
                                 "and deviation of each channel in the metadata spat.data."
                               : "Numbers are in the units of the series: the scaler is part of "
                                 "the graph.");
  return texts;
}

std::map<std::string, std::string> metadata_of(const OnnxExport& e) {
  std::map<std::string, std::string> all;
  for (const auto& [key, value] : e.file.metadata())
    if (key.starts_with("spat.") && key != spat::weights_key) all[key] = value;  // these are float
  all["spat.units"] = e.options.scaled ? "scaled" : "series";
  return all;
}

/// Three windows of noise around the scaler's means, in the units of the ONNX file, with the marks
/// that the model takes.
std::vector<OnnxInput> noise_for(const OnnxExport& e) {
  constexpr std::size_t windows = 3;
  const auto& history = e.input("history")->shape;
  std::vector<OnnxInput> inputs{{.name = "history", .shape = {windows, history[0], history[1]}}};
  Configuration sizes = e.model.inspect(e.options.model).configuration;
  if (const std::size_t* marks = find(sizes, "marks"); marks && *marks > 0) {
    inputs.push_back({.name = "history_marks", .shape = {windows, history[0], *marks}});
    inputs.push_back({.name = "future_marks", .shape = {windows, e.output().shape[0], *marks}});
  }
  spat::Random random(1);
  for (OnnxInput& input : inputs) {
    const bool marks = input.name != "history";
    const std::size_t channels = input.shape[2], first = e.first_of(channels);
    for (std::size_t i = 0; i < windows * input.shape[1] * channels; ++i) {
      const double z = marks ? random.uniform(-0.5, 0.5) : random.normal();
      input.numbers.push_back(static_cast<float>(
          marks || e.options.scaled ? z : e.data.scaler.inverse(z, first + i % channels)));
    }
  }
  return inputs;
}

/// The model's own forecast of these inputs, in the units of the ONNX file.
std::vector<double> own_forecast(const OnnxExport& e, std::vector<OnnxInput> inputs) {
  const auto &history = e.input("history")->shape, &target = e.output().shape;
  spat::WindowBatch<float> batch{
      .samples = inputs[0].shape[0], .lookback = history[0], .horizon = target[0]};
  for (OnnxInput& input : inputs) {
    const std::size_t columns = input.shape.back();
    const spat::Rows<float> rows(input.numbers.data(), input.numbers.size() / columns, columns);
    if (input.name == "history") {
      if (!e.options.scaled) e.data.scaler.transform(rows, e.first_of(columns));
      batch.history = rows;
    }
    if (input.name == "history_marks") batch.history_marks = rows;
    if (input.name == "future_marks") batch.future_marks = rows;
  }
  std::vector<double> forecast;
  for (const float number : e.model.forecast_windows(e.options.model, batch)) {
    const auto z = static_cast<double>(number);
    const std::size_t channel = e.first_of(target[1]) + forecast.size() % target[1];
    forecast.push_back(e.options.scaled ? z : e.data.scaler.inverse(z, channel));
  }
  return forecast;
}

/// The forecasts of one target: how far those of ONNX Runtime are off.
struct Differences {
  double largest = 0, low = std::numeric_limits<double>::infinity(), high = -low;
  [[nodiscard]] double range() const { return high - low; }
  /// 1e-5 of the range, and what two roundings to float take at the level of the numbers.
  [[nodiscard]] double allowed() const {
    constexpr auto rounding = static_cast<double>(std::numeric_limits<float>::epsilon());
    return spat::multiply_add(1e-5, range(), 2 * rounding * std::max(-low, high));
  }
};

/// Runs the file in ONNX Runtime. Returns what to say of it. Throws NumericError if a forecast is
/// further from the model's own than it may be.
std::string verified(const OnnxExport& e, const std::string& bytes) {
  const std::vector<OnnxInput> inputs = noise_for(e);
  const std::vector<double> right = own_forecast(e, inputs);
  std::vector<OnnxInput> read = inputs;
  std::erase_if(read, [&](const OnnxInput& input) { return !e.input(input.name); });
  const OnnxRun run = run_onnx(bytes, read);
  if (run.output.size() != right.size())
    throw spat::NumericError(message(e.options.onnx, ": not written: the forecast of ", run.runtime,
                                     " has ", run.output.size(), " numbers, that of spat ",
                                     right.size()));
  const std::size_t targets = e.output().shape[1];
  std::vector<Differences> all(targets);
  const auto reach = [&](std::size_t target, double number) {
    all[target].low = std::min(all[target].low, number);
    all[target].high = std::max(all[target].high, number);
  };
  for (std::size_t i = 0; i < right.size(); ++i) {
    const double off = std::abs(static_cast<double>(run.output[i]) - right[i]);
    Differences& target = all[i % targets];
    if (!(off <= target.largest)) target.largest = off;  // a NaN stays
    reach(i % targets, right[i]);
  }
  const std::size_t channels = inputs[0].shape.back();
  for (std::size_t i = 0; i < inputs[0].numbers.size(); ++i)
    if (i % channels >= channels - std::min(channels, targets))
      reach(i % channels - (channels - targets), static_cast<double>(inputs[0].numbers[i]));
  double share = 0;
  for (const Differences& one : all) {
    const double found = one.largest / one.range();
    if (!(found <= share)) share = found;
    if (!(one.largest <= one.allowed()))
      throw spat::NumericError(
          message(e.options.onnx, ": not written: a forecast of ", run.runtime, " is ",
                  spat::scientific(one.largest, 1), " away from that of spat, more than the ",
                  spat::scientific(one.allowed(), 1), " that rounding explains"));
  }
  return message("by ", run.runtime, ", ", inputs[0].shape[0],
                 " windows of noise: largest difference ", spat::scientific(share, 1),
                 " of the range of a target",
                 share > 1e-5 ? ", as float has no more digits at the level of the data: --scaled "
                                "leaves the level out"
                              : "");
}

void show(const OnnxExport& e, const spat::OnnxGraph& onnx, std::size_t bytes,
          const std::string& verification) {
  std::string operators;
  std::size_t count = 0;
  for (const auto& [type, times] : onnx.operators()) {
    operators.append(message(operators.empty() ? "" : ", ", type, " ", times));
    count += times;
  }
  std::printf("ONNX         %s, %zu bytes, opset %d\noperators    %zu: %s\n",
              e.options.onnx.c_str(), bytes, static_cast<int>(spat::onnx_opset), count,
              operators.c_str());
  const auto line = [&](const char* what, const spat::GraphValue& value) {
    std::string shape = "batch";
    for (const std::size_t extent : value.shape) shape.append(message(" x ", extent));
    std::printf(
        "%-12s %s [%s]%s\n", what, value.name.c_str(), shape.c_str(),
        value.name.ends_with("marks") ? ", from -0.5 to 0.5" : message(", ", e.units()).c_str());
  };
  for (const spat::GraphId id : e.graph.inputs) line("input", e.graph.at(id));
  line("output", e.output());
  if (!verification.empty()) std::printf("verified     %s\n", verification.c_str());
}

}  // namespace

void export_onnx(const ExportOptions& o, const spat::SafetensorsFile& file,
                 const Architecture& model) {
  OnnxExport e{.options = o, .file = file, .model = model, .data = data_of(o, file)};
  e.graph = model.graph(o.model, e.data, o.scaled);
  const spat::OnnxOptions texts = texts_of(e);
  const spat::OnnxGraph onnx = spat::onnx_graph(e.graph, texts);
  const std::string bytes = spat::onnx_model(onnx, metadata_of(e), texts);
  const std::string verification = o.verify ? verified(e, bytes) : std::string();
  spat::write_file(o.onnx, bytes);
  if (!o.quiet) show(e, onnx, bytes.size(), verification);
}

}  // namespace tool
