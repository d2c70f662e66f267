// Evaluating graphs: each operation against numbers that were computed by hand.
#include <spat/export/evaluate_graph.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace evaluate_graph_tests {

using namespace spat;
using Numbers = std::vector<float>;
using Shape = std::vector<std::size_t>;

/// A value: an input of these numbers.
struct Case {
  GraphBuilder graph;
  std::vector<Numbers> numbers;

  GraphId input(Shape shape, Numbers with) {
    numbers.push_back(std::move(with));
    return graph.input(message("x", numbers.size()), std::move(shape));
  }
  Numbers forecast(GraphId output) {
    const ForecastGraph made = std::move(graph).finish(output);
    return evaluate_graph(made,
                          std::vector<std::span<const float>>(numbers.begin(), numbers.end()));
  }
};

void check(const Numbers& found, const Numbers& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(found[i] == Approx(expected[i]).margin(1e-6));
}

TEST_CASE("elementwise operations broadcast their second value from the last axis") {
  const Numbers x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto of = [&](const auto& operation, Shape shape, Numbers b) {
    Case one;
    const GraphId a = one.input({2, 3, 2}, x), small = one.input(std::move(shape), std::move(b));
    return one.forecast(operation(one.graph, a, small));
  };
  const auto add = [](GraphBuilder& g, GraphId a, GraphId b) { return g.add(a, b); };
  CHECK(of(add, {2}, {10, 20}) == Numbers{11, 22, 13, 24, 15, 26, 17, 28, 19, 30, 21, 32});
  CHECK(of(add, {3, 1}, {10, 20, 30}) == Numbers{11, 12, 23, 24, 35, 36, 17, 18, 29, 30, 41, 42});
  CHECK(of(add, {1, 3, 2}, {0, 1, 2, 3, 4, 5}) == Numbers{1, 3, 5, 7, 9, 11, 7, 9, 11, 13, 15, 17});
  CHECK(of(add, {2, 1, 1}, {10, 20}) == Numbers{11, 12, 13, 14, 15, 16, 27, 28, 29, 30, 31, 32});
  CHECK(of(add, {1}, {100}) == Numbers{101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112});
  CHECK(of([](GraphBuilder& g, GraphId a, GraphId b) { return g.subtract(a, b); }, {2}, {1, 3}) ==
        Numbers{0, -1, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9});
  CHECK(of([](GraphBuilder& g, GraphId a, GraphId b) { return g.multiply(a, b); }, {2}, {2, -1}) ==
        Numbers{2, -2, 6, -4, 10, -6, 14, -8, 18, -10, 22, -12});
  CHECK(of([](GraphBuilder& g, GraphId a, GraphId b) { return g.divide(a, b); }, {2}, {2, 4}) ==
        Numbers{.5F, .5F, 1.5F, 1, 2.5F, 1.5F, 3.5F, 2, 4.5F, 2.5F, 5.5F, 3});
}

TEST_CASE("functions of one number") {
  Case root, relu, gelu;
  check(root.forecast(root.graph.square_root(root.input({3}, {4, 2, 0}))), {2, 1.4142136F, 0});
  CHECK(relu.forecast(relu.graph.relu(relu.input({3}, {-1, 0, 2}))) == Numbers{0, 0, 2});
  check(gelu.forecast(gelu.graph.gelu(gelu.input({4}, {-1, 0, 1, 3}))),
        {-0.15865525F, 0, 0.84134475F, 2.9959502F});
}

TEST_CASE("means over an axis keep it with extent 1") {
  const Numbers x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto mean = [&](std::size_t axis) {
    Case one;
    return one.forecast(one.graph.mean(one.input({2, 3, 2}, x), axis));
  };
  CHECK(mean(0) == Numbers{4, 5, 6, 7, 8, 9});
  CHECK(mean(1) == Numbers{3, 4, 9, 10});
  CHECK(mean(2) == Numbers{1.5F, 3.5F, 5.5F, 7.5F, 9.5F, 11.5F});
  Case squares;
  CHECK(squares.forecast(squares.graph.mean_square(squares.input({2, 3, 2}, x), 0)) ==
        Numbers{25, 34, 45, 58, 73, 90});
}

TEST_CASE("a linear map of each row, with and without bias") {
  const Numbers x{1, 2, 3, 4}, w{1, 0, 0, 1, 2, -1};
  Case with, without;
  const GraphId a = with.input({2, 2}, x), weight = with.input({3, 2}, w),
                bias = with.input({3}, {10, 20, 30});
  CHECK(with.forecast(with.graph.linear(a, weight, bias)) == Numbers{11, 22, 30, 13, 24, 32});
  const GraphId b = without.input({2, 1, 2}, x), v = without.input({3, 2}, w);
  CHECK(without.forecast(without.graph.linear(b, v)) == Numbers{1, 2, 0, 3, 4, 2});
}

