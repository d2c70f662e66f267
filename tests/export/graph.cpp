// Building graphs: shapes, refusals, and the passes that make graphs smaller.
#include <spat/export/graph_passes.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <functional>

namespace graph_tests {

using namespace spat;
using Shape = std::vector<std::size_t>;

/// 1, 2, 3, ... as a constant.
GraphId counted(GraphBuilder& graph, const std::string& name, Shape shape) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  std::vector<int> numbers(size);
  std::iota(numbers.begin(), numbers.end(), 1);
  return graph.constant(name, std::move(shape), std::span<const int>(numbers));
}

TEST_CASE("each call of a graph builder has the shape of what it computes") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3, 4}), w = counted(graph, "w", {5, 4}),
                b = counted(graph, "b", {5}), row = counted(graph, "row", {4}),
                column = counted(graph, "column", {3, 1});
  const auto shape = [&](GraphId id) { return graph.shape(id); };
  for (const GraphId id : {graph.add(x, row), graph.subtract(x, column), graph.multiply(x, x),
                           graph.divide(x, graph.constant("two", 2)), graph.square_root(x),
                           graph.relu(x), graph.gelu(x), graph.layer_norm(x, row, row, 1e-5F)})
    CHECK(shape(id) == Shape{2, 3, 4});
  CHECK(shape(graph.mean(x, 1)) == Shape{2, 1, 4});
  CHECK(shape(graph.mean_square(x, 0)) == Shape{1, 3, 4});
  CHECK(shape(graph.linear(x, w, b)) == Shape{2, 3, 5});
  CHECK(shape(graph.linear(x, w)) == Shape{2, 3, 5});
  CHECK(shape(graph.transpose(x, {2, 0, 1})) == Shape{4, 2, 3});
  CHECK(shape(graph.reshape(x, {6, 4})) == Shape{6, 4});
  CHECK(shape(graph.slice(x, 1, 1, 2)) == Shape{2, 2, 4});
  CHECK(shape(graph.gather(x, 1, {0, 2, 2, 1, 0, 0}, {3, 2})) == Shape{2, 3, 2, 4});
  CHECK(shape(graph.concat({x, graph.slice(x, 1, 0, 1)}, 1)) == Shape{2, 4, 4});
  const GraphId q = graph.input("q", {2, 5, 4}), v = graph.input("v", {2, 3, 6});
  CHECK(shape(graph.attention(q, x, x, 2, 1)) == Shape{2, 5, 4});
  CHECK(shape(graph.attention(q, x, v, 2, 1)) == Shape{2, 5, 6});
  CHECK(shape(graph.attention(x, x, v, 1, 1, true)) == Shape{2, 3, 6});
}

