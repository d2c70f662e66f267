// For tests of graphs: models none of whose numbers is 0 or 1, and their forecasts by both ways.
#pragma once

#include <spat/export/forecast_graph.hpp>
#include <spat/models/predictor.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <cmath>
#include <string_view>

namespace lowered {

/// A model whose norms, biases and running statistics are random, too.
template <class Model>
[[nodiscard]] Model random_model(const typename Model::Config& config, std::uint64_t seed = 3) {
  typename Model::Form form;
  if constexpr (!Model::Form::is_static) form.value = config;
  Model model(form);
  spat::initialize(spat::parameters(model), seed);
  spat::Random random(seed, 99);
  for (const auto& parameter : spat::parameters(model))
    for (auto& value : parameter.values) {
      using Scalar = typename Model::Value;
      value += static_cast<Scalar>(0.2 * random.normal());
      if (parameter.name.ends_with("running_var")) value = std::abs(value) / 2 + Scalar(0.1);
    }
  return model;
}

/// The numbers of a graph's inputs by their names, for one window of a batch.
[[nodiscard]] inline std::vector<float> forecast_of(const spat::ForecastGraph& graph,
                                                    const spat::WindowBatch<float>& window) {
  std::vector<std::span<const float>> inputs;
  for (const spat::GraphId id : graph.inputs) {
    const std::string& name = graph.at(id).name;
    inputs.push_back(name == "history"         ? window.history.flat()
                     : name == "history_marks" ? window.history_marks.flat()
                                               : window.future_marks.flat());
  }
  return spat::evaluate_graph(graph, inputs);
}

/// The largest difference as a share of the range of `expected`; a NaN stays.
template <class Numbers>
[[nodiscard]] double difference(const Numbers& expected, const std::vector<float>& found) {
  if (expected.size() != found.size() || found.empty()) return 1e9;
  const auto [least, most] = std::minmax_element(expected.begin(), expected.end());
  double largest = 0;
  for (std::size_t i = 0; i < found.size(); ++i)
    largest = tests::larger(
        largest, std::abs(static_cast<double>(expected[i]) - static_cast<double>(found[i])));
  return largest / static_cast<double>(*most - *least);
}

[[nodiscard]] inline std::size_t count(const spat::ForecastGraph& graph, spat::GraphOp op) {
  return static_cast<std::size_t>(std::ranges::count(graph.nodes, op, &spat::GraphNode::op));
}
[[nodiscard]] inline std::vector<std::string> inputs(const spat::ForecastGraph& graph) {
  std::vector<std::string> names;
  for (const spat::GraphId id : graph.inputs) names.push_back(graph.at(id).name);
  return names;
}

/// Whether a graph is in order: unique names, each value made once and before it is read, and no
/// value or input that nothing reads.
inline void check_graph(const spat::ForecastGraph& graph) {
  std::vector<std::string> names;
  std::vector<int> made(graph.values.size()), read(graph.values.size());
  for (const auto& value : graph.values) names.push_back(value.name);
  for (spat::GraphId id = 0; id < graph.values.size(); ++id) {
    made[id] = graph.at(id).is_constant();
    if (made[id]) CHECK(graph.at(id).numbers.size() == graph.at(id).size());
  }
  for (const spat::GraphId id : graph.inputs) ++made[id];
  bool in_order = true;
  for (const auto& node : graph.nodes) {
    bool constants = true;
    for (const spat::GraphId id : node.inputs) {
      in_order &= made[id] == 1;
      constants &= graph.at(id).is_constant();
      ++read[id];
    }
    CHECK_FALSE(constants);
    ++made[node.output];
  }
  ++read[graph.output];
  CHECK(in_order);
  CHECK(std::ranges::all_of(made, [](int n) { return n == 1; }));
  CHECK(std::ranges::all_of(read, [](int n) { return n > 0; }));
  std::ranges::sort(names);
  CHECK(std::ranges::adjacent_find(names) == names.end());
  CHECK(graph.at(graph.output).name == "forecast");
}

/// The graph of a model, which forecasts windows as the model does.
template <class Model>
spat::ForecastGraph check_forecast(const Model& model) {
  using namespace spat;
  const auto graph = forecast_graph(model, DataDescription{}, /*scaled*/ true);
  check_graph(graph);
  const auto& config = model.config();
  const example::RandomBatch<float> data(config, 3);
  Predictor<Model> predictor(model);
  for (std::size_t b = 0; b < 3; ++b) {
    const auto window = data.batch.middle(b, 1);
    const auto expected = predictor.forecast(window);
    CHECK(graph.at(graph.output).shape == std::vector{expected.rows(), expected.cols()});
    CHECK(difference(expected.flat(), forecast_of(graph, window)) < 1e-5);
  }
  return graph;
}

/// check_forecast() for every mask but those without a guarded module, each with its graph.
template <class Model, class Visit>
void each_mask(const typename Model::Config& config, const Visit& visit) {
  using namespace spat;
  const ModuleMask guard = guard_of(Dynamic<typename Model::Config>{config});
  for (std::uint64_t bits = 0; bits < std::uint64_t{1} << config.modules(); ++bits) {
    const ModuleMask mask{bits};
    if (!guard.empty() && (guard & mask).empty()) continue;
    INFO(Model::name << ", kept " << to_string(mask, config.modules()));
    visit(mask, check_forecast(random_model<Model>(keeping(config, mask))));
  }
}

}  // namespace lowered
