// export. Each operation of a forecast's graph as ONNX operators of opset 13.
#pragma once

#include <spat/core/error.hpp>
#include <spat/export/graph.hpp>
#include <spat/export/onnx/onnx_graph.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Translates a graph of one window into operators on a batch of windows.
///
/// What depends on an input has a leading axis for the batch, what depends on constants alone has
/// none: it is broadcast from the right, as ONNX does by itself, or expanded where it is joined to
/// others. Values keep their names; what an operation needs in between is named after its result,
/// "v7/variance". A weight W is stored as its transpose under the name "W.T".
class OnnxOperators {
 public:
  explicit OnnxOperators(const ForecastGraph& graph)
      : graph_(graph), names_(graph.values.size()), batched_(graph.values.size(), false) {
    for (const GraphId id : graph.inputs) {
      names_[id] = onnx_.take_name(graph.at(id).name);
      batched_[id] = true;
    }
    const auto makes_output = [&](const GraphNode& n) { return n.output == graph.output; };
    if (!std::ranges::any_of(graph.nodes, makes_output))
      throw ConfigError("ONNX: no operation computes the forecast");
    names_[graph.output] = onnx_.take_name(graph.at(graph.output).name);
    for (const GraphNode& node : graph.nodes) translate(node);
    if (!batched_[graph.output])
      throw ConfigError("ONNX: the forecast depends on none of the inputs");
  }

  /// The translation, without inputs and output.
  [[nodiscard]] OnnxGraph& onnx() { return onnx_; }

 private:
  using Integers = OnnxGraph::Integers;
  using Shape = std::vector<std::size_t>;

  void translate(const GraphNode& n) {
    batched_[n.output] = std::ranges::any_of(n.inputs, [&](GraphId id) { return batched_[id]; });
    if (names_[n.output].empty()) names_[n.output] = onnx_.take_name(graph_.at(n.output).name);
    switch (n.op) {
      case GraphOp::add:
        return elementwise(n, "Add");
      case GraphOp::subtract:
        return elementwise(n, "Sub");
      case GraphOp::multiply:
        return elementwise(n, "Mul");
      case GraphOp::divide:
        return elementwise(n, "Div");
      case GraphOp::square_root:
        return finish(n, "Sqrt", {value(n.inputs[0])});
      case GraphOp::relu:
        return finish(n, "Relu", {value(n.inputs[0])});
      case GraphOp::gelu:
        return gelu(n);
      case GraphOp::mean:
        return finish(n, "ReduceMean", {value(n.inputs[0])}, {axes(n), keep()});
      case GraphOp::mean_square:
        return mean_square(n);
      case GraphOp::linear:
        return linear(n);
      case GraphOp::layer_norm:
        return layer_norm(n);
      case GraphOp::attention:
        return attention(n);
      case GraphOp::transpose:
        return transpose(n);
      case GraphOp::reshape:
        return reshape(n);
      case GraphOp::slice:
        return slice(n);
      case GraphOp::gather:
        return gather(n);
      case GraphOp::concat:
        return concat(n);
    }
  }

