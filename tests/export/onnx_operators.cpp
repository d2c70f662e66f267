#include <tests/export/onnx_reader.hpp>

namespace onnx_operators_tests {

using namespace onnx_tests;

namespace {

/// What one operation of a history [4 x 6] becomes.
template <class Make>
Read read_of(Make&& make) {
  return Read(graph_of({4, 6}, make));
}
const std::string x = "history";

}  // namespace

TEST_CASE("sums, differences, products and ratios are one operator each") {
  const std::pair<GraphId (GraphBuilder::*)(GraphId, GraphId), std::string> all[] = {
      {&GraphBuilder::add, "Add"},
      {&GraphBuilder::subtract, "Sub"},
      {&GraphBuilder::multiply, "Mul"},
      {&GraphBuilder::divide, "Div"}};
  for (const auto& [operation, type] : all) {
    const Read read = read_of([&, compute = operation](GraphBuilder& b, GraphId history) {
      return (b.*compute)(history, constant(b, "c", {6}));
    });
    CHECK(read.types() == Names{type});
    CHECK(read.inputs(0) == Names{x, "c"});
    CHECK(read.node(0).texts(5).empty());
  }
}

TEST_CASE("a constant minus what depends on the history keeps its place") {
  const Read read = read_of([](GraphBuilder& b, GraphId history) {
    return b.subtract(constant(b, "c", {4, 6}), history);
  });
  CHECK(read.inputs(0) == Names{"c", x});
}

TEST_CASE("what has fewer axes is aligned behind the batch") {
  const Read read = read_of([](GraphBuilder& b, GraphId history) {
    const GraphId row = b.reshape(b.slice(history, 0, 3, 1), {6});
    return b.subtract(history, row);
  });
  CHECK(read.types() == Names{"Slice", "Reshape", "Reshape", "Sub"});
  CHECK(read.int64s(read.inputs(1)[1]) == Integers{0, 6});
  CHECK(read.int64s(read.inputs(2)[1]) == Integers{0, 1, 6});
  CHECK(read.inputs(3) == Names{x, read.node(2).text(2)});
  // of equal rank, it is not
  CHECK(read_of([](GraphBuilder& b, GraphId history) {
          return b.subtract(history, b.slice(history, 0, 3, 1));
        }).types() == Names{"Slice", "Sub"});
}

TEST_CASE("square roots and ReLU are one operator each") {
  CHECK(read_of([](GraphBuilder& b, GraphId h) { return b.square_root(h); }).types() ==
        Names{"Sqrt"});
  CHECK(read_of([](GraphBuilder& b, GraphId h) { return b.relu(h); }).types() == Names{"Relu"});
}

TEST_CASE("GELU is the one of the error function") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) { return b.gelu(h); });
  CHECK(read.types() == Names{"Div", "Erf", "Add", "Mul", "Mul"});
  CHECK(read.inputs(0)[0] == x);
  CHECK(read.floats(read.inputs(0)[1]) == std::vector<float>{1.41421356F});
  CHECK(read.constant(read.inputs(0)[1]).integers(1).empty());  // a scalar
  CHECK(read.floats(read.inputs(2)[1]) == std::vector<float>{1});
  CHECK(read.inputs(3) == Names{x, read.node(2).text(2)});
  CHECK(read.floats(read.inputs(4)[1]) == std::vector<float>{0.5F});
}

TEST_CASE("means keep their axis, which lies behind the batch") {
  for (const std::int64_t axis : {0, 1}) {
    const auto at = static_cast<std::size_t>(axis);
    const Read mean = read_of([&](GraphBuilder& b, GraphId h) { return b.mean(h, at); });
    CHECK(mean.types() == Names{"ReduceMean"});
    CHECK(mean.integers("forecast", "axes") == Integers{axis + 1});
    CHECK(mean.integer("forecast", "keepdims") == 1);
    const Read square = read_of([&](GraphBuilder& b, GraphId h) { return b.mean_square(h, at); });
    CHECK(square.types() == Names{"Mul", "ReduceMean"});
    CHECK(square.inputs(0) == Names{x, x});
    CHECK(square.integers("forecast", "axes") == Integers{axis + 1});
    CHECK(square.integer("forecast", "keepdims") == 1);
  }
}

