// export. Layers that several models use, as nodes of a graph.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/export/graph.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/positions.hpp>
#include <spat/nn/series_frame.hpp>

#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Functions that append a layer, or a whole model, to a graph. A batch has no axis in a graph:
/// tokens of one sample are [N x D], those of series side by side [S x N x D]. A parameter becomes
/// a constant of its name in a file, which is `name` and the layer's own part. In inference dropout
/// does nothing, so that no graph has any.
namespace lowering {

/// The inputs of a graph that a model may read.
struct WindowInputs {
  GraphId history = 0;        // [lookback x channels], in scaled units
  GraphId history_marks = 0;  // [lookback x marks], if the model has marks
  GraphId future_marks = 0;   // [horizon x marks], likewise
};

/// A learned tensor as a constant.
template <class TensorType>
[[nodiscard]] GraphId constant(GraphBuilder& graph, const std::string& name,
                               std::vector<std::size_t> shape, const TensorType& tensor) {
  return graph.constant(name, std::move(shape), tensor.flat());
}

/// A linear map of the last axis. `weight` stands for its weight if another one is given.
template <class Map>
[[nodiscard]] GraphId linear(GraphBuilder& graph, const Map& map, GraphId x,
                             const std::string& name, std::optional<GraphId> weight = {}) {
  if (!weight) weight = constant(graph, name + "weight", {map.outputs(), map.inputs()}, map.weight);
  if constexpr (Map::biased)
    return graph.linear(x, *weight, constant(graph, name + "bias", {map.outputs()}, map.bias));
  else
    return graph.linear(x, *weight);
}

template <class Norm>
[[nodiscard]] GraphId layer_norm(GraphBuilder& graph, const Norm& norm, GraphId x,
                                 const std::string& name) {
  const std::size_t width = norm.gain.cols();
  const GraphId gain = constant(graph, name + "weight", {width}, norm.gain);
  return graph.layer_norm(x, gain, constant(graph, name + "bias", {width}, norm.bias),
                          static_cast<float>(norm.epsilon));
}

/// y = x scale + shift, with scale = gain / sqrt(variance + epsilon) and shift = bias - mean scale
/// of the running statistics, in double.
template <class Norm>
[[nodiscard]] GraphId batch_norm(GraphBuilder& graph, const Norm& norm, GraphId x,
                                 const std::string& name) {
  const std::size_t width = norm.gain.cols();
  std::vector<double> scale(width), shift(width);
  for (std::size_t c = 0; c < width; ++c) {
    scale[c] = static_cast<double>(norm.gain.data()[c]) /
               std::sqrt(static_cast<double>(norm.running_variance.data()[c]) +
                         static_cast<double>(norm.epsilon));
    shift[c] = multiply_add(-static_cast<double>(norm.running_mean.data()[c]), scale[c],
                            static_cast<double>(norm.bias.data()[c]));
  }
  const GraphId scaled =
      graph.multiply(x, graph.constant(name + "scale", {width}, std::span<const double>(scale)));
  return graph.add(scaled, graph.constant(name + "shift", {width}, std::span<const double>(shift)));
}

template <class Scalar, std::size_t width>
[[nodiscard]] GraphId activation(GraphBuilder& graph, const Gelu<Scalar, width>&, GraphId x) {
  return graph.gelu(x);
}
template <class Scalar, std::size_t width>
[[nodiscard]] GraphId activation(GraphBuilder& graph, const Relu<Scalar, width>&, GraphId x) {
  return graph.relu(x);
}

template <class Perceptron>
[[nodiscard]] GraphId feed_forward(GraphBuilder& graph, const Perceptron& ffn, GraphId x,
                                   const std::string& name, const FeedForwardNames& names = {}) {
  const GraphId hidden = linear(graph, ffn.conv1, x, name + names.first);
  return linear(graph, ffn.conv2, activation(graph, ffn.activation, hidden), name + names.second);
}

/// The attention of queries over a memory, without previous scores.
template <class Attention>
[[nodiscard]] GraphId attention(GraphBuilder& graph, const Attention& layer, GraphId query,
                                GraphId memory, const std::string& name) {
  const AttentionNames names;
  const GraphId q = linear(graph, layer.query_projection, query, name + names.query),
                k = linear(graph, layer.key_projection, memory, name + names.key),
                v = linear(graph, layer.value_projection, memory, name + names.value);
  const auto scale = 1 / std::sqrt(static_cast<float>(layer.width() / layer.heads()));
  return linear(graph, layer.out_projection,
                graph.attention(q, k, v, layer.heads(), scale, layer.causal), name + names.out);
}

/// y = LN(x + mix(mixer)), or LN(x) if the mixer was pruned. `name` is the norm's.
template <class Branch, class Mix>
[[nodiscard]] GraphId residual_branch(GraphBuilder& graph, const Branch& branch, GraphId x,
                                      const std::string& name, const Mix& mix) {
  GraphId sum = x;
  if_kept([&](const auto& mixer) { sum = graph.add(x, mix(mixer)); }, branch.mixer);
  return layer_norm(graph, branch.norm, sum, name);
}

/// y = LN(x + FFN(x)). `norm_name` is the name of the norm after `name`.
template <class FeedForwardHalf>
[[nodiscard]] GraphId residual_feed_forward(GraphBuilder& graph, const FeedForwardHalf& half,
                                            GraphId x, const std::string& name,
                                            const char* norm_name,
                                            const FeedForwardNames& names = {}) {
  const GraphId sum = graph.add(x, feed_forward(graph, half.ffn, x, name, names));
  return layer_norm(graph, half.norm, sum, name + norm_name);
}

/// An EncoderLayer, with or without its attention.
template <class Layer>
[[nodiscard]] GraphId encoder_layer(GraphBuilder& graph, const Layer& layer, GraphId x,
                                    const std::string& name,
                                    const char* attention_name = "attention.",
                                    const FeedForwardNames& names = {}) {
  const GraphId n = residual_branch(
      graph, layer.attention, x, name + "norm1.",
      [&](const auto& mixer) { return attention(graph, mixer, x, x, name + attention_name); });
  return residual_feed_forward(graph, layer.feed_forward, n, name, "norm2.", names);
}

/// x + pe of `tokens` tokens, of which the first is number `first` of its sequence.
template <class Scalar>
[[nodiscard]] GraphId sinusoidal_positions(GraphBuilder& graph, const std::string& name,
                                           std::size_t tokens, std::size_t width,
                                           std::size_t first = 0) {
  std::vector<Scalar> table((first + tokens) * width);
  spat::sinusoidal_positions<Scalar>(table, width);
  return graph.constant(name + "position_embedding.pe", {tokens, width},
                        std::span<const Scalar>(table).subspan(first * width));
}

/// A window inside a SeriesFrame.
struct FramedWindow {
  GraphId n = 0;                 // [lookback x channels]
  GraphId level = 0, sigma = 0;  // [1 x channels], if windows are normalized
};

/// n = instance_norm(history), or the history itself. Means are those of the distances from the
/// first row, as in InstanceNorm.
template <class Scalar>
[[nodiscard]] FramedWindow enter(GraphBuilder& graph, const SeriesFrame<Scalar>& frame,
                                 GraphId history) {
  if (!frame.normalizes) return {.n = history};
  FramedWindow window;
  const GraphId start = graph.slice(history, 0, 0, 1), distances = graph.subtract(history, start),
                mean = graph.mean(distances, 0);
  window.level = graph.add(mean, start);
  const GraphId centred = graph.subtract(distances, mean);
  window.sigma = graph.square_root(graph.add(
      graph.mean_square(centred, 0),
      graph.constant("instance_norm.epsilon", static_cast<float>(frame.instance_norm.epsilon))));
  window.n = graph.divide(centred, window.sigma);
  return window;
}

/// The forecast [horizon x S] of the last S channels from the rows y [S x horizon] of series.
template <class Scalar>
[[nodiscard]] GraphId leave(GraphBuilder& graph, const SeriesFrame<Scalar>& frame,
                            const FramedWindow& window, GraphId y) {
  const GraphId z = graph.transpose(y, {1, 0});
  if (!frame.normalizes) return z;
  const auto of_targets = [&](GraphId numbers) {
    const std::size_t channels = graph.shape(numbers)[1], targets = graph.shape(z)[1];
    return graph.slice(numbers, 1, channels - targets, targets);
  };
  return graph.add(graph.multiply(z, of_targets(window.sigma)), of_targets(window.level));
}

/// The series [S x P x patch] of patches of series [S x lookback].
template <class Layer>
[[nodiscard]] GraphId patches(GraphBuilder& graph, const Layer& layer, GraphId series) {
  std::vector<std::size_t> rows;
  for (std::size_t p = 0; p < layer.count; ++p)
    for (std::size_t i = 0; i < layer.patch(); ++i)
      rows.push_back(std::min(p * layer.stride + i, layer.lookback - 1));
  return graph.gather(series, 1, std::move(rows), {layer.count, layer.patch()});
}

/// A PatchEmbedding without its positions: [S x P x D] of series [S x lookback].
template <class Embedding>
[[nodiscard]] GraphId patch_values(GraphBuilder& graph, const Embedding& embedding, GraphId series,
                                   const std::string& name) {
  return linear(graph, embedding.value_embedding, patches(graph, embedding.patches, series),
                name + "value_embedding.");
}

/// A FlattenHead: [S x T] of tokens [S x N x D]. Its weight's columns are in the order of the
/// tokens, n D + d, so that they need not be transposed.
template <class Head>
[[nodiscard]] GraphId flatten_head(GraphBuilder& graph, const Head& head, GraphId x,
                                   const std::string& name) {
  using Scalar = typename Head::Value;
  const std::vector<std::size_t> shape = graph.shape(x);
  const std::size_t tokens = shape[1], width = shape[2], outputs = head.linear.outputs();
  std::vector<Scalar> weight;
  weight.reserve(outputs * tokens * width);
  for (std::size_t t = 0; t < outputs; ++t)
    for (std::size_t n = 0; n < tokens; ++n)
      for (std::size_t d = 0; d < width; ++d)
        weight.push_back(head.linear.weight.view().row(t)[d * tokens + n]);
  const GraphId by_token = graph.constant(
      name + "linear.weight.by_token", {outputs, tokens * width}, std::span<const Scalar>(weight));
  return linear(graph, head.linear, graph.reshape(x, {shape[0], tokens * width}), name + "linear.",
                by_token);
}

}  // namespace lowering

}  // namespace spat
