#include <tests/export/onnx_reader.hpp>
#include <tests/support/errors.hpp>

#include <map>
#include <set>

namespace onnx_tests {

namespace {

std::string bytes_of(std::initializer_list<int> bytes) {
  std::string made;
  for (const int byte : bytes) made.push_back(static_cast<char>(byte));
  return made;
}

}  // namespace

TEST_CASE("protocol buffers have the bytes of the format") {
  CHECK(ProtobufMessage().integer(1, 150).bytes() == bytes_of({0x08, 0x96, 0x01}));
  CHECK(ProtobufMessage().integer(1, 0).bytes() == bytes_of({0x08, 0x00}));
  CHECK(ProtobufMessage().integer(2, 127).bytes() == bytes_of({0x10, 0x7F}));
  CHECK(ProtobufMessage().integer(2, 128).bytes() == bytes_of({0x10, 0x80, 0x01}));
  CHECK(ProtobufMessage().integer(16, 1).bytes() == bytes_of({0x80, 0x01, 0x01}));
  CHECK(ProtobufMessage().integer(1, -2).bytes() ==
        bytes_of({0x08, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01}));
  CHECK(ProtobufMessage().text(2, "testing").bytes() == message(bytes_of({0x12, 0x07}), "testing"));
  CHECK(ProtobufMessage().text(2, "").bytes() == bytes_of({0x12, 0x00}));
  CHECK(ProtobufMessage().text(2, std::string("a\0b", 3)).bytes() ==
        bytes_of({0x12, 0x03, 'a', 0, 'b'}));
  CHECK(ProtobufMessage().nested(3, ProtobufMessage().integer(1, 150)).bytes() ==
        bytes_of({0x1A, 0x03, 0x08, 0x96, 0x01}));
  const std::string long_text(300, 'x');
  CHECK(ProtobufMessage().text(1, long_text).bytes() ==
        message(bytes_of({0x0A, 0xAC, 0x02}), long_text));
  CHECK(ProtobufMessage().integer(1, 1).integer(1, 2).bytes() == bytes_of({8, 1, 8, 2}));
}

TEST_CASE("an ONNX file says what it is") {
  const OnnxOptions options{.name = "load",
                            .description = "A forecast.",
                            .value_descriptions = {{"history", "rows in MW"}}};
  const Message model(
      onnx_model(linear_graph(), {{"spat.model", "x"}, {"spat.config", "{}"}}, options));
  CHECK(model.integers(1) == Integers{7});
  CHECK(model.text(2) == "spat");
  CHECK(model.text(3) == SPAT_VERSION);
  CHECK(model.text(6) == "A forecast.");
  CHECK(model.inner(8).text(1).empty());
  CHECK(model.inner(8).integers(2) == Integers{13});
  const Names metadata = model.texts(14);
  REQUIRE(metadata.size() == 2);
  CHECK(Message(metadata[0]).text(1) == "spat.config");
  CHECK(Message(metadata[0]).text(2) == "{}");
  CHECK(Message(metadata[1]).text(1) == "spat.model");
  const Message graph = model.inner(7);
  CHECK(graph.text(2) == "load");
  // fields in order of their numbers, as other writers have them
  for (const Message& one : {model, graph})
    CHECK(std::ranges::is_sorted(one.fields, {}, &Message::Field::number));
  CHECK(Message(graph.text(11)).text(1) == "history");
  CHECK(Message(graph.text(11)).text(3) == "rows in MW");
  CHECK(Message(graph.text(12)).text(1) == "forecast");
  CHECK(Message(graph.text(12)).texts(3).empty());
}

TEST_CASE("inputs and output have any batch before the window's shape") {
  const Message graph = Read(linear_graph()).graph;
  const std::pair<std::uint64_t, Integers> values[] = {{11, {4, 3}}, {12, {4, 2}}};
  for (const auto& [field, shape] : values) {
    const Message tensor = graph.inner(field).inner(2).inner(1);
    CHECK(tensor.integers(1) == Integers{1});  // float32
    const Names dimensions = tensor.inner(2).texts(1);
    REQUIRE(dimensions.size() == 1 + shape.size());
    CHECK(Message(dimensions[0]).text(2) == "batch");
    for (std::size_t i = 0; i < shape.size(); ++i)
      CHECK(Message(dimensions[i + 1]).integers(1) == Integers{shape[i]});
  }
}

TEST_CASE("a linear map multiplies by the transposed weight, under its name") {
  const Read read(linear_graph());
  CHECK(read.types() == Names{"MatMul", "Add"});
  CHECK(read.inputs(0) == Names{"history", "head.weight.T"});
  CHECK(read.inputs(1)[1] == "head.bias");
  CHECK(read.node(1).text(2) == "forecast");
  CHECK(read.constants() == Names{"head.weight.T", "head.bias"});
  CHECK(read.constant("head.weight.T").integers(1) == Integers{3, 2});
  CHECK(read.floats("head.weight.T") == std::vector<float>{1, 4, 2, 5, 3, 6});
  CHECK(read.floats("head.bias") == std::vector<float>{1, 2});
}

TEST_CASE("a weight of two linear maps is there once") {
  const Read read(graph_of({4, 3}, [](GraphBuilder& b, GraphId history) {
    const GraphId weight = constant(b, "w", {3, 3});
    const GraphId twice = b.linear(b.linear(history, weight), weight);
    return b.add(twice, b.slice(weight, 0, 0, 1));
  }));
  CHECK(read.types() == Names{"MatMul", "MatMul", "Slice", "Add"});
  CHECK(read.constants() == Names{"w.T", "w", "integers.0", "integers.1"});
}

TEST_CASE("the same graph gives the same bytes of ONNX") {
  const std::map<std::string, std::string> metadata{{"a", "1"}, {"b", "2"}};
  const std::string once = onnx_model(linear_graph(), metadata);
  CHECK(once == onnx_model(linear_graph(), metadata));
  CHECK(once != onnx_model(linear_graph(), {{"a", "1"}}));
  CHECK(once == onnx_model(onnx_graph(linear_graph()), metadata));
}

TEST_CASE("only constants that are read are in the file, in the order in which they are read") {
  const Read read(graph_of({4, 3}, [](GraphBuilder& b, GraphId history) {
    constant(b, "unread", {3});
    const GraphId second = constant(b, "second", {3}), first = constant(b, "first", {3});
    return b.add(b.multiply(history, first), second);
  }));
  CHECK(read.constants() == Names{"first", "second"});
  CHECK(read.floats("second") == std::vector<float>{1, 2, 3});
}

TEST_CASE("names that are taken already get a number") {
  const Read read(graph_of({4, 3}, [](GraphBuilder& b, GraphId history) {
    const GraphId weight = constant(b, "w", {3, 3}), other = constant(b, "w.T", {3});
    return b.linear(b.add(history, other), weight);
  }));
  CHECK(read.inputs(0) == Names{"history", "w.T"});
  CHECK(read.inputs(1)[1] == "w.T_2");
  OnnxGraph graph;
  CHECK(graph.take_name("a") == "a");
  CHECK(graph.take_name("a") == "a_2");
  CHECK(graph.take_name("a") == "a_3");
  CHECK(graph.take_name("a_2") == "a_2_2");
}

TEST_CASE("every name is given once, and every operator reads what is there before it") {
  const ForecastGraph graph = graph_of({6, 4}, [](GraphBuilder& b, GraphId history) {
    const GraphId gamma = constant(b, "gamma", {4});
    const GraphId x = b.layer_norm(b.gelu(history), gamma, gamma, 1e-5F);
    return b.concat({b.attention(x, x, x, 2, 0.5F, true), constant(b, "more", {2, 4})}, 0);
  });
  const Read read(graph);
  const Names constants = read.constants();
  std::set<std::string> there(constants.begin(), constants.end());
  CHECK(there.size() == constants.size());
  there.insert("history");
  for (const auto& node : read.graph.texts(1)) {
    for (const auto& input : Message(node).texts(1)) CHECK(there.contains(input));
    CHECK(Message(node).text(2) == Message(node).text(3));
    CHECK(there.insert(Message(node).text(2)).second);
  }
  CHECK(there.contains("forecast"));
}

TEST_CASE("operators are counted by their types") {
  const std::map<std::string, std::size_t> right{{"Add", 1}, {"MatMul", 1}};
  CHECK(onnx_graph(linear_graph()).operators() == right);
}

TEST_CASE("a forecast that depends on no input has no ONNX file") {
  CHECK(message_of<ConfigError>([] {
          (void)onnx_graph(graph_of({4, 3}, [](GraphBuilder& b, GraphId) {
            return b.relu(constant(b, "c", {2, 3}));
          }));
        }) == "ONNX: the forecast depends on none of the inputs");
  CHECK(
      message_of<ConfigError>([] {
        (void)onnx_graph(graph_of({4, 3}, [](GraphBuilder&, GraphId history) { return history; }));
      }) == "ONNX: no operation computes the forecast");
  CHECK(message_of<ConfigError>([] {
          (void)onnx_graph(graph_of({4, 4}, [](GraphBuilder& b, GraphId history) {
            return b.linear(history, b.relu(history));
          }));
        }) == "ONNX: the weight v1 of a linear map depends on an input; it must be a constant");
}

}  // namespace onnx_tests
