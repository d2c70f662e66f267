// export. A forecast as a graph: plain operations on the numbers of one window.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What a node of a graph computes. Axes count from the first of a window; a batch lies before it.
enum class GraphOp {
  add,          // a + b; b is broadcast to the shape of a, its axes aligned from the last
  subtract,     // a - b, likewise
  multiply,     // a b, likewise
  divide,       // a / b, likewise
  square_root,  // of each number
  relu,         // max(x, 0)
  gelu,         // x (1 + erf(x / sqrt(2))) / 2
  mean,         // over `axis`, whose extent becomes 1
  mean_square,  // the mean of the squares over `axis`, whose extent becomes 1
  linear,       // x W^T + b: x [... x in], W [out x in], b [out] or none; y [... x out]
  layer_norm,   // (x - mean) / sqrt(variance + epsilon) gamma + beta over the last axis
  attention,    // softmax(Q K^T scale) V of each head: Q [... x N x E], K [... x M x E],
                // V [... x M x D]; y [... x N x D]
  transpose,    // y's axis i is x's axis `numbers[i]`
  reshape,      // the same numbers in the shape of the output
  slice,        // numbers [first, first + extent of the output) of `axis`; first is `numbers[0]`
  gather,       // `numbers` of `axis`, in place of which the output has the axes of `indices`
  concat        // all inputs behind each other along `axis`
};

/// A value of a graph, by its number.
using GraphId = std::size_t;

/// A value: an input, a constant, or what a node computes.
struct GraphValue {
  std::string name = {};                // unique; that of the parameter for a parameter
  std::vector<std::size_t> shape = {};  // of one window
  std::vector<float> numbers = {};      // of a constant; empty for every other value

  [[nodiscard]] bool is_constant() const { return !numbers.empty(); }
  [[nodiscard]] std::size_t size() const {
    return std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  }
};

/// One operation. Which of the attributes count, GraphOp says.
struct GraphNode {
  GraphOp op = GraphOp::add;
  std::vector<GraphId> inputs = {};
  GraphId output = 0;
  std::size_t axis = 0;
  std::vector<std::size_t> numbers = {};  // permutation, first index, or indices
  std::vector<std::size_t> indices = {};  // the shape of a gather's indices
  std::size_t heads = 1;                  // of attention; they divide D and E
  float scale = 1;                        // of attention
  bool causal = false;                    // attention: query i sees keys 0 ... i only
  float epsilon = 0;                      // of layer_norm
};

/// A forecast of one window: from `inputs` by `nodes`, each after those it reads, to `output`.
/// No value depends on the batch, so that an exporter may add it as a leading axis. Constants have
/// none: a node may read some beside values that have one, also in a concat or as the query of an
/// attention.
struct ForecastGraph {
  std::vector<GraphValue> values;
  std::vector<GraphNode> nodes;
  std::vector<GraphId> inputs;
  GraphId output = 0;

  [[nodiscard]] const GraphValue& at(GraphId id) const { return values[id]; }
};

/// Builds a graph, one call a node. Each call checks its shapes and returns the id of what the node
/// computes. Throws ShapeError for shapes that do not fit together.
class GraphBuilder {
 public:
  /// An input of this name, as "history".
  GraphId input(const std::string& name, std::vector<std::size_t> shape) {
    const GraphId id = value(name, std::move(shape));
    graph_.inputs.push_back(id);
    return id;
  }
  /// A constant. Its numbers are those of the shape, row-major.
  template <class Number>
  GraphId constant(const std::string& name, std::vector<std::size_t> shape,
                   std::span<const Number> numbers) {
    const GraphId id = value(name, std::move(shape));
    GraphValue& made = graph_.values[id];
    expect(made.size() == numbers.size() && !numbers.empty(), name, ": a constant of shape ",
           shape_text(made.shape), " does not hold ", numbers.size(), " numbers");
    made.numbers.resize(numbers.size());
    std::transform(numbers.begin(), numbers.end(), made.numbers.begin(),
                   [](Number number) { return static_cast<float>(number); });
    return id;
  }
  /// A constant of one number.
  GraphId constant(const std::string& name, float number) {
    return constant(name, {1}, std::span<const float>(&number, 1));
  }