  void elementwise(const GraphNode& n, const char* type) {
    finish(n, type, {value(n.inputs[0]), aligned(n.inputs[1], rank(n.inputs[0]))});
  }
  /// x (erf(x / sqrt(2)) + 1) / 2, in the order that ONNX Runtime knows as one operation.
  void gelu(const GraphNode& n) {
    const std::string x = value(n.inputs[0]);
    const std::string ratio =
        part(n, "ratio", "Div", {x, onnx_.number(std::numbers::sqrt2_v<float>)});
    const std::string erf = part(n, "erf", "Erf", {ratio});
    const std::string twice = part(n, "twice", "Add", {erf, onnx_.number(1)});
    const std::string product = part(n, "product", "Mul", {x, twice});
    finish(n, "Mul", {product, onnx_.number(0.5F)});
  }
  void mean_square(const GraphNode& n) {
    const std::string x = value(n.inputs[0]);
    finish(n, "ReduceMean", {part(n, "square", "Mul", {x, x})}, {axes(n), keep()});
  }
  void linear(const GraphNode& n) {
    const std::vector<std::string> product{value(n.inputs[0]), transposed_weight(n.inputs[1])};
    if (n.inputs.size() < 3) return finish(n, "MatMul", product);
    const std::string made = part(n, "product", "MatMul", product);
    finish(n, "Add", {made, aligned(n.inputs[2], rank(n.inputs[0]))});
  }
  /// In the operators that ONNX Runtime knows as one: the square is a power.
  void layer_norm(const GraphNode& n) {
    const std::string x = value(n.inputs[0]);
    const auto last = OnnxAttribute::integers("axes", Integers{-1});
    const std::string mean = part(n, "mean", "ReduceMean", {x}, {last, keep()});
    const std::string centered = part(n, "centered", "Sub", {x, mean});
    const std::string square = part(n, "square", "Pow", {centered, onnx_.number(2)});
    const std::string variance = part(n, "variance", "ReduceMean", {square}, {last, keep()});
    const std::string positive = part(n, "positive", "Add", {variance, onnx_.number(n.epsilon)});
    const std::string deviation = part(n, "deviation", "Sqrt", {positive});
    const std::string normal = part(n, "normal", "Div", {centered, deviation});
    const std::size_t to = rank(n.inputs[0]);
    const std::string scaled = part(n, "scaled", "Mul", {normal, aligned(n.inputs[1], to)});
    finish(n, "Add", {scaled, aligned(n.inputs[2], to)});
  }
  /// Q [... H x N x d] and K^T [... H x d x M] give scores [... H x N x M].
  void attention(const GraphNode& n) {
    const std::string query = heads(n, 0, "query", false), key = heads(n, 1, "key", true),
                      values = heads(n, 2, "value", false);
    std::string scores = part(n, "product", "MatMul", {query, key});
    if (n.scale != 1) scores = part(n, "scores", "Mul", {scores, onnx_.number(n.scale)});
    if (n.causal) scores = part(n, "masked", "Add", {scores, causal_mask(shape(n.output))});
    const std::string weights =
        part(n, "weights", "Softmax", {scores}, {OnnxAttribute::integer("axis", -1)});
    if (n.heads == 1) return finish(n, "MatMul", {weights, values});
    const std::string product = part(n, "heads", "MatMul", {weights, values});
    const std::size_t axes = rank(n.output) + 1 + batch_axes(n.output);
    const std::string joined =
        part(n, "joined", "Transpose", {product}, {OnnxAttribute::swapped(axes, 3, 2)});
    finish(n, "Reshape", {joined, shape_behind_batch(n.output, shape(n.output))});
  }
  void transpose(const GraphNode& n) {
    Integers order;
    if (batched_[n.output]) order.push_back(0);
    for (const std::size_t axis : n.numbers) order.push_back(axis_of(n.output, axis));
    finish(n, "Transpose", {value(n.inputs[0])}, {OnnxAttribute::integers("perm", order)});
  }
  void reshape(const GraphNode& n) {
    finish(n, "Reshape", {value(n.inputs[0]), shape_behind_batch(n.output, shape(n.output))});
  }
  void slice(const GraphNode& n) {
    const auto first = static_cast<std::int64_t>(n.numbers[0]),
               count = static_cast<std::int64_t>(shape(n.output)[n.axis]);
    finish(n, "Slice",
           {value(n.inputs[0]), onnx_.integers({first}), onnx_.integers({first + count}),
            onnx_.integers({axis_of(n.output, n.axis)})});
  }
  void gather(const GraphNode& n) {
    const std::string indices = onnx_.integers(signed_of(n.numbers), signed_of(n.indices));
    finish(n, "Gather", {value(n.inputs[0]), indices},
           {OnnxAttribute::integer("axis", axis_of(n.output, n.axis))});
  }
  void concat(const GraphNode& n) {
    std::vector<std::string> parts;
    for (const GraphId id : n.inputs)
      parts.push_back(batched_[n.output] && !batched_[id] ? expanded(id) : value(id));
    finish(n, "Concat", parts, {OnnxAttribute::integer("axis", axis_of(n.output, n.axis))});
  }