TEST_CASE("layer normalization of each row") {
  Case one;
  const GraphId x = one.input({2, 3}, {1, 2, 3, 10, 10, 10}), gain = one.input({3}, {1, 2, 4}),
                bias = one.input({3}, {0, 5, 0});
  // Variance 2 / 3, and with epsilon 1 / 3 a deviation of 1.
  check(one.forecast(one.graph.layer_norm(x, gain, bias, 1.0F / 3)), {-1, 5, 4, 0, 5, 0});
}

TEST_CASE("attention: softmax of scaled scores, by heads, with values of another width") {
  const float ln3 = 1.0986123F;
  Case two_heads;
  // Head 0 sees scores 0 and ln 3 / 2, times 2; head 1 sees 0 and 0.
  const GraphId q = two_heads.input({1, 2}, {1, 5}),
                k = two_heads.input({2, 2}, {0, 0, ln3 / 2, 0}),
                v = two_heads.input({2, 4}, {0, 4, 0, 4, 8, 0, 8, 0});
  check(two_heads.forecast(two_heads.graph.attention(q, k, v, 2, 2)), {6, 1, 4, 2});

  Case side_by_side;  // two sequences attend to their own keys
  const GraphId q2 = side_by_side.input({2, 1, 1}, {1, 1}),
                k2 = side_by_side.input({2, 2, 1}, {0, ln3, ln3, 0}),
                v2 = side_by_side.input({2, 2, 1}, {0, 4, 8, 12});
  check(side_by_side.forecast(side_by_side.graph.attention(q2, k2, v2, 1, 1)), {3, 9});

  Case causal;
  const GraphId c = causal.input({3, 1}, {0, 0, 0}), u = causal.input({3, 1}, {2, 4, 12});
  check(causal.forecast(causal.graph.attention(c, c, u, 1, 1, true)), {2, 3, 6});

  Case large;  // the largest score is taken off before exp
  const GraphId ones = large.input({2, 1}, {300, 300}), w = large.input({2, 1}, {1, 3});
  check(large.forecast(large.graph.attention(ones, ones, w, 1, 1)), {2, 2});
}

TEST_CASE("transposes, reshapes, slices, gathers and concatenations move numbers") {
  const Numbers x{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
  const auto of = [&](const auto& operation) {
    Case one;
    const GraphId a = one.input({2, 3, 2}, x);
    return one.forecast(operation(one.graph, a));
  };
  CHECK(of([](GraphBuilder& g, GraphId a) {
          return g.transpose(a, {1, 2, 0});
        }) == Numbers{1, 7, 2, 8, 3, 9, 4, 10, 5, 11, 6, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) {
          return g.transpose(a, {2, 0, 1});
        }) == Numbers{1, 3, 5, 7, 9, 11, 2, 4, 6, 8, 10, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) { return g.reshape(a, {4, 3}); }) == x);
  CHECK(of([](GraphBuilder& g, GraphId a) { return g.slice(a, 1, 1, 2); }) ==
        Numbers{3, 4, 5, 6, 9, 10, 11, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) { return g.slice(a, 2, 1, 1); }) ==
        Numbers{2, 4, 6, 8, 10, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) {
          return g.gather(a, 1, {2, 0, 2, 1}, {2, 2});
        }) == Numbers{5, 6, 1, 2, 5, 6, 3, 4, 11, 12, 7, 8, 11, 12, 9, 10});
  CHECK(of([](GraphBuilder& g, GraphId a) { return g.gather(a, 2, {1}, {1}); }) ==
        Numbers{2, 4, 6, 8, 10, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) {
          return g.concat({g.slice(a, 1, 2, 1), a}, 1);
        }) == Numbers{5, 6, 1, 2, 3, 4, 5, 6, 11, 12, 7, 8, 9, 10, 11, 12});
  CHECK(of([](GraphBuilder& g, GraphId a) {
          return g.concat({a, g.slice(a, 2, 0, 1)}, 2);
        }) == Numbers{1, 2, 1, 3, 4, 3, 5, 6, 5, 7, 8, 7, 9, 10, 9, 11, 12, 11});
}

TEST_CASE("a graph is evaluated with all inputs, each of its size") {
  GraphBuilder graph;
  const GraphId x = graph.input("history", {2, 3}), y = graph.input("marks", {3});
  const ForecastGraph made = std::move(graph).finish(graph.add(x, y));
  const Numbers six(6, 1), three(3, 2);
  const std::vector<std::span<const float>> good{six, three}, few{six}, bad{six, six};
  CHECK(evaluate_graph(made, good) == Numbers(6, 3));
  CHECK(contains(message_of<ShapeError>([&] { (void)evaluate_graph(made, few); }),
                 "expected 2 inputs, found 1"));
  CHECK(contains(message_of<ShapeError>([&] { (void)evaluate_graph(made, bad); }),
                 "marks: expected [3] numbers, found 6"));
}

}  // namespace evaluate_graph_tests
