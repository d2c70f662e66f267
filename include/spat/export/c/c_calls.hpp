// export. The nodes of a graph as calls of the functions of a C file.
#pragma once

#include <spat/export/c/c_axes.hpp>
#include <spat/export/c/c_functions.hpp>
#include <spat/export/c/c_text.hpp>
#include <spat/export/c/c_weights.hpp>
#include <spat/export/c/memory_plan.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

/// One operation of a C file. `name` is that of its parameters, or of the operation.
struct COperation {
  std::string name = {};
  std::size_t macs = 0;
};

namespace detail {

/// Writes the calls of a graph, whose values lie where the plan says.
class CCalls {
 public:
  CCalls(const ForecastGraph& graph, const MemoryPlan& plan, std::span<const WeightType> types)
      : graph_(graph), plan_(plan), types_(types) {
    for (const GraphNode& node : graph.nodes)
      if (node.op == GraphOp::gather && extent(node) > std::numeric_limits<std::uint16_t>::max())
        index_bytes_ = sizeof(std::uint32_t);
    for (std::size_t i = 0; i < graph.nodes.size(); ++i)
      if (!plan.moves_nothing[i]) write(i);
    if (plan.at(graph.output).storage != GraphStorage::output)
      call("copy", {"forecast", "0", at(graph.output), "0", "1"}, {graph.at(graph.output).size()});
    for (std::size_t i = 0; i < graph.inputs.size(); ++i)
      if (!reads(graph.inputs[i])) text_.append(message("  (void)", c_input_name(graph, i), ";\n"));
  }

  /// The statements of the forecast function.
  [[nodiscard]] const std::string& text() const { return text_; }
  /// The tables of indices that it reads, and their bytes.
  [[nodiscard]] const std::string& tables() const { return tables_; }
  [[nodiscard]] std::size_t table_bytes() const { return table_bytes_; }
  [[nodiscard]] const std::vector<COperation>& operations() const { return operations_; }
  [[nodiscard]] bool uses(std::string_view function) const { return used_.contains(function); }
  /// Whether they read the array of an input or constant.
  [[nodiscard]] bool reads(GraphId id) const { return read_.contains(id); }
  [[nodiscard]] const char* index_type() const {
    return index_bytes_ == sizeof(std::uint16_t) ? "uint16_t" : "uint32_t";
  }

 private:
  const ForecastGraph& graph_;
  const MemoryPlan& plan_;
  std::span<const WeightType> types_;
  std::string text_, tables_;
  std::size_t index_bytes_ = sizeof(std::uint16_t), table_bytes_ = 0;
  std::vector<COperation> operations_;
  std::set<std::string_view> used_;
  std::set<GraphId> read_;

  [[nodiscard]] const std::vector<std::size_t>& shape(GraphId id) const {
    return graph_.at(id).shape;
  }
  [[nodiscard]] static std::size_t product(std::span<const std::size_t> extents) {
    std::size_t size = 1;
    for (const std::size_t extent : extents) size *= extent;
    return size;
  }
  [[nodiscard]] std::size_t before(GraphId id, std::size_t axis) const {
    return product(std::span(shape(id)).first(axis));
  }
  [[nodiscard]] std::size_t after(GraphId id, std::size_t axis) const {
    return product(std::span(shape(id)).subspan(axis + 1));
  }
  [[nodiscard]] std::size_t extent(const GraphNode& node) const {
    return shape(node.inputs[0])[node.axis];
  }

  [[nodiscard]] static std::string shifted(std::string array, std::size_t offset) {
    return offset == 0 ? array : array.append(message(" + ", offset));
  }
  /// The address of a value.
  [[nodiscard]] std::string at(GraphId id) {
    const ValuePlace& place = plan_.at(id);
    read_.insert(place.array);
    switch (place.storage) {
      case GraphStorage::constant:
        return shifted(c_array_name(place.array), place.offset);
      case GraphStorage::input:
        for (std::size_t i = 0; i < graph_.inputs.size(); ++i)
          if (graph_.inputs[i] == place.array)
            return shifted(c_input_name(graph_, i), place.offset);
        break;
      case GraphStorage::output:
        return "forecast";
      case GraphStorage::buffer:
        break;
    }
    return shifted("buffer", place.offset);
  }

