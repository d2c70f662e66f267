// export. PatchTST as a graph, in both variants.
#pragma once

#include <spat/export/lower/blocks.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>

namespace spat::inline SPAT_ABI {
namespace lowering {

template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const PatchTST<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const std::string embedding = "patch_embedding.";
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  GraphId tokens =
      patch_values(graph, model.embedding, graph.transpose(window.n, {1, 0}), embedding);
  tokens = graph.add(
      tokens, sinusoidal_positions<Scalar>(graph, embedding, config.patches(), config.width));
  for_each_block(
      [&](std::size_t i, const auto& block) {
        tokens = encoder_layer(graph, block, tokens, message("encoder.attn_layers.", i, "."));
      },
      model.encoder.blocks);
  tokens = batch_norm(graph, model.norm, tokens, "encoder.norm.1.");
  return leave(graph, model.frame, window, flatten_head(graph, model.head, tokens, "head."));
}

/// Residual attentions as attentions of their own. The scores of an attention are its own and those
/// of all attentions below, so that its queries and keys are those of all of them, side by side
/// within each head:
///
///     S_l = sum_i Q_i K_i^T scale = [Q_1 ... Q_l] [K_1 ... K_l]^T scale
class ResidualScores {
 public:
  /// The attention of `layer` over tokens x [S x P x D].
  template <class Attention>
  [[nodiscard]] GraphId attention(GraphBuilder& graph, const Attention& layer, GraphId x,
                                  const std::string& name) {
    const GraphId q = linear(graph, layer.query_projection, x, name + "W_Q."),
                  k = linear(graph, layer.key_projection, x, name + "W_K."),
                  v = linear(graph, layer.value_projection, x, name + "W_V.");
    const std::size_t heads = layer.heads(), per_head = layer.width() / heads;
    const auto scale = 1 / std::sqrt(static_cast<float>(per_head));
    queries_ = beside(graph, queries_, q, heads);
    keys_ = beside(graph, keys_, k, heads);
    return linear(graph, layer.out_projection, graph.attention(*queries_, *keys_, v, heads, scale),
                  name + "to_out.0.");
  }

 private:
  std::optional<GraphId> queries_, keys_;  // of all attentions so far

  /// Puts the columns of each head of `right` after those of the same head of `left`.
  static GraphId beside(GraphBuilder& graph, std::optional<GraphId> left, GraphId right,
                        std::size_t heads) {
    if (!left) return right;
    const std::vector<std::size_t> a = graph.shape(*left), b = graph.shape(right);
    const auto by_head = [&](GraphId x, std::size_t width) {
      return graph.reshape(x, {a[0], a[1], heads, width / heads});
    };
    return graph.reshape(graph.concat({by_head(*left, a[2]), by_head(right, b[2])}, 3),
                         {a[0], a[1], a[2] + b[2]});
  }
};

template <class Scalar, class Form>
[[nodiscard]] GraphId forecast_of(GraphBuilder& graph, const OfficialPatchTST<Scalar, Form>& model,
                                  const WindowInputs& inputs) {
  const auto& config = model.config();
  const std::string backbone = "model.backbone.";
  const FramedWindow window = enter(graph, model.frame, inputs.history);
  GraphId x = patches(graph, model.patches, graph.transpose(window.n, {1, 0}));
  x = linear(graph, model.embedding, x, backbone + "W_P.");
  x = graph.add(x, constant(graph, backbone + "W_pos", {config.patches(), config.width},
                            model.positions.table));
  ResidualScores scores;
  for_each_block(
      [&](std::size_t i, const auto& layer) {
        const std::string name = message(backbone, "encoder.layers.", i, ".");
        if_kept(
            [&](const auto& mixer) {
              x = graph.add(x, scores.attention(graph, mixer, x, name + "self_attn."));
            },
            layer.attention);
        x = batch_norm(graph, layer.attention_norm, x, name + "norm_attn.1.");
        x = graph.add(x, feed_forward(graph, layer.ffn, x, name, {"ff.0.", "ff.3.", 2}));
        x = batch_norm(graph, layer.ffn_norm, x, name + "norm_ffn.1.");
      },
      model.encoder.blocks);
  return leave(graph, model.frame, window, flatten_head(graph, model.head, x, "model.head."));
}

}  // namespace lowering
}  // namespace spat
