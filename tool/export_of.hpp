// The parts of `spat export` that know a model's type.
#pragma once

#include "architecture.hpp"

#include <spat/export/cpp/cpp_header.hpp>
#include <spat/export/forecast_graph.hpp>
#include <spat/models/checkpoint.hpp>

namespace tool {

template <class Model>
std::vector<float> forecast_windows(const std::string& file,
                                    const spat::WindowBatch<float>& windows) {
  spat::Predictor<Model> predictor(spat::load_model<Model>(file));
  const auto numbers = predictor.forecast(windows).flat();
  return {numbers.begin(), numbers.end()};
}

/// The graph of the model in a file.
template <class Model>
spat::ForecastGraph graph(const std::string& file, const spat::DataDescription& data, bool scaled) {
  return spat::forecast_graph(spat::load_model<Model>(file), data, scaled);
}

/// Writes the model, with all metadata of its file, with weights of this type.
template <class Model>
void convert(const std::string& file, const std::string& out, spat::WeightType type) {
  const spat::SafetensorsFile from(file);
  const Model model = spat::load_model<Model>(from);
  std::map<std::string, std::string> about = from.metadata();
  about.erase(spat::version_key);  // that of the spat that writes
  spat::save_model(out, model, type, about);
}

template <class Model>
std::string header(const std::string& file, const std::string& name, bool scaled) {
  const spat::SafetensorsFile opened(file);
  return spat::cpp_header(spat::load_model<Model>(opened), spat::load_data_description(opened),
                          {.name = name, .scaled = scaled});
}

}  // namespace tool