  /// The input in the shape [... x heads x rows x D / heads], or transposed in the last two.
  std::string heads(const GraphNode& n, std::size_t input, const std::string& name,
                    bool transposed) {
    const GraphId id = n.inputs[input];
    const std::size_t axes = rank(id) + batch_axes(id);
    if (n.heads == 1)
      return transposed
                 ? part(n, name, "Transpose", {value(id)}, {OnnxAttribute::swapped(axes, 2, 1)})
                 : value(id);
    Shape split = shape(id);
    split.back() /= n.heads;
    split.insert(split.end() - 1, n.heads);  // rows x heads x D / heads
    const std::string made =
        part(n, message(name, ".split"), "Reshape", {value(id), shape_behind_batch(id, split)});
    Integers order(axes + 1);
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::rotate(order.end() - 3, order.end() - 2, order.end() - (transposed ? 0 : 1));
    return part(n, name, "Transpose", {made}, {OnnxAttribute::integers("perm", order)});
  }
  /// Added to the scores: 0 where query i may see key j <= i, so low a number elsewhere that
  /// softmax makes it 0. It is finite, because a difference of infinities is no number.
  std::string causal_mask(const Shape& of) {
    const std::size_t rows = of[of.size() - 2];
    std::string& name = causal_masks_[rows];
    if (!name.empty()) return name;
    std::vector<float> mask(rows * rows, 0);
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = i + 1; j < rows; ++j) mask[i * rows + j] = -1e9F;
    return name = onnx_.constant(message("causal.", rows), Shape{rows, rows}, mask);
  }
  /// What has no batch, once for each window of it.
  const std::string& expanded(GraphId id) {
    std::string& name = expanded_[id];
    if (!name.empty()) return name;
    const std::string& input = names_[graph_.inputs[0]];
    if (batch_.empty())
      batch_ = onnx_.node("Slice",
                          {onnx_.node("Shape", {input}, "batch/shape"), onnx_.integers({0}),
                           onnx_.integers({1}), onnx_.integers({0})},
                          "batch/extent");
    const std::string& from = value(id);
    std::string to = batch_;
    if (rank(id) > 0)
      to = onnx_.node("Concat", {batch_, onnx_.integers(signed_of(shape(id)))},
                      message(from, "/shape"), {OnnxAttribute::integer("axis", 0)});
    return name = onnx_.node("Expand", {from, to}, message(from, "/expanded"));
  }
  /// W^T of a weight W, which depends on no input.
  std::string transposed_weight(GraphId id) {
    std::string& name = transposed_[id];
    if (!name.empty()) return name;
    const GraphValue& weight = graph_.at(id);
    const std::string wish = message(weight.name, ".T");
    if (batched_[id])
      throw ConfigError(message("ONNX: the weight ", weight.name,
                                " of a linear map depends on an input; it must be a constant"));
    const std::size_t rows = weight.shape[0], cols = weight.shape[1];
    if (!weight.is_constant())
      return name = onnx_.node("Transpose", {value(id)}, wish, {OnnxAttribute::swapped(2, 2, 1)});
    std::vector<float> numbers(weight.numbers.size());
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < cols; ++j) numbers[j * rows + i] = weight.numbers[i * cols + j];
    return name = onnx_.constant(wish, Shape{cols, rows}, numbers);
  }
  /// The value, with axes of extent 1 behind its batch if it has one and fewer axes than `to`.
  std::string aligned(GraphId id, std::size_t to) {
    if (!batched_[id] || rank(id) >= to) return value(id);
    Shape with_ones(to - rank(id), 1);
    with_ones.insert(with_ones.end(), shape(id).begin(), shape(id).end());
    return onnx_.node("Reshape", {value(id), shape_behind_batch(id, with_ones)},
                      message(value(id), "/aligned"));
  }

  /// The name of a value, which becomes a constant of the ONNX graph when it is first asked for.
  const std::string& value(GraphId id) {
    const GraphValue& found = graph_.at(id);
    if (names_[id].empty()) names_[id] = onnx_.constant(found.name, found.shape, found.numbers);
    return names_[id];
  }
  /// An operator whose result is that of the node.
  void finish(const GraphNode& n, const char* type, const std::vector<std::string>& inputs,
              std::initializer_list<OnnxAttribute> attributes = {}) {
    onnx_.node_to(names_[n.output], type, inputs, attributes);
  }
  /// An operator whose result is `name` of the node's.
  std::string part(const GraphNode& n, const std::string& name, const char* type,
                   const std::vector<std::string>& inputs,
                   std::initializer_list<OnnxAttribute> attributes = {}) {
    return onnx_.node(type, inputs, message(names_[n.output], "/", name), attributes);
  }

  [[nodiscard]] const Shape& shape(GraphId id) const { return graph_.at(id).shape; }
  [[nodiscard]] std::size_t rank(GraphId id) const { return shape(id).size(); }
  [[nodiscard]] std::size_t batch_axes(GraphId id) const { return batched_[id] ? 1 : 0; }
  [[nodiscard]] std::int64_t axis_of(GraphId id, std::size_t axis) const {
    return static_cast<std::int64_t>(axis + batch_axes(id));
  }
  /// The shape as Reshape reads it: 0 keeps the extent of the batch.
  std::string shape_behind_batch(GraphId id, const Shape& of) {
    Integers numbers = signed_of(of);
    if (batched_[id]) numbers.insert(numbers.begin(), 0);
    return onnx_.integers(numbers);
  }
  [[nodiscard]] OnnxAttribute axes(const GraphNode& n) const {
    return OnnxAttribute::integers("axes", Integers{axis_of(n.output, n.axis)});
  }
  static OnnxAttribute keep() { return OnnxAttribute::integer("keepdims", 1); }
  static Integers signed_of(const Shape& numbers) { return {numbers.begin(), numbers.end()}; }

  const ForecastGraph& graph_;
  OnnxGraph onnx_;
  std::vector<std::string> names_;
  std::vector<bool> batched_;
  std::map<GraphId, std::string> transposed_, expanded_;
  std::map<std::size_t, std::string> causal_masks_;
  std::string batch_;  // the name of the batch's extent, once it is needed
};

}  // namespace spat