  void call(std::string_view function, const std::vector<std::string>& arrays,
            std::initializer_list<std::size_t> numbers, const std::string& last = {}) {
    used_.insert(function);
    std::string line = message("  ", function, "(");
    for (const std::string& array : arrays)
      line.append(line.back() == '(' ? "" : ", ").append(array);
    for (const std::size_t number : numbers) line.append(message(", ", number));
    if (!last.empty()) line.append(", ").append(last);
    text_.append(line).append(");\n");
  }
  /// A call inside loops over the axes that the function does not have.
  void call_in(const std::vector<CLoop>& loops, std::string_view function,
               std::vector<std::string> arrays, std::initializer_list<std::size_t> numbers) {
    std::string indent = "  ";
    for (std::size_t i = 0; i < loops.size(); ++i, indent.append("  ")) {
      const std::string index = message("i", i);
      text_.append(message(indent, "for (size_t ", index, " = 0; ", index, " < ", loops[i].count,
                           "; ++", index, ")\n"));
      for (std::size_t k = 0; k < arrays.size(); ++k)
        if (loops[i].steps[k] > 0)
          arrays[k].append(message(" + ", index, " * ", loops[i].steps[k]));
    }
    text_.append(indent, 2);
    call(function, arrays, numbers);
  }

  /// The name of a layer's parameters.
  [[nodiscard]] std::string layer_name(const GraphNode& node) const {
    std::string name = graph_.at(node.inputs[1]).name;
    for (const std::string_view end : {".weight", ".weight.by_token"})
      if (name.ends_with(end)) name.resize(name.size() - end.size());
    return name;
  }
  void begin(std::string name, std::size_t macs = 0) {
    text_.append(message("  /* ", c_comment(name)));
    if (macs > 0) text_.append(message(": ", macs, " multiply-adds"));
    text_.append(" */\n");
    operations_.push_back({std::move(name), macs});
  }

  void write(std::size_t i) {
    const GraphNode& node = graph_.nodes[i];
    switch (node.op) {
      case GraphOp::add:
        return elementwise(node, "add");
      case GraphOp::subtract:
        return elementwise(node, "subtract");
      case GraphOp::multiply:
        return elementwise(node, "multiply");
      case GraphOp::divide:
        return elementwise(node, "divide");
      case GraphOp::square_root:
        return unary(node, "square_root");
      case GraphOp::relu:
        return unary(node, "relu");
      case GraphOp::gelu:
        return unary(node, "gelu");
      case GraphOp::mean:
        return reduce(node, "mean");
      case GraphOp::mean_square:
        return reduce(node, "mean_square");
      case GraphOp::linear:
        return linear(node);
      case GraphOp::layer_norm:
        return layer_norm(node);
      case GraphOp::attention:
        return attention(node, plan_.scores[i]);
      case GraphOp::transpose:
        return transpose(node);
      case GraphOp::reshape:
        return reshape(node);
      case GraphOp::slice:
        return slice(node);
      case GraphOp::gather:
        return gather(node, i);
      case GraphOp::concat:
        return concat(node);
    }
  }

  void elementwise(const GraphNode& node, const char* function) {
    const GraphId a = node.inputs[0], b = node.inputs[1];
    const CLoops loops = broadcast_loops(shape(a), shape(b));
    begin(function);
    call_in(loops.around, function, {at(node.output), at(a), at(b)},
            {loops.counts[0], loops.counts[1], loops.counts[2]});
  }

  void unary(const GraphNode& node, const char* function) {
    begin(function);
    call(function, {at(node.output), at(node.inputs[0])}, {graph_.at(node.output).size()});
  }

  void reduce(const GraphNode& node, const char* function) {
    const GraphId x = node.inputs[0];
    begin(function);
    call(function, {at(node.output), at(x)},
         {before(x, node.axis), extent(node), after(x, node.axis)});
  }

