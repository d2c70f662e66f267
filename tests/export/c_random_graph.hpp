// Graphs of random operations, for tests of plans and of C files.
#pragma once

#include <spat/export/graph.hpp>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace c_tests {

using namespace spat;

/// Makes a graph from a seed: the same one everywhere.
class RandomGraph {
 public:
  explicit RandomGraph(std::uint32_t seed) : engine_(seed) {}

  [[nodiscard]] ForecastGraph make(std::size_t steps) && {
    pool_ = {builder_.input("history", {4, 6})};
    if (below(2) == 1) pool_.push_back(builder_.input("history_marks", {4, 3}));
    for (std::size_t i = 0; i < steps; ++i) {
      const GraphId made = next();
      if (size(made) <= 600) pool_.push_back(made);
    }
    GraphId last = any();
    const std::size_t columns = builder_.shape(last).back();
    if (builder_.shape(last).size() != 2 || below(2) == 1)
      last = builder_.reshape(last, {size(last) / columns, columns});
    return std::move(builder_).finish(last);
  }
  [[nodiscard]] std::size_t below(std::size_t count) { return engine_() % count; }
  /// From -1 to 1.
  [[nodiscard]] float number() { return static_cast<float>(below(2001)) / 1000 - 1; }

 private:
  std::mt19937 engine_;
  GraphBuilder builder_;
  std::vector<GraphId> pool_;
  std::size_t constants_ = 0;

  [[nodiscard]] std::size_t size(GraphId id) const {
    std::size_t count = 1;
    for (const std::size_t extent : builder_.shape(id)) count *= extent;
    return count;
  }
  /// A value, mostly a late one, so that others die.
  [[nodiscard]] GraphId any() { return pool_[pool_.size() - 1 - below(below(pool_.size()) + 1)]; }
  [[nodiscard]] GraphId constant(std::vector<std::size_t> shape, float shift = 0) {
    std::size_t count = 1;
    for (const std::size_t extent : shape) count *= extent;
    std::vector<float> numbers(count);
    for (float& one : numbers) one = number() + shift;
    return builder_.constant("c" + std::to_string(constants_++), std::move(shape),
                             std::span<const float>(numbers));
  }
  /// A value or constant that can be broadcast to x.
  [[nodiscard]] GraphId partner(GraphId x) {
    for (int tries = 0; tries < 4; ++tries) {
      const GraphId other = any();
      const auto &a = builder_.shape(x), &b = builder_.shape(other);
      bool fits = b.size() <= a.size();
      for (std::size_t i = 0; fits && i < b.size(); ++i)
        fits = b[b.size() - 1 - i] == 1 || b[b.size() - 1 - i] == a[a.size() - 1 - i];
      if (fits) return other;
    }
    std::vector<std::size_t> shape = builder_.shape(x);
    shape.erase(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(below(shape.size())));
    for (std::size_t& extent : shape)
      if (below(3) == 0) extent = 1;
    return constant(shape);
  }
  [[nodiscard]] GraphId next() {
    const GraphId x = any();
    const std::vector<std::size_t> shape = builder_.shape(x);
    const std::size_t axis = below(shape.size()), width = shape.back();
    switch (below(18)) {
      case 0:
        return builder_.add(x, partner(x));
      case 1:
        return builder_.subtract(x, partner(x));
      case 2:
        return builder_.multiply(x, partner(x));
      case 3:
        return builder_.divide(x, constant({width}, 3));
      case 4:
        return builder_.square_root(builder_.multiply(x, x));
      case 5:
        return builder_.relu(x);
      case 6:
        return builder_.gelu(x);
      case 7:
        return builder_.mean(x, axis);
      case 8:
        return builder_.mean_square(x, axis);
      case 9: {
        const std::size_t out = 1 + below(8);
        const GraphId weight = constant({out, width});
        if (below(2) == 0) return builder_.linear(x, weight);
        return builder_.linear(x, weight, constant({out}));
      }
      case 10:
        return builder_.layer_norm(x, constant({width}), constant({width}), 0.01f);
      case 11:
      case 12: {
        if (shape.size() < 2) return builder_.relu(x);
        const std::size_t heads = width % 2 == 0 ? 2 : 1;
        const bool causal = below(3) == 0;
        GraphId key = x, value = x, query = x;
        if (below(2) == 0) key = builder_.gelu(x), value = builder_.relu(x);
        if (below(2) == 0) value = builder_.linear(x, constant({heads * 3, width}));
        if (!causal && below(2) == 0 && shape[shape.size() - 2] > 1)
          query = builder_.slice(x, shape.size() - 2, 1, shape[shape.size() - 2] - 1);
        return builder_.attention(query, key, value, heads, 0.7f, causal);
      }
      case 13: {
        std::vector<std::size_t> axes(shape.size());
        for (std::size_t i = 0; i < axes.size(); ++i) axes[i] = i;
        for (std::size_t i = axes.size(); i-- > 1;) std::swap(axes[i], axes[below(i + 1)]);
        return builder_.transpose(x, axes);
      }
      case 14: {  // split an axis, or join two
        std::vector<std::size_t> to = shape;
        if (to.size() < 5 && to[axis] % 2 == 0) {
          to[axis] /= 2;
          to.insert(to.begin() + static_cast<std::ptrdiff_t>(axis), 2);
        } else if (to.size() > 1) {
          to[1] *= to[0];
          to.erase(to.begin());
        }
        return builder_.reshape(x, to);
      }
      case 15: {
        const std::size_t first = below(shape[axis]);
        return builder_.slice(x, axis, first, 1 + below(shape[axis] - first));
      }
      case 16: {
        const std::size_t count = 1 + below(4);
        std::vector<std::size_t> numbers(2 * count);
        for (std::size_t& number : numbers) number = below(shape[axis]);
        if (shape.size() > 4) return builder_.gather(x, axis, numbers, {2 * count});
        return builder_.gather(x, axis, numbers, {count, 2});
      }
      default:
        return builder_.concat({x, below(2) == 0 ? builder_.gelu(x) : constant(shape), x}, axis);
    }
  }
};

}  // namespace c_tests