  GraphId add(GraphId a, GraphId b) { return elementwise(GraphOp::add, a, b); }
  GraphId subtract(GraphId a, GraphId b) { return elementwise(GraphOp::subtract, a, b); }
  GraphId multiply(GraphId a, GraphId b) { return elementwise(GraphOp::multiply, a, b); }
  GraphId divide(GraphId a, GraphId b) { return elementwise(GraphOp::divide, a, b); }
  GraphId square_root(GraphId x) {
    return node({.op = GraphOp::square_root, .inputs = {x}}, shape(x));
  }
  GraphId relu(GraphId x) { return node({.op = GraphOp::relu, .inputs = {x}}, shape(x)); }
  GraphId gelu(GraphId x) { return node({.op = GraphOp::gelu, .inputs = {x}}, shape(x)); }
  GraphId mean(GraphId x, std::size_t axis) { return reduced(GraphOp::mean, x, axis); }
  GraphId mean_square(GraphId x, std::size_t axis) {
    return reduced(GraphOp::mean_square, x, axis);
  }

  /// x W^T + b, with bias.
  GraphId linear(GraphId x, GraphId weight, GraphId bias) { return linear_of({x, weight, bias}); }
  /// x W^T.
  GraphId linear(GraphId x, GraphId weight) { return linear_of({x, weight}); }
  GraphId layer_norm(GraphId x, GraphId gamma, GraphId beta, float epsilon) {
    const std::vector<std::size_t> of{last(x)};
    expect(shape(gamma) == of && shape(beta) == of, "layer norm of ", shape_text(shape(x)), " by ",
           shape_text(shape(gamma)), " and ", shape_text(shape(beta)));
    return node({.op = GraphOp::layer_norm, .inputs = {x, gamma, beta}, .epsilon = epsilon},
                shape(x));
  }
  /// Leading axes of Q, K and V are equal. Head h reads columns [h E / heads, (h + 1) E / heads) of
  /// Q and K. It reads columns [h D / heads, (h + 1) D / heads) of V and writes them. D is E in
  /// every model but the official PatchTST.
  GraphId attention(GraphId query, GraphId key, GraphId value, std::size_t heads, float scale,
                    bool causal = false) {
    const auto &q = shape(query), &k = shape(key), &v = shape(value);
    expect(q.size() >= 2 && q.size() == k.size() && k.size() == v.size() && q.back() == k.back() &&
               heads > 0 && q.back() % heads == 0 && v.back() % heads == 0 &&
               std::equal(k.begin(), k.end() - 1, v.begin()) &&
               std::equal(q.begin(), q.end() - 2, k.begin()) && (!causal || q == k),
           "attention of ", heads, " heads of ", shape_text(q), ", ", shape_text(k), " and ",
           shape_text(v));
    std::vector<std::size_t> made = q;
    made.back() = v.back();
    return node({.op = GraphOp::attention,
                 .inputs = {query, key, value},
                 .heads = heads,
                 .scale = scale,
                 .causal = causal},
                made);
  }

