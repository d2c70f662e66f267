// For tests of ONNX files: reads them by the rules of protocol buffers, and builds small graphs.
#pragma once

#include <tests/support/catch.hpp>

#include <spat/export/onnx/onnx_model.hpp>

#include <cstring>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace onnx_tests {

using namespace spat;

/// A message of protocol buffers, read by the format's own rules: the fields in their order.
struct Message {
  struct Field {
    std::uint64_t number = 0, integer = 0;
    std::string text = {};
  };
  std::vector<Field> fields = {};

  explicit Message(const std::string& bytes) {
    std::size_t at = 0;
    const auto varint = [&] {
      std::uint64_t value = 0;
      for (unsigned shift = 0;; shift += 7) {
        const auto byte = static_cast<unsigned char>(bytes.at(at++));
        value |= std::uint64_t{byte & 0x7Fu} << shift;
        if (byte < 0x80) return value;
      }
    };
    while (at < bytes.size()) {
      const std::uint64_t key = varint();
      Field field{.number = key >> 3};
      if ((key & 7) == 0) {
        field.integer = varint();
      } else {
        REQUIRE((key & 7) == 2);  // an ONNX graph of ours has no others
        const std::uint64_t size = varint();
        REQUIRE(size <= bytes.size() - at);
        field.text = bytes.substr(at, size);
        at += size;
      }
      fields.push_back(field);
    }
  }
  std::vector<std::string> texts(std::uint64_t number) const {
    std::vector<std::string> found;
    for (const Field& field : fields)
      if (field.number == number) found.push_back(field.text);
    return found;
  }
  std::vector<std::int64_t> integers(std::uint64_t number) const {
    std::vector<std::int64_t> found;
    for (const Field& field : fields)
      if (field.number == number) found.push_back(static_cast<std::int64_t>(field.integer));
    return found;
  }
  std::string text(std::uint64_t number) const {
    REQUIRE(texts(number).size() == 1);
    return texts(number)[0];
  }
  Message inner(std::uint64_t number) const { return Message(text(number)); }
};

using Integers = std::vector<std::int64_t>;
using Names = std::vector<std::string>;

template <class Number>
std::vector<Number> numbers_of(const std::string& raw) {
  std::vector<Number> numbers(raw.size() / sizeof(Number));
  std::memcpy(numbers.data(), raw.data(), raw.size());
  return numbers;
}

/// The ONNX graph in a model's bytes.
struct Read {
  Message graph;
  explicit Read(const std::string& bytes) : graph(Message(bytes).inner(7)) {}
  explicit Read(const ForecastGraph& of) : Read(onnx_model(of, {})) {}

  Names types() const {
    Names found;
    for (const auto& node : graph.texts(1)) found.push_back(Message(node).text(4));
    return found;
  }
  Message node(std::size_t i) const { return Message(graph.texts(1).at(i)); }
  Names inputs(std::size_t i) const { return node(i).texts(1); }
  Message node_of(const std::string& output) const {
    for (const auto& node : graph.texts(1))
      if (Message(node).text(2) == output) return Message(node);
    FAIL("no operator makes " << output);
    return Message("");
  }
  /// The attribute of the node that makes this value.
  Message attribute(const std::string& output, const std::string& name) const {
    for (const auto& attribute : node_of(output).texts(5))
      if (Message(attribute).text(1) == name) return Message(attribute);
    FAIL("no attribute " << name << " of " << output);
    return Message("");
  }
  Integers integers(const std::string& output, const std::string& name) const {
    const Message found = attribute(output, name);
    CHECK(found.integers(20) == Integers{7});  // INTS
    return found.integers(8);
  }
  std::int64_t integer(const std::string& output, const std::string& name) const {
    const Message found = attribute(output, name);
    CHECK(found.integers(20) == Integers{2});  // INT
    return found.integers(3).at(0);
  }
  Message constant(const std::string& name) const {
    for (const auto& tensor : graph.texts(5))
      if (Message(tensor).text(8) == name) return Message(tensor);
    FAIL("no constant " << name);
    return Message("");
  }
  std::vector<float> floats(const std::string& name) const {
    CHECK(constant(name).integers(2) == Integers{1});
    return numbers_of<float>(constant(name).text(9));
  }
  Integers int64s(const std::string& name) const {
    CHECK(constant(name).integers(2) == Integers{7});
    return numbers_of<std::int64_t>(constant(name).text(9));
  }
  Names constants() const {
    Names found;
    for (const auto& tensor : graph.texts(5)) found.push_back(Message(tensor).text(8));
    return found;
  }
};

inline std::vector<float> counted(std::size_t count) {
  std::vector<float> numbers(count);
  std::iota(numbers.begin(), numbers.end(), 1.0F);
  return numbers;
}
inline GraphId constant(GraphBuilder& builder, const std::string& name,
                        std::vector<std::size_t> shape) {
  const std::size_t size =
      std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies<>());
  return builder.constant(name, std::move(shape), std::span<const float>(counted(size)));
}
/// The graph of what `make` builds from a history of this shape.
template <class Make>
ForecastGraph graph_of(std::vector<std::size_t> shape, Make&& make) {
  GraphBuilder builder;
  const GraphId history = builder.input("history", std::move(shape));
  const GraphId made = make(builder, history);
  return std::move(builder).finish(made);
}
/// A linear map with every part of a model's file.
inline ForecastGraph linear_graph() {
  return graph_of({4, 3}, [](GraphBuilder& b, GraphId history) {
    return b.linear(history, constant(b, "head.weight", {2, 3}), constant(b, "head.bias", {2}));
  });
}

}  // namespace onnx_tests