  void linear(const GraphNode& node) {
    const GraphId w = node.inputs[1];
    const std::size_t out = shape(w)[0], in = shape(w)[1],
                      rows = graph_.at(node.output).size() / out;
    begin(layer_name(node), rows * in * out);
    std::vector<std::string> arrays{at(node.output), at(node.inputs[0]), at(w)};
    if (types_[w] == WeightType::int8) arrays.push_back(c_scales_name(w));
    arrays.push_back(node.inputs.size() > 2 ? at(node.inputs[2]) : "NULL");
    call(types_[w] == WeightType::int8   ? "linear_int8"
         : types_[w] == WeightType::bf16 ? "linear_bf16"
                                         : "linear",
         arrays, {rows, in, out});
  }

  void layer_norm(const GraphNode& node) {
    const std::size_t width = shape(node.output).back();
    begin(layer_name(node));
    call("layer_norm",
         {at(node.output), at(node.inputs[0]), at(node.inputs[1]), at(node.inputs[2])},
         {graph_.at(node.output).size() / width, width}, c_number(node.epsilon));
  }

  void attention(const GraphNode& node, std::size_t scores) {
    const auto &q = shape(node.inputs[0]), &k = shape(node.inputs[1]);
    const std::size_t axes = q.size(), n = q[axes - 2], m = k[axes - 2],
                      batch = before(node.inputs[0], axes - 2), e = q.back() / node.heads,
                      d = shape(node.output).back() / node.heads;
    const std::size_t pairs = node.causal ? n * (n + 1) / 2 : n * m;
    begin("attention", batch * pairs * node.heads * (e + d));
    call("attention",
         {at(node.output), at(node.inputs[0]), at(node.inputs[1]), at(node.inputs[2]),
          shifted("buffer", scores)},
         {batch, n, m, node.heads, e, d},
         message(c_number(node.scale), node.causal ? ", 1, 1" : message(", ", m, ", 0")));
  }

  void transpose(const GraphNode& node) {
    const GraphId x = node.inputs[0];
    const CLoops loops = transpose_loops(shape(x), node.numbers);
    begin("transpose");
    call_in(loops.around, "transpose", {at(node.output), at(x)},
            {loops.counts[0], loops.counts[1], loops.counts[2], loops.steps[0], loops.steps[1],
             loops.steps[2]});
  }

  void reshape(const GraphNode& node) {
    begin("reshape");
    call("copy", {at(node.output), "0", at(node.inputs[0]), "0", "1"},
         {graph_.at(node.output).size()});
  }

  void slice(const GraphNode& node) {
    const GraphId x = node.inputs[0];
    const std::size_t inner = after(x, node.axis), count = shape(node.output)[node.axis] * inner;
    begin("slice");
    call("copy",
         {at(node.output), message(count), shifted(at(x), node.numbers[0] * inner),
          message(extent(node) * inner)},
         {before(x, node.axis), count});
  }

  void gather(const GraphNode& node, std::size_t i) {
    const GraphId x = node.inputs[0];
    const std::string table = message("index", i);
    constexpr std::size_t per_line = 16;
    tables_.append(c_array(index_type(), table, node.numbers.size(), per_line,
                           [&](std::size_t k) { return message(node.numbers[k]); }));
    table_bytes_ += node.numbers.size() * index_bytes_;
    begin("gather");
    call("gather", {at(node.output), at(x), table},
         {before(x, node.axis), extent(node), node.numbers.size(), after(x, node.axis)});
  }

  void concat(const GraphNode& node) {
    const GraphId y = node.output;
    const std::size_t whole = shape(y)[node.axis] * after(y, node.axis);
    std::size_t done = 0;
    begin("concat");
    for (const GraphId part : node.inputs) {
      const std::size_t count = shape(part)[node.axis] * after(part, node.axis);
      call("copy", {shifted(at(y), done), message(whole), at(part), message(count)},
           {before(y, node.axis), count});
      done += count;
    }
  }
};

}  // namespace detail

}  // namespace spat
