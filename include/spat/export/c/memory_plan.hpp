// export. Where the values of a graph lie in memory: which arrays they share, and how much it
// takes.
#pragma once

#include <spat/export/graph.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Whose array a value lies in.
enum class GraphStorage { constant, input, output, buffer };

/// The place of a value: `offset` numbers after the start of its array.
struct ValuePlace {
  GraphStorage storage = GraphStorage::buffer;
  GraphId array = 0;  // the constant, input or output whose array it is
  std::size_t offset = 0;
};

/// Where each value of a graph lies. A forecast reads the inputs' arrays, and writes the output's
/// array and one buffer.
struct MemoryPlan {
  std::vector<ValuePlace> values;   // by GraphId; of constants and values that nodes compute
  std::vector<char> moves_nothing;  // of each node: its output is a part of its input's array
  std::vector<std::size_t> scores;  // of each attention: where in the buffer its row of scores is
  std::size_t buffer = 0;           // numbers of the buffer

  [[nodiscard]] const ValuePlace& at(GraphId id) const { return values[id]; }
};

namespace detail {

/// Numbers that lie in one array together, from the node that writes the first of them to the one
/// that reads the last.
struct SharedArray {
  GraphStorage storage = GraphStorage::buffer;
  GraphId id = 0;
  std::size_t size = 0, first = 0, last = 0, offset = 0;

  [[nodiscard]] bool meets(const SharedArray& other) const {
    return first <= other.last && other.first <= last;
  }
};

/// Gives each array of the list an offset, in this order: in the smallest gap that holds it between
/// the arrays that live beside it, else behind them. Returns the extent of all.
inline std::size_t place_arrays(const std::vector<SharedArray*>& order) {
  std::size_t extent = 0;
  std::vector<const SharedArray*> placed;  // by offset
  for (SharedArray* const array : order) {
    std::size_t end = 0, best = 0, smallest = std::numeric_limits<std::size_t>::max();
    for (const SharedArray* const other : placed) {
      if (!array->meets(*other)) continue;
      const std::size_t gap = other->offset > end ? other->offset - end : 0;
      if (gap >= array->size && gap < smallest) smallest = gap, best = end;
      end = std::max(end, other->offset + other->size);
    }
    array->offset = smallest == std::numeric_limits<std::size_t>::max() ? end : best;
    extent = std::max(extent, array->offset + array->size);
    placed.insert(std::ranges::upper_bound(placed, array->offset, {}, &SharedArray::offset), array);
  }
  return extent;
}

class MemoryPlanner {
 public:
  /// `copied`: of each node, whether its output must not be a part of its input's array.
  MemoryPlanner(const ForecastGraph& graph, const std::vector<char>& copied)
      : graph_(graph), copied_(copied), last_read_(graph.values.size(), 0),
        array_of_(graph.values.size()), offset_(graph.values.size(), 0) {
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      for (const GraphId id : graph.nodes[i].inputs) last_read_[id] = i;
    last_read_[graph.output] = graph.nodes.size();
    for (const GraphId id : graph.inputs) start(id, GraphStorage::input, 0);
    for (GraphId id = 0; id < graph.values.size(); ++id)
      if (graph.at(id).is_constant()) start(id, GraphStorage::constant, 0);
  }

  [[nodiscard]] MemoryPlan result() && {
    MemoryPlan plan;
    std::vector<std::pair<std::size_t, std::size_t>> rows;  // node and array of scores
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      plan.moves_nothing.push_back(becomes_part(i));
      if (!plan.moves_nothing[i] && !works_in_place(i))
        start(graph_.nodes[i].output, GraphStorage::buffer, i);
      const std::size_t array = array_of_[graph_.nodes[i].output];
      arrays_[array].last = std::max(arrays_[array].last, last_read_[graph_.nodes[i].output]);
      if (graph_.nodes[i].output == graph_.output && arrays_[array].storage == GraphStorage::buffer)
        arrays_[array].storage = GraphStorage::output, arrays_[array].id = graph_.output;
      if (graph_.nodes[i].op != GraphOp::attention) continue;
      const auto& keys = graph_.at(graph_.nodes[i].inputs[1]).shape;
      rows.emplace_back(i, arrays_.size());
      arrays_.push_back({.size = keys[keys.size() - 2], .first = i, .last = i});
    }
    plan.buffer = place();
    for (GraphId id = 0; id < graph_.values.size(); ++id) {
      if (!array_of_[id]) array_of_[id] = arrays_.size(), arrays_.emplace_back();  // unused
      const SharedArray& array = arrays_[array_of_[id]];
      plan.values.push_back({array.storage, array.id, array.offset + offset_[id]});
    }
    plan.scores.resize(graph_.nodes.size());
    for (const auto& [node, array] : rows) plan.scores[node] = arrays_[array].offset;
    return plan;
  }

 private:
  const ForecastGraph& graph_;
  const std::vector<char>& copied_;
  std::vector<std::size_t> last_read_, array_of_, offset_;         // by value
  std::vector<SharedArray> arrays_ = std::vector<SharedArray>(1);  // the first is nobody's

