// export. The forecast of a model as a graph, with the scaler of its data.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/export/graph_passes.hpp>
#include <spat/export/lower/crossformer.hpp>
#include <spat/export/lower/itransformer.hpp>
#include <spat/export/lower/linear_models.hpp>
#include <spat/export/lower/patchtst.hpp>
#include <spat/export/lower/timexer.hpp>
#include <spat/export/lower/transformer.hpp>
#include <spat/models/smamba.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace spat::inline SPAT_ABI {

namespace lowering {

/// The scaler of the channels that a graph reads or forecasts, as constants.
struct GraphScaler {
  GraphId mean = 0, deviation = 0;  // [channels]
};

/// The scaler's last `channels` channels.
[[nodiscard]] inline GraphScaler scaler_of(GraphBuilder& graph, const StandardScaler& scaler,
                                           std::size_t channels, const std::string& name) {
  return {graph.constant(name + "mean", {channels}, scaler.mean().last(channels)),
          graph.constant(name + "deviation", {channels}, scaler.deviation().last(channels))};
}

/// Throws ConfigError if the data's scaler is not one of the model's channels, or is beyond float.
inline void expect_scaler(const DataDescription& data, std::size_t channels) {
  if (data.alone)
    throw ConfigError(
        "the model forecasts each series of a long table alone, by a scaler of its own, so that "
        "its graph cannot hold one: leave the scaler out (scaled), and scale each series outside");
  const std::size_t all = data.scaler.channels(), found = data.window.inputs(all);
  if (all == 0)
    throw ConfigError("the model's data description has no scaler: leave the scaler out (scaled)");
  if (found != channels)
    throw ConfigError(message("the model reads ", channels, " channels, its data description has ",
                              found, ": one of them is of another model"));
  for (std::size_t c = all - channels; c < all; ++c) {
    const auto mean = static_cast<float>(data.scaler.mean()[c]),
               deviation = static_cast<float>(data.scaler.deviation()[c]);
    if (!std::isfinite(mean) || !std::isfinite(deviation) || deviation == 0)
      throw ConfigError(message("scaler: mean ", data.scaler.mean()[c], " and deviation ",
                                data.scaler.deviation()[c], " of column ", c,
                                " are no numbers of a graph, which are float: leave the scaler "
                                "out (scaled)"));
  }
}

/// The simplified graph. Throws ConfigError if its forecast does not depend on the history.
[[nodiscard]] inline ForecastGraph finished(GraphBuilder graph, GraphId forecast) {
  ForecastGraph made = simplify(std::move(graph).finish(forecast));
  const auto is_history = [&](GraphId id) { return made.at(id).name == "history"; };
  if (std::ranges::none_of(made.inputs, is_history))
    throw ConfigError(
        "the model forecasts without the history: every attention that reads it was pruned, so "
        "that there is nothing to export");
  return made;
}

}  // namespace lowering

/// The forecast of one window as a graph:
///
///     history [lookback x C]         in the units of the file, or scaled units if `scaled`
///     history_marks [lookback x M]   if the forecast depends on them
///     future_marks [horizon x M]     likewise
///     forecast [horizon x targets]   in the units of the history
///
/// Targets are the last channels. The scaler of `data` lies in the graph unless `scaled`. Constants
/// are folded, and what pruning left without an effect is gone. Known covariates are columns of the
/// history that hold the rows `horizon` later, as in training.
///
/// Throws ConfigError for S-Mamba; for a model whose forecast does not depend on the history, as
/// that of a Crossformer without any cross-attention; for one that forecasts each series of a long
/// table alone, for a description of other channels, and for a scaler beyond float, unless
/// `scaled`.
template <class Model>
[[nodiscard]] ForecastGraph forecast_graph(const Model& model, const DataDescription& data,
                                           bool scaled = false) {
  static_assert(
      requires(GraphBuilder & graph) {
        lowering::forecast_of(graph, model, lowering::WindowInputs{});
      },
      "spat: forecast_graph() knows the models of the library only");
  const auto& config = model.config();
  if (!scaled) lowering::expect_scaler(data, config.channels);
  GraphBuilder graph;
  lowering::WindowInputs inputs;
  inputs.history = graph.input("history", {config.lookback, config.channels});
  if constexpr (requires { config.marks; })
    if (config.marks > 0) {
      inputs.history_marks = graph.input("history_marks", {config.lookback, config.marks});
      inputs.future_marks = graph.input("future_marks", {config.horizon, config.marks});
    }
  const std::size_t targets = model.target_channels(config.channels);
  if (scaled) {
    const GraphId forecast = lowering::forecast_of(graph, model, inputs);
    return lowering::finished(std::move(graph), forecast);
  }
  const auto all = lowering::scaler_of(graph, data.scaler, config.channels, "scaler.");
  const auto of_targets = targets == config.channels
                              ? all
                              : lowering::scaler_of(graph, data.scaler, targets, "scaler.targets.");
  inputs.history = graph.divide(graph.subtract(inputs.history, all.mean), all.deviation);
  const GraphId forecast =
      graph.multiply(lowering::forecast_of(graph, model, inputs), of_targets.deviation);
  const GraphId restored = graph.add(forecast, of_targets.mean);
  return lowering::finished(std::move(graph), restored);
}

/// S-Mamba has no graph. Throws ConfigError.
template <class Scalar, class Form>
[[nodiscard]] ForecastGraph forecast_graph(const SMamba<Scalar, Form>&, const DataDescription&,
                                           bool = false) {
  throw ConfigError(
      "S-Mamba cannot be exported as a graph: its selective scan is a loop over tokens, for which "
      "ONNX has no basic operator; the C++ header can hold it");
}

}  // namespace spat
