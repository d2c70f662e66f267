// export. The encoder-decoder Transformer as a graph.
#pragma once

#include <spat/export/lower/blocks.hpp>
#include <spat/models/transformer.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

/// A TokenEmbedding of the tokens [skip, N) of steps [N x C]: a linear map of each step between its
/// neighbours, in a circle. Its weight's columns are in the order k C + c, so that steps need not
/// be transposed.
template <class Embedding>
[[nodiscard]] GraphId token_embedding(GraphBuilder& graph, const Embedding& embedding,
                                      GraphId steps, std::size_t skip, const std::string& name) {
  using Scalar = typename Embedding::Value;
  const std::size_t n = graph.shape(steps)[0], channels = embedding.channels(),
                    around = Embedding::steps, outputs = embedding.token_conv.outputs();
  std::vector<std::size_t> neighbours;
  for (std::size_t t = skip; t < n; ++t)
    for (std::size_t k = 0; k < around; ++k) neighbours.push_back((t + k + n - 1) % n);
  std::vector<Scalar> weight;
  for (std::size_t d = 0; d < outputs; ++d)
    for (std::size_t k = 0; k < around; ++k)
      for (std::size_t c = 0; c < channels; ++c)
        weight.push_back(embedding.token_conv.weight.view().row(d)[around * c + k]);
  const GraphId by_step = graph.constant(name + "weight.by_step", {outputs, around * channels},
                                         std::span<const Scalar>(weight));
  const GraphId seen = graph.gather(steps, 0, std::move(neighbours), {n - skip, around});
  return linear(graph, embedding.token_conv, graph.reshape(seen, {n - skip, around * channels}),
                name, by_step);
}

/// A DataEmbedding of the tokens [skip, N) of steps [N x C], with their marks [N - skip x M].
template <class Embedding>
[[nodiscard]] GraphId data_embedding(GraphBuilder& graph, const Embedding& embedding, GraphId steps,
                                     GraphId marks, std::size_t skip, const std::string& name) {
  const GraphId values = token_embedding(graph, embedding.value_embedding, steps, skip,
                                         name + "value_embedding.tokenConv."),
                times = linear(graph, embedding.temporal_embedding, marks,
                               name + "temporal_embedding.embed.");
  const std::vector<std::size_t> shape = graph.shape(times);
  return graph.add(graph.add(times, values), sinusoidal_positions<typename Embedding::Value>(
                                                 graph, name, shape[0], shape[1], skip));
}

/// A DecoderLayer over tokens x [N x D] and a memory [Nm x D], which exists if the cross-attention
/// is kept.
template <class Layer>
[[nodiscard]] GraphId decoder_layer(GraphBuilder& graph, const Layer& layer, GraphId x,
                                    std::optional<GraphId> memory, const std::string& name) {
  const GraphId u = residual_branch(
      graph, layer.self_attention, x, name + "norm1.",
      [&](const auto& mixer) { return attention(graph, mixer, x, x, name + "self_attention."); });
  const GraphId v =
      residual_branch(graph, layer.cross_attention, u, name + "norm2.", [&](const auto& mixer) {
        return attention(graph, mixer, u, memory.value(), name + "cross_attention.");
      });
  return residual_feed_forward(graph, layer.feed_forward, v, name, "norm3.");
}

/// A Transformer. Without any cross-attention the encoder is dead. Without self-attention of the
/// decoder the tokens of the known steps are.
template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const Transformer<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const std::size_t lookback = config.lookback, horizon = config.horizon, label = config.label;
  const ModuleMask decoder = kept_modules(config).slice(config.depth, 2 * config.decoder_depth);
  const bool attends = !(decoder & ModuleMask::every_other(0)).empty(),
             reads_memory = !(decoder & ModuleMask::every_other(1)).empty();
  std::optional<GraphId> memory;
  if (reads_memory) {
    GraphId tokens = data_embedding(graph, model.enc_embedding, inputs.history,
                                    inputs.history_marks, 0, "enc_embedding.");
    for_each_block(
        [&](std::size_t i, const auto& block) {
          tokens = encoder_layer(graph, block, tokens, message("encoder.attn_layers.", i, "."));
        },
        model.encoder.blocks);
    memory = layer_norm(graph, model.encoder_norm, tokens, "encoder.norm.");
  }
  const std::size_t skip = attends ? 0 : label, known = label - skip;
  const std::vector<float> zeros(horizon * config.channels);
  GraphId steps =
      graph.constant("decoder.zeros", {horizon, config.channels}, std::span<const float>(zeros));
  if (label > 0)
    steps = graph.concat({graph.slice(inputs.history, 0, lookback - label, label), steps}, 0);
  GraphId marks = inputs.future_marks;
  if (known > 0)
    marks = graph.concat({graph.slice(inputs.history_marks, 0, lookback - known, known), marks}, 0);
  GraphId tokens = data_embedding(graph, model.dec_embedding, steps, marks, skip, "dec_embedding.");
  for_each_block(
      [&](std::size_t i, const auto& block) {
        tokens = decoder_layer(graph, block, tokens, memory, message("decoder.layers.", i, "."));
      },
      model.decoder.blocks);
  tokens = graph.slice(tokens, 0, known, horizon);
  tokens = layer_norm(graph, model.decoder_norm, tokens, "decoder.norm.");
  return linear(graph, model.projection, tokens, "decoder.projection.");
}

}  // namespace lowering
}  // namespace spat