TEST_CASE("layer norm is made of basic operators") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    return b.layer_norm(h, constant(b, "gamma", {6}), constant(b, "beta", {6}), 0.25F);
  });
  CHECK(read.types() ==
        Names{"ReduceMean", "Sub", "Pow", "ReduceMean", "Add", "Sqrt", "Div", "Mul", "Add"});
  const auto result = [&](std::size_t i) { return read.node(i).text(2); };
  for (const std::size_t mean : {std::size_t{0}, std::size_t{3}}) {
    CHECK(read.integers(result(mean), "axes") == Integers{-1});
    CHECK(read.integer(result(mean), "keepdims") == 1);
  }
  CHECK(read.inputs(1) == Names{x, result(0)});
  CHECK(read.inputs(2)[0] == result(1));
  CHECK(read.floats(read.inputs(2)[1]) == std::vector<float>{2});
  CHECK(read.floats(read.inputs(4)[1]) == std::vector<float>{0.25F});
  CHECK(read.inputs(6) == Names{result(1), result(5)});
  CHECK(read.inputs(7) == Names{result(6), "gamma"});
  CHECK(read.inputs(8) == Names{result(7), "beta"});
}

TEST_CASE("linear maps of constants have no batch") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    const GraphId doubled = b.linear(constant(b, "rows", {6, 2}), constant(b, "w", {6, 2}));
    return b.linear(h, b.reshape(b.transpose(doubled, {1, 0}), {6, 6}));
  });
  CHECK(read.types() == Names{"MatMul", "Transpose", "Reshape", "Transpose", "MatMul"});
  CHECK(read.integers(read.node(1).text(2), "perm") == Integers{1, 0});
  CHECK(read.int64s(read.inputs(2)[1]) == Integers{6, 6});
  CHECK(read.integers(read.node(3).text(2), "perm") == Integers{1, 0});
  CHECK(read.inputs(4) == Names{x, read.node(3).text(2)});
}

TEST_CASE("attention is done per head") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    const GraphId key = b.slice(h, 0, 0, 3);
    return b.attention(h, key, key, 2, 0.125F);
  });
  CHECK(read.types() == Names{"Slice", "Reshape", "Transpose", "Reshape", "Transpose", "Reshape",
                              "Transpose", "MatMul", "Mul", "Softmax", "MatMul", "Transpose",
                              "Reshape"});
  const auto result = [&](std::size_t i) { return read.node(i).text(2); };
  const std::pair<std::size_t, Integers> splits[] = {
      {1, {0, 4, 2, 3}}, {3, {0, 3, 2, 3}}, {5, {0, 3, 2, 3}}, {12, {0, 4, 6}}};
  for (const auto& [i, shape] : splits) CHECK(read.int64s(read.inputs(i)[1]) == shape);
  const std::pair<std::size_t, Integers> orders[] = {
      {2, {0, 2, 1, 3}}, {4, {0, 2, 3, 1}}, {6, {0, 2, 1, 3}}, {11, {0, 2, 1, 3}}};
  for (const auto& [i, order] : orders) CHECK(read.integers(result(i), "perm") == order);
  CHECK(read.inputs(7) == Names{result(2), result(4)});
  CHECK(read.floats(read.inputs(8)[1]) == std::vector<float>{0.125F});
  CHECK(read.integer(result(9), "axis") == -1);
  CHECK(read.inputs(10) == Names{result(9), result(6)});
}

TEST_CASE("attention of one head needs no reshape, and of scale 1 no product") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) { return b.attention(h, h, h, 1, 1); });
  CHECK(read.types() == Names{"Transpose", "MatMul", "Softmax", "MatMul"});
  CHECK(read.integers(read.node(0).text(2), "perm") == Integers{0, 2, 1});
}

TEST_CASE("attention has leading axes of its own") {
  const Read read(
      graph_of({5, 4, 6}, [](GraphBuilder& b, GraphId h) { return b.attention(h, h, h, 3, 1); }));
  CHECK(read.int64s(read.inputs(0)[1]) == Integers{0, 5, 4, 3, 2});
  CHECK(read.integers(read.node(1).text(2), "perm") == Integers{0, 1, 3, 2, 4});
  CHECK(read.integers(read.node(3).text(2), "perm") == Integers{0, 1, 3, 4, 2});
}

TEST_CASE("queries that are constants have no batch") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    return b.attention(constant(b, "routers", {2, 6}), h, h, 2, 1);
  });
  CHECK(read.int64s(read.inputs(0)[1]) == Integers{2, 2, 3});
  CHECK(read.integers(read.node(1).text(2), "perm") == Integers{1, 0, 2});
  CHECK(read.int64s(read.inputs(2)[1]) == Integers{0, 4, 2, 3});
  const std::size_t last = read.types().size() - 1;
  CHECK(read.int64s(read.inputs(last)[1]) == Integers{0, 2, 6});
  CHECK(read.integers(read.node(last - 1).text(2), "perm") == Integers{0, 2, 1, 3});
}