  GraphId transpose(GraphId x, std::vector<std::size_t> axes) {
    std::vector<std::size_t> sorted = axes, made;
    std::ranges::sort(sorted);
    std::vector<std::size_t> all(shape(x).size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    expect(sorted == all, "transpose of ", shape_text(shape(x)), " by ", shape_text(axes));
    for (const std::size_t axis : axes) made.push_back(shape(x)[axis]);
    return node({.op = GraphOp::transpose, .inputs = {x}, .numbers = std::move(axes)}, made);
  }
  GraphId reshape(GraphId x, std::vector<std::size_t> to) {
    const GraphId made = node({.op = GraphOp::reshape, .inputs = {x}}, std::move(to));
    expect(graph_.values[made].size() == graph_.values[x].size(), "reshape of ",
           shape_text(shape(x)), " to ", shape_text(shape(made)));
    return made;
  }
  GraphId slice(GraphId x, std::size_t axis, std::size_t first, std::size_t count) {
    expect(axis < shape(x).size() && count > 0 && count <= shape(x)[axis] &&
               first <= shape(x)[axis] - count,
           "slice [", first, ", ", first + count, ") of axis ", axis, " of ", shape_text(shape(x)));
    std::vector<std::size_t> made = shape(x);
    made[axis] = count;
    return node({.op = GraphOp::slice, .inputs = {x}, .axis = axis, .numbers = {first}}, made);
  }
  /// Takes numbers of an axis by their indices, which have the shape `of`: patches, or steps
  /// around each step.
  GraphId gather(GraphId x, std::size_t axis, std::vector<std::size_t> numbers,
                 std::vector<std::size_t> of) {
    const auto& from = shape(x);
    expect(axis < from.size() && !numbers.empty() &&
               std::accumulate(of.begin(), of.end(), std::size_t{1}, std::multiplies<>()) ==
                   numbers.size() &&
               std::ranges::all_of(numbers, [&](std::size_t i) { return i < from[axis]; }),
           "gather of axis ", axis, " of ", shape_text(from), " by indices of shape ",
           shape_text(of));
    std::vector<std::size_t> made(from.begin(), from.begin() + static_cast<std::ptrdiff_t>(axis));
    made.insert(made.end(), of.begin(), of.end());
    made.insert(made.end(), from.begin() + static_cast<std::ptrdiff_t>(axis) + 1, from.end());
    return node({.op = GraphOp::gather,
                 .inputs = {x},
                 .axis = axis,
                 .numbers = std::move(numbers),
                 .indices = std::move(of)},
                made);
  }
  GraphId concat(std::vector<GraphId> parts, std::size_t axis) {
    expect(!parts.empty() && axis < shape(parts[0]).size(), "concat along axis ", axis);
    std::vector<std::size_t> made = shape(parts[0]);
    made[axis] = 0;
    for (const GraphId part : parts) {
      std::vector<std::size_t> fits = shape(part);
      expect(fits.size() == made.size(), "concat of ", shape_text(shape(parts[0])), " and ",
             shape_text(fits));
      const std::size_t more = fits[axis];
      fits[axis] = made[axis];
      expect(fits == made, "concat of ", shape_text(shape(parts[0])), " and ",
             shape_text(shape(part)));
      made[axis] += more;
    }
    return node({.op = GraphOp::concat, .inputs = std::move(parts), .axis = axis}, made);
  }

  [[nodiscard]] const std::vector<std::size_t>& shape(GraphId id) const {
    return graph_.values.at(id).shape;
  }
  /// The graph whose output is `output`, under the name "forecast".
  [[nodiscard]] ForecastGraph finish(GraphId output) && {
    graph_.output = output;
    graph_.values.at(output).name = "forecast";
    return std::move(graph_);
  }

 private:
  template <class... Parts>
  static void expect(bool holds, const Parts&... parts) {
    if (!holds) throw ShapeError(message("graph: ", parts...));
  }
  [[nodiscard]] std::size_t last(GraphId id) const {
    expect(!shape(id).empty(), "a value without axes");
    return shape(id).back();
  }
  GraphId value(std::string name, std::vector<std::size_t> of) {
    expect(std::ranges::none_of(of, [](std::size_t n) { return n == 0; }), name, ": shape ",
           shape_text(of));
    graph_.values.push_back({.name = std::move(name), .shape = std::move(of)});
    return graph_.values.size() - 1;
  }
  GraphId node(GraphNode made, std::vector<std::size_t> of) {
    made.output = value(message("v", graph_.values.size()), std::move(of));
    graph_.nodes.push_back(std::move(made));
    return graph_.nodes.back().output;
  }
  GraphId elementwise(GraphOp op, GraphId a, GraphId b) {
    const auto &to = shape(a), &from = shape(b);
    bool fits = from.size() <= to.size();
    for (std::size_t i = 0; fits && i < from.size(); ++i) {
      const std::size_t extent = from[from.size() - 1 - i];
      fits = extent == 1 || extent == to[to.size() - 1 - i];
    }
    expect(fits, "a value of shape ", shape_text(from), " cannot be broadcast to ", shape_text(to));
    return node({.op = op, .inputs = {a, b}}, to);
  }
  GraphId reduced(GraphOp op, GraphId x, std::size_t axis) {
    expect(axis < shape(x).size(), "mean over axis ", axis, " of ", shape_text(shape(x)));
    std::vector<std::size_t> made = shape(x);
    made[axis] = 1;
    return node({.op = op, .inputs = {x}, .axis = axis}, made);
  }
  GraphId linear_of(std::vector<GraphId> inputs) {
    const auto& weight = shape(inputs[1]);
    expect(weight.size() == 2 && weight[1] == last(inputs[0]) &&
               (inputs.size() < 3 || shape(inputs[2]) == std::vector{weight[0]}),
           "linear map ", shape_text(weight), " of ", shape_text(shape(inputs[0])));
    std::vector<std::size_t> made = shape(inputs[0]);
    made.back() = weight[0];
    return node({.op = GraphOp::linear, .inputs = std::move(inputs)}, made);
  }

  ForecastGraph graph_;
};

}  // namespace spat
