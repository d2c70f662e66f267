// export. The models without attention as graphs: RLinear, DLinear and TSMixer.
#pragma once

#include <spat/export/lower/blocks.hpp>
#include <spat/kernels/moving_average.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/models/tsmixer.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const RLinear<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  return leave(graph, model.frame, window,
               linear(graph, model.linear, graph.transpose(window.n, {1, 0}), "Linear."));
}

/// DLinear as one linear map of each series. With A the moving average, in double:
///
///     W = W_s (I - A) + W_t A,   b = b_s + b_t
template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const DLinear<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const std::size_t lookback = model.config().lookback, horizon = model.config().horizon;
  std::vector<double> weight(horizon * lookback), bias(horizon), difference(lookback);
  for (std::size_t t = 0; t < horizon; ++t) {
    const Scalar *const seasonal = model.seasonal.weight.view().row(t),
                        *const trend = model.trend.weight.view().row(t);
    for (std::size_t l = 0; l < lookback; ++l)
      difference[l] = static_cast<double>(trend[l]) - static_cast<double>(seasonal[l]);
    const std::span<double> row = std::span(weight).subspan(t * lookback, lookback);
    kernels::moving_average_backward<double>(difference, model.config().kernel, row);
    for (std::size_t l = 0; l < lookback; ++l) row[l] += static_cast<double>(seasonal[l]);
    bias[t] = static_cast<double>(model.seasonal.bias.data()[t]) +
              static_cast<double>(model.trend.bias.data()[t]);
  }
  const GraphId w = graph.constant("Linear.weight", {horizon, lookback},
                                   std::span<const double>(weight)),
                b = graph.constant("Linear.bias", {horizon}, std::span<const double>(bias));
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  return leave(graph, model.frame, window, graph.linear(graph.transpose(window.n, {1, 0}), w, b));
}

template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const TSMixer<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  GraphId x = graph.transpose(window.n, {1, 0});
  const auto perceptron = [&](const auto& half, GraphId rows, const std::string& name) {
    return graph.add(rows, feed_forward(graph, half.ffn, rows, name, {"0.", "2.", 2}));
  };
  for_each_block(
      [&](std::size_t i, const auto& block) {
        const std::string name = message("model.", i, ".");
        x = graph.transpose(perceptron(block.temporal, x, name + "temporal."), {1, 0});
        x = graph.transpose(perceptron(block.channel, x, name + "channel."), {1, 0});
      },
      model.mixer.blocks);
  return leave(graph, model.frame, window, linear(graph, model.projection, x, "projection."));
}

}  // namespace lowering
}  // namespace spat