TEST_CASE("a graph builder refuses shapes that do not fit together, and says which") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3, 4}), y = graph.input("y", {2, 3}),
                flat = graph.input("flat", {4}), w = counted(graph, "w", {5, 4}),
                b = counted(graph, "b", {4}), other = graph.input("other", {3, 3, 4});
  const auto refuses = [](const std::string& text, const std::function<void()>& call) {
    INFO(text);
    CHECK(contains(message_of<ShapeError>(call), text));
  };
  const std::vector<float> numbers(5);
  refuses("empty: shape [0, 2]", [&] { graph.input("empty", {0, 2}); });
  refuses("c: a constant of shape [2, 2] does not hold 5 numbers", [&] {
    graph.constant("c", {2, 2}, std::span<const float>(numbers));
  });
  refuses("a value of shape [2, 3] cannot be broadcast to [2, 3, 4]", [&] { graph.add(x, y); });
  refuses("a value of shape [2, 3, 4] cannot be broadcast to [4]", [&] { graph.divide(flat, x); });
  refuses("mean over axis 3 of [2, 3, 4]", [&] { graph.mean(x, 3); });
  refuses("mean over axis 2 of [2, 3]", [&] { graph.mean_square(y, 2); });
  refuses("linear map [5, 4] of [2, 3]", [&] { graph.linear(y, w); });
  refuses("linear map [4] of [2, 3, 4]", [&] { graph.linear(x, b); });
  refuses("linear map [5, 4] of [2, 3, 4]", [&] { graph.linear(x, w, b); });
  refuses("layer norm of [2, 3] by [4] and [4]", [&] { graph.layer_norm(y, b, b, 0); });
  refuses("transpose of [2, 3, 4] by [0, 1]", [&] { graph.transpose(x, {0, 1}); });
  refuses("transpose of [2, 3, 4] by [0, 1, 1]", [&] { graph.transpose(x, {0, 1, 1}); });
  refuses("reshape of [2, 3, 4] to [5, 5]", [&] { graph.reshape(x, {5, 5}); });
  refuses("slice [2, 4) of axis 1 of [2, 3, 4]", [&] { graph.slice(x, 1, 2, 2); });
  refuses("slice [1, 1) of axis 1", [&] { graph.slice(x, 1, 1, 0); });
  refuses("slice [0, 1) of axis 3", [&] { graph.slice(x, 3, 0, 1); });
  refuses("of axis 0 of [2, 3]", [&] { graph.slice(y, 0, ~std::size_t{0}, 2); });
  refuses("gather of axis 1 of [2, 3, 4] by indices of shape [2]", [&] {
    graph.gather(x, 1, {0, 3}, {2});
  });
  refuses("by indices of shape [3]", [&] { graph.gather(x, 1, {0, 1}, {3}); });
  refuses("gather of axis 4", [&] { graph.gather(x, 4, {0}, {1}); });
  refuses("concat along axis 0", [&] { graph.concat({}, 0); });
  refuses("concat along axis 3", [&] { graph.concat({x}, 3); });
  refuses("concat of [2, 3, 4] and [2, 3]", [&] { graph.concat({x, y}, 0); });
  refuses("concat of [2, 3, 4] and [3, 3, 4]", [&] { graph.concat({x, other}, 1); });
  refuses("attention of 3 heads of [2, 3, 4]", [&] { graph.attention(x, x, x, 3, 1); });
  refuses("attention of 0 heads", [&] { graph.attention(x, x, x, 0, 1); });
  refuses("attention of 1 heads of [2, 3, 4], [3, 3, 4]",
          [&] { graph.attention(x, other, other, 1, 1); });
  refuses("attention of", [&] { graph.attention(x, x, other, 1, 1); });
  refuses("attention of", [&] { graph.attention(flat, flat, flat, 1, 1); });
  const GraphId longer = graph.input("longer", {2, 5, 4}), wide = graph.input("wide", {2, 3, 5});
  refuses("attention of", [&] { graph.attention(longer, x, x, 1, 1, /*causal*/ true); });
  refuses("attention of 2 heads", [&] { graph.attention(x, x, wide, 2, 1); });
  refuses("attention of", [&] { graph.attention(x, wide, wide, 1, 1); });
}

/// The forecast of a graph whose one input x is -3, -2, -1, ...
std::vector<float> forecast(const ForecastGraph& graph) {
  std::vector<float> x(graph.inputs.empty() ? 0 : graph.at(graph.inputs[0]).size());
  std::iota(x.begin(), x.end(), -3.0F);
  const std::vector<std::span<const float>> inputs(graph.inputs.size(), std::span<const float>(x));
  return evaluate_graph(graph, inputs);
}

TEST_CASE("nodes that read constants alone become constants") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3}), a = counted(graph, "a", {2, 3}),
                b = counted(graph, "b", {3}), w = counted(graph, "w", {3, 3});
  const GraphId folded = graph.gelu(graph.linear(graph.add(a, b), w));
  const ForecastGraph before = std::move(graph).finish(graph.add(x, folded));
  const ForecastGraph after = fold_constants(before);
  CHECK(before.nodes.size() == 4);
  REQUIRE(after.nodes.size() == 1);
  CHECK(after.at(folded).is_constant());
  CHECK(forecast(after) == forecast(before));
  const ForecastGraph small = simplify(before);
  CHECK(small.values.size() == 3);  // x, the constant and the forecast
  CHECK(small.at(small.output).name == "forecast");
  CHECK(forecast(small) == forecast(before));
}