TEST_CASE("a causal mask hides later keys, and is there once for all attentions") {
  const Read read(graph_of({3, 6}, [](GraphBuilder& b, GraphId h) {
    const GraphId once = b.attention(h, h, h, 1, 1, true);
    return b.attention(once, once, once, 1, 1, true);
  }));
  CHECK(read.types() == Names{"Transpose", "MatMul", "Add", "Softmax", "MatMul", "Transpose",
                              "MatMul", "Add", "Softmax", "MatMul"});
  CHECK(read.inputs(2)[1] == "causal.3");
  CHECK(read.inputs(7)[1] == "causal.3");
  constexpr float off = -1e9F;
  CHECK(read.floats("causal.3") == std::vector<float>{0, off, off, 0, 0, off, 0, 0, 0});
  CHECK(read.constants() == Names{"causal.3"});
}

TEST_CASE("axes are permuted and cut behind the batch") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    return b.reshape(b.slice(b.transpose(h, {1, 0}), 0, 2, 3), {2, 6});
  });
  CHECK(read.types() == Names{"Transpose", "Slice", "Reshape"});
  CHECK(read.integers(read.node(0).text(2), "perm") == Integers{0, 2, 1});
  CHECK(read.int64s(read.inputs(1)[1]) == Integers{2});
  CHECK(read.int64s(read.inputs(1)[2]) == Integers{5});
  CHECK(read.int64s(read.inputs(1)[3]) == Integers{1});
  CHECK(read.int64s(read.inputs(2)[1]) == Integers{0, 2, 6});
}

TEST_CASE("gathers have their indices in their shape") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    return b.gather(h, 1, {0, 1, 2, 3, 4, 5, 4, 5, 5, 5}, {5, 2});
  });
  CHECK(read.types() == Names{"Gather"});
  const std::string indices = read.inputs(0)[1];
  CHECK(read.int64s(indices) == Integers{0, 1, 2, 3, 4, 5, 4, 5, 5, 5});
  CHECK(read.constant(indices).integers(1) == Integers{5, 2});
  CHECK(read.integer("forecast", "axis") == 2);
}

TEST_CASE("constants are expanded to the batch where they are joined to what has one") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    const GraphId token = constant(b, "token", {1, 6});
    return b.concat({b.concat({h, token}, 0), b.concat({token, token}, 0), token}, 0);
  });
  CHECK(read.types() == Names{"Shape", "Slice", "Concat", "Expand", "Concat", "Concat", "Concat",
                              "Expand", "Concat"});
  const auto result = [&](std::size_t i) { return read.node(i).text(2); };
  CHECK(read.inputs(0) == Names{x});
  CHECK(read.int64s(read.inputs(1)[1]) == Integers{0});  // the first extent of the shape
  CHECK(read.int64s(read.inputs(1)[2]) == Integers{1});
  CHECK(read.inputs(2)[0] == result(1));
  CHECK(read.int64s(read.inputs(2)[1]) == Integers{1, 6});
  CHECK(read.inputs(3) == Names{"token", result(2)});
  CHECK(read.inputs(4) == Names{x, result(3)});
  CHECK(read.integer(result(4), "axis") == 1);
  CHECK(read.inputs(5) == Names{"token", "token"});  // constants alone have no batch
  CHECK(read.integer(result(5), "axis") == 0);
  CHECK(read.int64s(read.inputs(6)[1]) == Integers{2, 6});
}

TEST_CASE("equal numbers are one constant") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) { return b.gelu(b.gelu(h)); });
  CHECK(read.constants().size() == 3);
}

TEST_CASE("integers of another shape are another constant, named after its numbers if few") {
  const Read read = read_of([](GraphBuilder& b, GraphId h) {
    const GraphId row = b.gather(h, 0, {1, 2}, {2}), column = b.gather(h, 0, {1, 2}, {2, 1});
    const GraphId many = b.gather(h, 0, {0, 1, 2, 3, 0, 1, 2, 3, 0}, {9});
    return b.concat({row, b.reshape(column, {2, 6}), many}, 0);
  });
  CHECK(read.constants() ==
        Names{"integers.1.2", "integers.1.2_2", "integers.many", "integers.0.2.6"});
  CHECK(read.constant("integers.1.2").integers(1) == Integers{2});
  CHECK(read.constant("integers.1.2_2").integers(1) == Integers{2, 1});
}

}  // namespace onnx_operators_tests
