// export. The inverted transformer as a graph.
#pragma once

#include <spat/export/lower/blocks.hpp>
#include <spat/models/itransformer.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

/// An InvertedEmbedding: tokens [C + M x D] of series [C x lookback] and marks [lookback x M], if
/// there are any.
template <class Embedding>
[[nodiscard]] GraphId inverted_embedding(GraphBuilder& graph, const Embedding& embedding,
                                         GraphId series, std::optional<GraphId> marks,
                                         const std::string& name) {
  if (marks) series = graph.concat({series, graph.transpose(*marks, {1, 0})}, 0);
  return linear(graph, embedding.value_embedding, series, name + "value_embedding.");
}

/// An iTransformer. Without any attention marks are dead. Only the tokens of channels leave the
/// encoder.
template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const ITransformer<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  std::optional<GraphId> marks;
  if (config.marks > 0 && !kept_modules(config).empty()) marks = inputs.history_marks;
  GraphId tokens = inverted_embedding(graph, model.embedding, graph.transpose(window.n, {1, 0}),
                                      marks, "enc_embedding.");
  for_each_block(
      [&](std::size_t i, const auto& block) {
        tokens = encoder_layer(graph, block, tokens, message("encoder.attn_layers.", i, "."));
      },
      model.encoder.blocks);
  tokens = graph.slice(tokens, 0, 0, config.channels);
  tokens = layer_norm(graph, model.norm, tokens, "encoder.norm.");
  return leave(graph, model.frame, window, linear(graph, model.projection, tokens, "projection."));
}

}  // namespace lowering
}  // namespace spat
