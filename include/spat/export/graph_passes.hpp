// export. Passes that make a graph smaller and leave its forecast as it is.
#pragma once

#include <spat/export/evaluate_graph.hpp>

#include <limits>
#include <optional>

namespace spat::inline SPAT_ABI {

/// The graph in which each node that reads constants alone is a constant, as evaluate_graph()
/// computes it.
[[nodiscard]] inline ForecastGraph fold_constants(ForecastGraph graph) {
  std::vector<GraphNode> kept;
  for (GraphNode& node : graph.nodes) {
    std::vector<detail::GraphNumbers> read;
    for (const GraphId id : node.inputs)
      if (graph.at(id).is_constant()) read.push_back({graph.at(id).shape, graph.at(id).numbers});
    if (read.size() < node.inputs.size()) {
      kept.push_back(std::move(node));
      continue;
    }
    GraphValue& made = graph.values[node.output];
    made.numbers = detail::NodeEvaluation(node, read, made.shape).result();
  }
  graph.nodes = std::move(kept);
  return graph;
}

namespace detail {

/// Whether a node hands on the numbers that it reads in their shape.
[[nodiscard]] inline bool is_identity(const ForecastGraph& graph, const GraphNode& node) {
  const auto is = [&](GraphOp op) { return node.op == op; };
  if (is(GraphOp::transpose)) return std::ranges::is_sorted(node.numbers);
  return (is(GraphOp::reshape) || is(GraphOp::slice) ||
          (is(GraphOp::concat) && node.inputs.size() == 1)) &&
         graph.at(node.inputs[0]).shape == graph.at(node.output).shape;
}

}  // namespace detail

/// The graph without detours: a reshape of a reshape reads what the first one reads, as does a
/// transpose of a transpose; nodes that change nothing are gone. A sum or product of which only the
/// first part is a constant, and both have one shape, has it as its second part.
[[nodiscard]] inline ForecastGraph remove_detours(ForecastGraph graph) {
  std::vector<GraphId> same(graph.values.size());  // the value that stands for each
  std::iota(same.begin(), same.end(), GraphId{0});
  std::vector<std::optional<std::size_t>> maker(graph.values.size());  // places in `kept`
  std::vector<GraphNode> kept;
  for (GraphNode& node : graph.nodes) {
    for (GraphId& id : node.inputs) id = same[id];
    const bool moves = node.op == GraphOp::reshape || node.op == GraphOp::transpose;
    if (const auto before = maker[node.inputs[0]]; moves && before && kept[*before].op == node.op) {
      for (std::size_t& axis : node.numbers) axis = kept[*before].numbers[axis];
      node.inputs = kept[*before].inputs;
    }
    if ((node.op == GraphOp::add || node.op == GraphOp::multiply) &&
        graph.at(node.inputs[0]).is_constant() && !graph.at(node.inputs[1]).is_constant() &&
        graph.at(node.inputs[0]).shape == graph.at(node.inputs[1]).shape)
      std::swap(node.inputs[0], node.inputs[1]);
    // The output stays apart from inputs and constants.
    if (detail::is_identity(graph, node) &&
        (node.output != graph.output || maker[node.inputs[0]])) {
      same[node.output] = node.inputs[0];
      continue;
    }
    maker[node.output] = kept.size();
    kept.push_back(std::move(node));
  }
  graph.nodes = std::move(kept);
  if (same[graph.output] != graph.output) {
    std::swap(graph.values[graph.output].name, graph.values[same[graph.output]].name);
    graph.output = same[graph.output];
  }
  return graph;
}

/// The graph without what does not reach its output: nodes, inputs and values. Values are numbered
/// anew in their order.
[[nodiscard]] inline ForecastGraph remove_dead_parts(ForecastGraph graph) {
  std::vector<char> lives(graph.values.size());
  lives[graph.output] = 1;
  for (std::size_t i = graph.nodes.size(); i-- > 0;)
    for (const GraphId id : graph.nodes[i].inputs)
      if (lives[graph.nodes[i].output]) lives[id] = 1;
  std::erase_if(graph.nodes, [&](const GraphNode& node) { return !lives[node.output]; });
  std::erase_if(graph.inputs, [&](GraphId id) { return !lives[id]; });
  std::vector<GraphId> number(graph.values.size());
  std::vector<GraphValue> values;
  for (GraphId id = 0; id < graph.values.size(); ++id) {
    number[id] = values.size();
    if (lives[id]) values.push_back(std::move(graph.values[id]));
  }
  graph.values = std::move(values);
  for (GraphNode& node : graph.nodes) {
    for (GraphId& id : node.inputs) id = number[id];
    node.output = number[node.output];
  }
  for (GraphId& id : graph.inputs) id = number[id];
  graph.output = number[graph.output];
  return graph;
}

/// All passes: constants are folded, detours and dead parts are gone.
[[nodiscard]] inline ForecastGraph simplify(ForecastGraph graph) {
  return remove_dead_parts(remove_detours(fold_constants(std::move(graph))));
}

}  // namespace spat