TEST_CASE("parts that reach no forecast are removed, inputs among them") {
  GraphBuilder graph;
  const GraphId dead = graph.input("dead", {2, 3}), x = graph.input("x", {2, 3});
  (void)graph.add(graph.relu(dead), counted(graph, "unread", {3}));
  (void)graph.relu(x);
  const ForecastGraph before =
      std::move(graph).finish(graph.multiply(x, counted(graph, "read", {3})));
  const ForecastGraph after = remove_dead_parts(before);
  REQUIRE(after.inputs.size() == 1);
  CHECK(after.at(after.inputs[0]).name == "x");
  CHECK(after.nodes.size() == 1);
  CHECK(after.values.size() == 3);
  CHECK(forecast(after) == std::vector<float>{-3, -4, -3, 0, 2, 6});
}

TEST_CASE("chains of reshapes and of transposes become one, or nothing") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3, 4});
  GraphId y = graph.reshape(graph.reshape(graph.relu(x), {6, 4}), {2, 12});
  y = graph.reshape(graph.reshape(y, {24}), {2, 3, 4});  // as relu left it
  y = graph.transpose(graph.transpose(y, {2, 0, 1}), {1, 0, 2});
  y = graph.slice(graph.concat({y}, 1), 0, 0, 2);
  y = graph.reshape(y, {8, 3});
  const ForecastGraph before = std::move(graph).finish(y), after = simplify(before);
  REQUIRE(after.nodes.size() == 3);
  CHECK(after.nodes[0].op == GraphOp::relu);
  CHECK(after.nodes[1].op == GraphOp::transpose);
  CHECK(after.nodes[1].numbers == Shape{0, 2, 1});
  CHECK(after.nodes[2].op == GraphOp::reshape);
  CHECK(forecast(after) == forecast(before));
}

TEST_CASE("a reshape that something else reads stays beside the one that skips it") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 6}), first = graph.reshape(x, {12}),
                second = graph.reshape(first, {3, 4});
  const ForecastGraph before = std::move(graph).finish(
      graph.add(second, graph.reshape(graph.slice(first, 0, 1, 4), {1, 4})));
  const ForecastGraph after = simplify(before);
  CHECK(after.nodes.size() == 5);
  CHECK(forecast(after) == forecast(before));
}

TEST_CASE("the forecast keeps its name if its last node goes, and is no input") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3});
  const ForecastGraph last =
      simplify(std::move(graph).finish(graph.reshape(graph.relu(x), {2, 3})));
  REQUIRE(last.nodes.size() == 1);
  CHECK(last.at(last.output).name == "forecast");
  GraphBuilder other;
  const GraphId in = other.input("x", {2, 3});
  const ForecastGraph copy = simplify(std::move(other).finish(other.reshape(in, {2, 3})));
  CHECK(copy.nodes.size() == 1);
  CHECK(copy.at(copy.output).name == "forecast");
  CHECK(copy.at(copy.inputs[0]).name == "x");
}

TEST_CASE("a constant that comes first in a sum of its shape becomes second") {
  GraphBuilder graph;
  const GraphId x = graph.input("x", {2, 3}), c = counted(graph, "c", {2, 3});
  const GraphId sum = graph.multiply(c, graph.add(c, x));
  const ForecastGraph before = std::move(graph).finish(graph.subtract(c, sum)),
                      after = simplify(before);
  CHECK(after.at(after.nodes[0].inputs[1]).name == "c");
  CHECK(after.at(after.nodes[1].inputs[1]).name == "c");
  CHECK(after.at(after.nodes[2].inputs[0]).name == "c");  // a difference has an order
  CHECK(forecast(after) == forecast(before));

  GraphBuilder other;  // here the constant has the shape of the sum
  const GraphId row = other.input("x", {3}), large = counted(other, "c", {2, 3});
  const ForecastGraph broadcast = simplify(std::move(other).finish(other.add(large, row)));
  CHECK(broadcast.at(broadcast.nodes[0].inputs[0]).name == "c");
  CHECK(forecast(broadcast) == std::vector<float>{-2, 0, 2, 1, 3, 5});
}

}  // namespace graph_tests