  void start(GraphId id, GraphStorage storage, std::size_t node) {
    array_of_[id] = arrays_.size();
    arrays_.push_back({storage, id, graph_.at(id).size(), node, node, 0});
  }
  void join(GraphId id, GraphId other, std::size_t shift) {
    array_of_[id] = array_of_[other];
    offset_[id] = offset_[other] + shift;
  }
  [[nodiscard]] const SharedArray& array(GraphId id) const { return arrays_[array_of_[id]]; }
  [[nodiscard]] static std::size_t product(const std::vector<std::size_t>& shape, std::size_t from,
                                           std::size_t to) {
    std::size_t size = 1;
    for (std::size_t axis = from; axis < to; ++axis) size *= shape[axis];
    return size;
  }

  /// The output fills an array of the caller's, which no larger array can be.
  [[nodiscard]] bool may_hold(GraphId made, GraphId other) const {
    return made != graph_.output || (array(other).storage == GraphStorage::buffer &&
                                     array(other).size == graph_.at(made).size());
  }

  /// A reshape, or a slice of neighbouring numbers: its output is a part of its input's array.
  bool becomes_part(std::size_t i) {
    const GraphNode& node = graph_.nodes[i];
    if ((node.op != GraphOp::reshape && node.op != GraphOp::slice) || copied_[i]) return false;
    const GraphId x = node.inputs[0];
    if (!may_hold(node.output, x)) return false;
    std::size_t shift = 0;
    if (node.op == GraphOp::slice) {
      const auto& shape = graph_.at(x).shape;
      if (product(shape, 0, node.axis) > 1) return false;
      shift = node.numbers[0] * product(shape, node.axis + 1, shape.size());
    }
    join(node.output, x, shift);
    return true;
  }

  /// Whether node i may write over its input k, which is all of its array: each number is written
  /// after it was read, and nothing else reads it.
  [[nodiscard]] bool may_overwrite(std::size_t i, std::size_t k, bool elementwise) const {
    const GraphNode& node = graph_.nodes[i];
    const GraphId x = node.inputs[k];
    const auto same_place = [&](GraphId id) {
      return offset_[id] == offset_[x] && graph_.at(id).size() == graph_.at(x).size();
    };
    if (array(x).storage != GraphStorage::buffer || array(x).last > i ||
        array(x).size != graph_.at(node.output).size() || !may_hold(node.output, x))
      return false;
    for (std::size_t other = 0; other < node.inputs.size(); ++other)
      if (other != k && array_of_[node.inputs[other]] == array_of_[x] &&
          !(elementwise && same_place(node.inputs[other])))
        return false;
    return true;
  }
  bool works_in_place(std::size_t i) {
    const GraphNode& node = graph_.nodes[i];
    std::size_t candidates = 0;  // the first inputs that may be written over
    bool elementwise = false;
    switch (node.op) {
      case GraphOp::add:
      case GraphOp::subtract:
      case GraphOp::multiply:
      case GraphOp::divide:
        candidates = 2, elementwise = true;
        break;
      case GraphOp::square_root:
      case GraphOp::relu:
      case GraphOp::gelu:
      case GraphOp::layer_norm:
      case GraphOp::attention:  // a head writes what no other head and query reads
        candidates = 1;
        break;
      default:
        break;
    }
    for (std::size_t k = 0; k < candidates; ++k)
      if (may_overwrite(i, k, elementwise)) {
        join(node.output, node.inputs[k], 0);
        return true;
      }
    return false;
  }

  /// Places the arrays of the buffer in a few orders and keeps the smallest extent.
  std::size_t place() {
    std::vector<SharedArray*> order;
    for (SharedArray& array : arrays_)
      if (array.storage == GraphStorage::buffer && array.size > 0) order.push_back(&array);
    const auto length = [](const SharedArray* array) { return array->last - array->first; };
    const auto sort = [&](std::size_t by) {
      const auto before = [&](const SharedArray* a, const SharedArray* b) {
        if (by == 0) return a->size > b->size;
        if (by == 1) return length(a) > length(b);
        if (by == 2) return a->size * (length(a) + 1) > b->size * (length(b) + 1);
        return a->first < b->first;
      };
      std::ranges::sort(order, [&](const SharedArray* a, const SharedArray* b) {
        return before(a, b) || (!before(b, a) && a < b);  // ties stay in the order of the nodes
      });
    };
    constexpr std::size_t orders = 4;
    std::size_t best = 0, smallest = std::numeric_limits<std::size_t>::max();
    for (std::size_t by = 0; by < orders; ++by) {
      sort(by);
      if (const std::size_t extent = place_arrays(order); extent < smallest)
        smallest = extent, best = by;
    }
    sort(best);
    return place_arrays(order);
  }
};

}  // namespace detail

/// Plans the memory of a graph. A value lives from the node that computes it to the last one that
/// reads it. What lives at the same time never shares a place, except that a node may write over
/// the input that it is the last to read. Attention has one row of scores beside its values.
///
/// A slice of neighbouring numbers is a part of its input's array, unless a copy of it makes the
/// buffer smaller, because the array need not live as long.
[[nodiscard]] inline MemoryPlan plan_memory(const ForecastGraph& graph) {
  std::vector<char> copied(graph.nodes.size());
  MemoryPlan best = detail::MemoryPlanner(graph, copied).result();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != GraphOp::slice || !best.moves_nothing[i]) continue;
    copied[i] = 1;
    MemoryPlan other = detail::MemoryPlanner(graph, copied).result();
    if (other.buffer < best.buffer)
      best = std::move(other);
    else
      copied[i] = 0;
  }
  return best;
}

}  // namespace spat
