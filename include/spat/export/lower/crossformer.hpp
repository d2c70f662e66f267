// export. Crossformer as a graph.
#pragma once

#include <spat/export/lower/blocks.hpp>
#include <spat/models/crossformer.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

/// A RouterAttention over tokens x [C x s x D]. Its routers are constants.
template <class Routers>
[[nodiscard]] GraphId router_attention(GraphBuilder& graph, const Routers& layer, GraphId x,
                                       const std::string& name) {
  const std::size_t width = layer.dim_sender.width();
  const GraphId routers = constant(graph, name + "router", {layer.segments, layer.routers(), width},
                                   layer.router.table),
                turned = graph.transpose(x, {1, 0, 2});
  const GraphId buffer = attention(graph, layer.dim_sender, routers, turned, name + "dim_sender.");
  const GraphId y = attention(graph, layer.dim_receiver, turned, buffer, name + "dim_receiver.");
  return graph.transpose(y, {1, 0, 2});
}

/// A TwoStageAttention over tokens x [C x s x D].
template <class Layer>
[[nodiscard]] GraphId two_stage_attention(GraphBuilder& graph, const Layer& layer, GraphId x,
                                          const std::string& name) {
  const GraphId u =
      encoder_layer(graph, layer.time_stage, x, name, "time_attention.", {"MLP1.0.", "MLP1.2.", 2});
  const GraphId w = residual_branch(
      graph, layer.routing, u, name + "norm3.",
      [&](const auto& routers) { return router_attention(graph, routers, u, name); });
  return residual_feed_forward(graph, layer.feed_forward, w, name, "norm4.",
                               {"MLP2.0.", "MLP2.2.", 2});
}

/// A SegmentMerging: tokens [C x s x D] become [C x ceil(s / w) x D].
template <class Merging>
[[nodiscard]] GraphId merge_segments(GraphBuilder& graph, const Merging& layer, GraphId x,
                                     const std::string& name) {
  const std::vector<std::size_t> shape = graph.shape(x);
  if (layer.padding() > 0)
    x = graph.concat({x, graph.slice(x, 1, layer.segments - layer.padding(), layer.padding())}, 1);
  x = graph.reshape(x, {shape[0], layer.merged(), layer.window * shape[2]});
  return linear(graph, layer.linear_trans, layer_norm(graph, layer.norm, x, name + "norm."),
                name + "linear_trans.");
}

/// A Crossformer. Its first decoder layer reads learned tokens alone up to its cross-attention,
/// which folds to constants.
template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const Crossformer<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const std::size_t channels = config.channels, width = config.width, live = config.live_scales(),
                    padded = config.forecast_segments() * config.segment;
  std::vector<std::optional<GraphId>> memories(config.scales());
  const std::string embedding = "enc_value_embedding.";
  const GraphId values =
      patch_values(graph, model.embedding, graph.transpose(inputs.history, {1, 0}), embedding);
  const GraphId places =
      graph.add(constant(graph, "enc_pos_embedding", {channels, config.segments(0), width},
                         model.enc_positions.table),
                sinusoidal_positions<Scalar>(graph, embedding, config.segments(0), width));
  GraphId scale = layer_norm(graph, model.pre_norm, graph.add(values, places), "pre_norm.");
  memories[0] = scale;
  for_each_block(
      [&](std::size_t l, const auto& block) {
        if (l + 1 >= live) return;
        const std::string name = message("encoder.encode_blocks.", l, ".");
        if (block.merge_layer)
          scale = merge_segments(graph, *block.merge_layer, scale, name + "merge_layer.");
        scale = two_stage_attention(graph, block.attention, scale, name + "encode_layers.0.");
        memories[l + 1] = scale;
      },
      model.encoder.blocks);
  GraphId x = constant(graph, "dec_pos_embedding", {channels, config.forecast_segments(), width},
                       model.dec_tokens.table);
  std::optional<GraphId> sum;
  for_each_block(
      [&](std::size_t i, const auto& layer) {
        const std::string name = message("decoder.decode_layers.", i, ".");
        const GraphId a =
            two_stage_attention(graph, layer.self_attention, x, name + "self_attention.");
        const GraphId n = residual_branch(
            graph, layer.cross_attention, a, name + "norm1.", [&](const auto& mixer) {
              return attention(graph, mixer, a, memories[i].value(), name + "cross_attention.");
            });
        x = residual_feed_forward(graph, layer.feed_forward, n, name, "norm2.",
                                  {"MLP1.0.", "MLP1.2.", 2});
        const GraphId prediction = linear(graph, layer.linear_pred, x, name + "linear_pred.");
        sum = sum ? graph.add(*sum, prediction) : prediction;
      },
      model.decoder.blocks);
  const GraphId series = graph.reshape(sum.value(), {channels, padded});
  return graph.transpose(graph.slice(series, 1, padded - config.horizon, config.horizon), {1, 0});
}

}  // namespace lowering
}  // namespace spat
