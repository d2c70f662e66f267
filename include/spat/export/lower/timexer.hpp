// export. TimeXer as a graph.
#pragma once

#include <spat/export/lower/itransformer.hpp>
#include <spat/models/timexer.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

/// A GlobalTokenLayer over tokens x [S x N x D] and a memory [Lk x D], which exists if the
/// cross-attention is kept.
template <class Layer>
[[nodiscard]] GraphId global_token_layer(GraphBuilder& graph, const Layer& layer, GraphId x,
                                         std::optional<GraphId> memory, const std::string& name) {
  const GraphId u = residual_branch(
      graph, layer.self_attention, x, name + "norm1.",
      [&](const auto& mixer) { return attention(graph, mixer, x, x, name + "self_attention."); });
  const std::vector<std::size_t> shape = graph.shape(u);
  const std::size_t series = shape[0], patches = shape[1] - 1, width = shape[2];
  const GraphId g = graph.reshape(graph.slice(u, 1, patches, 1), {series, width});
  const GraphId globals =
      residual_branch(graph, layer.cross_attention, g, name + "norm2.", [&](const auto& mixer) {
        return attention(graph, mixer, g, memory.value(), name + "cross_attention.");
      });
  const GraphId tokens =
      graph.concat({graph.slice(u, 1, 0, patches), graph.reshape(globals, {series, 1, width})}, 1);
  return residual_feed_forward(graph, layer.feed_forward, tokens, name, "norm3.");
}

/// A TimeXer. Without any cross-attention the memory and its marks are dead, and channels that are
/// not forecast with them.
template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const TimeXer<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const std::size_t channels = config.channels, targets = config.endogenous();
  const bool crosses = config.crosses();
  GraphId history = inputs.history;
  if (!crosses) history = graph.slice(history, 1, channels - targets, targets);
  const FramedWindow window = enter(graph, model.frame, history);
  const GraphId series = graph.transpose(window.n, {1, 0});
  const std::size_t read = graph.shape(series)[0];
  std::optional<GraphId> memory, marks;
  if (crosses) {
    if (config.marks > 0) marks = inputs.history_marks;
    memory =
        inverted_embedding(graph, model.exogenous, graph.slice(series, 0, 0, config.exogenous()),
                           marks, "ex_embedding.");
  }
  const auto& embedding = model.endogenous.patches;
  GraphId tokens = patch_values(graph, embedding, graph.slice(series, 0, read - targets, targets),
                                "en_embedding.");
  tokens = graph.add(tokens, sinusoidal_positions<Scalar>(graph, "en_embedding.",
                                                          embedding.patches.count, config.width));
  const GraphId globals = constant(graph, "en_embedding.glb_token", {targets, 1, config.width},
                                   model.endogenous.global_tokens);
  tokens = graph.concat({tokens, globals}, 1);
  for_each_block(
      [&](std::size_t i, const auto& block) {
        tokens =
            global_token_layer(graph, block, tokens, memory, message("encoder.layers.", i, "."));
      },
      model.encoder.blocks);
  tokens = layer_norm(graph, model.norm, tokens, "encoder.norm.");
  return leave(graph, model.frame, window, flatten_head(graph, model.head, tokens, "head."));
}

}  // namespace lowering
}  // namespace spat
