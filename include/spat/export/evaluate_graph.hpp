// export. Evaluates a graph number by number: the scalar twin of every exporter.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/export/graph.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The numbers of one value, row-major, with its shape.
struct GraphNumbers {
  std::span<const std::size_t> shape;
  std::span<const float> numbers;

  [[nodiscard]] double operator[](std::size_t i) const { return static_cast<double>(numbers[i]); }
  /// The product of the extents of axes [first, last).
  [[nodiscard]] std::size_t product(std::size_t first, std::size_t last) const {
    std::size_t size = 1;
    for (std::size_t axis = first; axis < last; ++axis) size *= shape[axis];
    return size;
  }
  [[nodiscard]] std::size_t rank() const { return shape.size(); }
  [[nodiscard]] std::size_t before(std::size_t axis) const { return product(0, axis); }
  [[nodiscard]] std::size_t after(std::size_t axis) const { return product(axis + 1, rank()); }
  /// The extent of the axis that is `back`-th from the last.
  [[nodiscard]] std::size_t from_last(std::size_t back) const { return shape[rank() - 1 - back]; }
};

/// The place in `little` that is broadcast to place i of `large`.
[[nodiscard]] inline std::size_t broadcast_place(std::size_t i, const GraphNumbers& large,
                                                 const GraphNumbers& little) {
  std::size_t place = 0, stride = 1;
  for (std::size_t back = 0; back < little.rank(); ++back) {
    const std::size_t index = i % large.from_last(back), extent = little.from_last(back);
    i /= large.from_last(back);
    if (extent > 1) place += index * stride;
    stride *= extent;
  }
  return place;
}

/// Computes one node: the numbers of its output from those of its inputs. Sums are in double, and
/// each number is rounded to float once.
class NodeEvaluation {
 public:
  NodeEvaluation(const GraphNode& node, std::span<const GraphNumbers> inputs,
                 std::span<const std::size_t> output_shape)
      : node_(node), in_(inputs), shape_(output_shape),
        y_(GraphNumbers{shape_, {}}.before(shape_.size())) {}

  [[nodiscard]] std::vector<float> result() && {
    switch (node_.op) {
      case GraphOp::add:
        binary([](double a, double b) { return a + b; });
        break;
      case GraphOp::subtract:
        binary([](double a, double b) { return a - b; });
        break;
      case GraphOp::multiply:
        binary([](double a, double b) { return a * b; });
        break;
      case GraphOp::divide:
        binary([](double a, double b) { return a / b; });
        break;
      case GraphOp::square_root:
        unary([](double x) { return std::sqrt(x); });
        break;
      case GraphOp::relu:
        unary([](double x) { return x > 0 ? x : 0; });
        break;
      case GraphOp::gelu:
        unary([](double x) { return x * (1 + std::erf(x / std::numbers::sqrt2)) / 2; });
        break;
      case GraphOp::mean:
        reduce([](double x, double sum) { return x + sum; });
        break;
      case GraphOp::mean_square:
        reduce([](double x, double sum) { return multiply_add(x, x, sum); });
        break;
      case GraphOp::linear:
        linear();
        break;
      case GraphOp::layer_norm:
        layer_norm();
        break;
      case GraphOp::attention:
        attention();
        break;
      case GraphOp::transpose:
        transpose();
        break;
      case GraphOp::reshape:
        y_.assign(in_[0].numbers.begin(), in_[0].numbers.end());
        break;
      case GraphOp::slice:
        take([&](std::size_t i) { return node_.numbers[0] + i; });
        break;
      case GraphOp::gather:
        take([&](std::size_t i) { return node_.numbers[i]; });
        break;
      case GraphOp::concat:
        concat();
        break;
    }
    return std::move(y_);
  }

 private:
  const GraphNode& node_;
  std::span<const GraphNumbers> in_;
  std::span<const std::size_t> shape_;
  std::vector<float> y_;

  template <class Function>
  void binary(const Function& function) {
    for (std::size_t i = 0; i < y_.size(); ++i)
      y_[i] = static_cast<float>(function(in_[0][i], in_[1][broadcast_place(i, in_[0], in_[1])]));
  }
  template <class Function>
  void unary(const Function& function) {
    for (std::size_t i = 0; i < y_.size(); ++i) y_[i] = static_cast<float>(function(in_[0][i]));
  }

  /// The mean over an axis of what `add(x, sum)` adds up.
  template <class Add>
  void reduce(const Add& add) {
    const GraphNumbers& x = in_[0];
    const std::size_t count = x.shape[node_.axis], inner = x.after(node_.axis);
    for (std::size_t i = 0; i < y_.size(); ++i) {
      double sum = 0;
      for (std::size_t k = 0; k < count; ++k)
        sum = add(x[(i / inner * count + k) * inner + i % inner], sum);
      y_[i] = static_cast<float>(sum / static_cast<double>(count));
    }
  }

