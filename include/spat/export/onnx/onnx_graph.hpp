// export. A graph of ONNX operators under construction.
#pragma once

#include <spat/core/text.hpp>
#include <spat/export/onnx/protobuf.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <numeric>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// An attribute of an ONNX operator.
class OnnxAttribute {
 public:
  static OnnxAttribute integer(std::string_view name, std::int64_t value) {
    OnnxAttribute made(name);
    made.content_.integer(3, value).integer(20, 2);
    return made;
  }
  static OnnxAttribute integers(std::string_view name, std::span<const std::int64_t> values) {
    OnnxAttribute made(name);
    for (const std::int64_t value : values) made.content_.integer(8, value);
    made.content_.integer(20, 7);
    return made;
  }
  /// Of Transpose: swaps two of `axes` axes, which are counted from behind.
  static OnnxAttribute swapped(std::size_t axes, std::size_t a, std::size_t b) {
    std::vector<std::int64_t> order(axes);
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::swap(order[axes - a], order[axes - b]);
    return integers("perm", order);
  }
  [[nodiscard]] const ProtobufMessage& content() const { return content_; }

 private:
  explicit OnnxAttribute(std::string_view name) { content_.text(1, name); }
  ProtobufMessage content_;
};

/// The nodes, constants, inputs and outputs of an ONNX graph, in the order of the calls. Values
/// have names; each name is given once. Every input and output has a leading axis "batch".
class OnnxGraph {
 public:
  using Integers = std::vector<std::int64_t>;

  /// Returns the name, with a number behind it if it is taken, and takes it.
  std::string take_name(const std::string& wish) {
    std::string name = wish;
    for (std::size_t number = 2; !names_.insert(name).second; ++number)
      name = message(wish, "_", number);
    return name;
  }

  /// An input or the output: float32 of this shape behind the batch.
  void input(const std::string& name, std::span<const std::size_t> shape,
             std::string_view description) {
    content_.inputs.push_back(value_info(name, shape, description));
  }
  void output(const std::string& name, std::span<const std::size_t> shape,
              std::string_view description) {
    content_.outputs.push_back(value_info(name, shape, description));
  }

  /// A constant of float32 numbers, under its name or one like it. Returns the name.
  std::string constant(const std::string& wish, std::span<const std::size_t> shape,
                       std::span<const float> numbers) {
    std::string name = take_name(wish);
    ProtobufMessage tensor;
    for (const std::size_t extent : shape) tensor.integer(1, static_cast<std::int64_t>(extent));
    tensor.integer(2, 1).text(8, name);
    content_.constants.push_back(std::move(tensor.text(9, raw(numbers))));
    return name;
  }
  /// A constant of one number; equal ones are shared. Returns its name.
  std::string number(float value) {
    std::string& name = numbers_[std::bit_cast<std::uint32_t>(value)];
    if (name.empty()) name = constant(message("number.", value), {}, std::span(&value, 1));
    return name;
  }
  /// A constant of int64 numbers in this shape; equal ones are shared. Returns its name.
  std::string integers(const Integers& values, const Integers& shape) {
    std::string& name = integers_[{values, shape}];
    if (!name.empty()) return name;
    std::string wish = "integers";
    if (values.size() > 8)
      wish.append(".many");
    else
      for (const std::int64_t value : values) wish.append(message(".", value));
    name = take_name(wish);
    ProtobufMessage tensor;
    for (const std::int64_t extent : shape) tensor.integer(1, extent);
    tensor.integer(2, 7).text(8, name).text(9, raw(std::span(values)));
    content_.constants.push_back(std::move(tensor));
    return name;
  }
  /// The same along one axis.
  std::string integers(const Integers& values) {
    return integers(values, {static_cast<std::int64_t>(values.size())});
  }

  /// An operator. Its result gets the name `wish` or one like it. Returns the name.
  std::string node(const std::string& type, const std::vector<std::string>& inputs,
                   const std::string& wish, std::initializer_list<OnnxAttribute> attributes = {}) {
    std::string output = take_name(wish);
    node_to(output, type, inputs, attributes);
    return output;
  }
  /// The same with a name that was taken before.
  void node_to(const std::string& output, const std::string& type,
               const std::vector<std::string>& inputs,
               std::initializer_list<OnnxAttribute> attributes = {}) {
    ProtobufMessage node;
    for (const std::string& input : inputs) node.text(1, input);
    node.text(2, output).text(3, output).text(4, type);
    for (const OnnxAttribute& attribute : attributes) node.nested(5, attribute.content());
    content_.nodes.push_back(std::move(node));
    ++operators_[type];
  }

  /// How often each operator occurs.
  [[nodiscard]] const std::map<std::string, std::size_t>& operators() const { return operators_; }

  /// The GraphProto of this name.
  [[nodiscard]] ProtobufMessage proto(std::string_view name) const {
    ProtobufMessage graph;
    for (const auto& node : content_.nodes) graph.nested(1, node);
    graph.text(2, name);
    for (const auto& constant : content_.constants) graph.nested(5, constant);
    for (const auto& input : content_.inputs) graph.nested(11, input);
    for (const auto& output : content_.outputs) graph.nested(12, output);
    return graph;
  }

 private:
  template <class Number>
  static std::string_view raw(std::span<const Number> numbers) {
    static_assert(std::endian::native == std::endian::little);
    return {reinterpret_cast<const char*>(numbers.data()), numbers.size_bytes()};
  }
  static ProtobufMessage value_info(const std::string& name, std::span<const std::size_t> shape,
                                    std::string_view description) {
    ProtobufMessage dimensions, tensor, type, info;
    dimensions.nested(1, ProtobufMessage().text(2, "batch"));
    for (const std::size_t extent : shape)
      dimensions.nested(1, ProtobufMessage().integer(1, static_cast<std::int64_t>(extent)));
    tensor.integer(1, 1).nested(2, dimensions);
    type.nested(1, tensor);
    info.text(1, name).nested(2, type);
    if (!description.empty()) info.text(3, description);
    return info;
  }

  struct Content {
    std::vector<ProtobufMessage> nodes, constants, inputs, outputs;
  };
  Content content_;
  std::set<std::string> names_;
  std::map<std::uint32_t, std::string> numbers_;
  std::map<std::pair<Integers, Integers>, std::string> integers_;
  std::map<std::string, std::size_t> operators_;
};

}  // namespace spat