  void linear() {
    const GraphNumbers &x = in_[0], &w = in_[1];
    const std::size_t outputs = w.shape[0], inputs = w.shape[1];
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const std::size_t row = i / outputs, column = i % outputs;
      double sum = in_.size() > 2 ? in_[2][column] : 0;
      for (std::size_t k = 0; k < inputs; ++k)
        sum = multiply_add(x[row * inputs + k], w[column * inputs + k], sum);
      y_[i] = static_cast<float>(sum);
    }
  }

  void layer_norm() {
    const GraphNumbers& x = in_[0];
    const std::size_t width = x.from_last(0);
    for (std::size_t first = 0; first < y_.size(); first += width) {
      double mean = 0, variance = 0;
      for (std::size_t k = 0; k < width; ++k) mean += x[first + k];
      mean /= static_cast<double>(width);
      for (std::size_t k = 0; k < width; ++k)
        variance = multiply_add(x[first + k] - mean, x[first + k] - mean, variance);
      const double deviation =
          std::sqrt(variance / static_cast<double>(width) + static_cast<double>(node_.epsilon));
      for (std::size_t k = 0; k < width; ++k)
        y_[first + k] = static_cast<float>(
            multiply_add((x[first + k] - mean) / deviation, in_[1][k], in_[2][k]));
    }
  }

  void attention() {
    const GraphNumbers &q = in_[0], &k = in_[1], &v = in_[2];
    const std::size_t queries = q.from_last(1), keys = k.from_last(1), qk_width = q.from_last(0),
                      width = v.from_last(0), per_head = qk_width / node_.heads,
                      out_per_head = width / node_.heads;
    std::vector<double> weights(keys);
    for (std::size_t row = 0; row < y_.size() / width; ++row)
      for (std::size_t head = 0; head < node_.heads; ++head) {
        const std::size_t first_key = row / queries * keys,
                          seen = node_.causal ? row % queries + 1 : keys;
        double largest = -std::numeric_limits<double>::infinity(), sum = 0;
        for (std::size_t j = 0; j < seen; ++j) {
          double score = 0;
          for (std::size_t d = head * per_head; d < (head + 1) * per_head; ++d)
            score = multiply_add(q[row * qk_width + d], k[(first_key + j) * qk_width + d], score);
          weights[j] = score * static_cast<double>(node_.scale);
          largest = std::max(largest, weights[j]);
        }
        for (std::size_t j = 0; j < seen; ++j) sum += weights[j] = std::exp(weights[j] - largest);
        for (std::size_t d = head * out_per_head; d < (head + 1) * out_per_head; ++d) {
          double mixed = 0;
          for (std::size_t j = 0; j < seen; ++j)
            mixed = multiply_add(weights[j], v[(first_key + j) * width + d], mixed);
          y_[row * width + d] = static_cast<float>(mixed / sum);
        }
      }
  }

  void transpose() {
    const GraphNumbers& x = in_[0];
    for (std::size_t i = 0; i < y_.size(); ++i) {
      std::size_t left = i, from = 0;
      for (std::size_t axis = shape_.size(); axis-- > 0; left /= shape_[axis])
        from += left % shape_[axis] * x.after(node_.numbers[axis]);
      y_[i] = x.numbers[from];
    }
  }

  /// y = x at index(i) of the axis, for the i-th index that the output has in place of the axis.
  template <class Index>
  void take(const Index& index) {
    const GraphNumbers& x = in_[0];
    const std::size_t extent = x.shape[node_.axis], inner = x.after(node_.axis),
                      count = y_.size() / (x.before(node_.axis) * inner);
    for (std::size_t i = 0; i < y_.size(); ++i) {
      const std::size_t outer = i / (count * inner), at = index(i / inner % count);
      y_[i] = x.numbers[(outer * extent + at) * inner + i % inner];
    }
  }

  void concat() {
    std::size_t done = 0;
    const std::size_t whole = GraphNumbers{shape_, {}}.product(node_.axis, shape_.size());
    for (const GraphNumbers& part : in_) {
      const std::size_t piece = part.product(node_.axis, part.rank());
      for (std::size_t i = 0; i < part.numbers.size(); ++i)
        y_[i / piece * whole + done + i % piece] = part.numbers[i];
      done += piece;
    }
  }
};

}  // namespace detail

/// The forecast of one window, [horizon x targets], row-major, from the numbers of the graph's
/// inputs in their order. Slow and plain: sums are in double, and each number of a value is rounded
/// to float once. Throws ShapeError for another number of inputs, or for one of another size.
[[nodiscard]] inline std::vector<float> evaluate_graph(
    const ForecastGraph& graph, std::span<const std::span<const float>> inputs) {
  if (inputs.size() != graph.inputs.size())
    throw ShapeError(
        message("graph: expected ", graph.inputs.size(), " inputs, found ", inputs.size()));
  std::vector<std::vector<float>> computed(graph.values.size());
  std::vector<detail::GraphNumbers> known;
  for (const GraphValue& value : graph.values) known.push_back({value.shape, value.numbers});
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const GraphValue& input = graph.at(graph.inputs[i]);
    if (inputs[i].size() != input.size())
      throw ShapeError(message("graph: ", input.name, ": expected ", shape_text(input.shape),
                               " numbers, found ", inputs[i].size()));
    known[graph.inputs[i]].numbers = inputs[i];
  }
  for (const GraphNode& node : graph.nodes) {
    std::vector<detail::GraphNumbers> read;
    for (const GraphId id : node.inputs) read.push_back(known[id]);
    computed[node.output] =
        detail::NodeEvaluation(node, read, graph.at(node.output).shape).result();
    known[node.output].numbers = computed[node.output];
  }
  const auto forecast = known[graph.output].numbers;
  return {forecast.begin(), forecast.end()};
}

}  // namespace spat
