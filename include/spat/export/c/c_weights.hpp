// export. The constants of a graph as arrays of a C file.
#pragma once

#include <spat/export/c/c_text.hpp>
#include <spat/export/graph.hpp>
#include <spat/io/half.hpp>
#include <spat/io/int8_rows.hpp>
#include <spat/io/weight_type.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The bytes of a file's constants.
struct CConstantBytes {
  std::size_t weights = 0, scales = 0, other = 0;

  [[nodiscard]] std::size_t total() const { return weights + scales + other; }
};

namespace detail {

/// The array of a constant, and that of its scales.
[[nodiscard]] inline std::string c_array_name(GraphId id) { return message("c", id); }
[[nodiscard]] inline std::string c_scales_name(GraphId id) { return message("scale", id); }
/// The parameter of the forecast function that is input number i.
[[nodiscard]] inline std::string c_input_name(const ForecastGraph& graph, std::size_t i) {
  const std::string& name = graph.at(graph.inputs[i]).name;
  const bool known = name == "history" || name == "history_marks" || name == "future_marks";
  return known ? name : message("input", i);
}

/// The type of each constant: `weights` for matrices that linear maps alone multiply by, float for
/// all others.
[[nodiscard]] inline std::vector<WeightType> c_types(const ForecastGraph& graph,
                                                     WeightType weights) {
  std::vector<WeightType> types(graph.values.size(), WeightType::f32);
  for (const GraphNode& node : graph.nodes)
    if (node.op == GraphOp::linear && graph.at(node.inputs[1]).is_constant())
      types[node.inputs[1]] = weights;
  for (const GraphNode& node : graph.nodes)
    for (std::size_t k = 0; k < node.inputs.size(); ++k)
      if (node.op != GraphOp::linear || k != 1) types[node.inputs[k]] = WeightType::f32;
  return types;
}

/// Throws NumericError for a number that no literal can give.
inline void expect_finite(const GraphValue& value) {
  for (std::size_t i = 0; i < value.numbers.size(); ++i)
    if (!std::isfinite(value.numbers[i]))
      throw NumericError(message(in_quotes(value.name), ": number ", i, " is ", value.numbers[i],
                                 ", which no C file can hold: expected finite weights"));
}

[[noreturn]] inline void too_large(const GraphValue& value, const char* type) {
  throw NumericError(message(in_quotes(value.name), ": has a number that is too large for ", type,
                             " weights; --weights f32 holds it"));
}

/// Constant `id` as an array, and for 8-bit integers another one of their scales; adds their bytes.
[[nodiscard]] inline std::string c_constant(const ForecastGraph& graph, GraphId id, WeightType type,
                                            bool is_weight, CConstantBytes& bytes) {
  const GraphValue& value = graph.at(id);
  const std::string array = c_array_name(id);
  constexpr std::size_t floats_per_line = 8, bytes_per_line = 16, halves_per_line = 12;
  expect_finite(value);
  std::string text = message("/* ", c_comment(value.name), " ", shape_text(value.shape), " */\n");
  const std::size_t count = value.size();
  const auto floats = [&](const std::string& name, std::span<const float> numbers) {
    return c_array("float", name, numbers.size(), floats_per_line,
                   [&](std::size_t i) { return c_number(numbers[i]); });
  };
  if (type == WeightType::int8) {
    const Int8Rows rows = to_int8_rows(std::span<const float>(value.numbers), value.shape[0]);
    bytes.weights += count;
    bytes.scales += rows.scales.size() * sizeof(float);
    text.append(c_array("int8_t", array, count, bytes_per_line,
                        [&](std::size_t i) { return message(int{rows.values[i]}); }));
    return text.append(floats(c_scales_name(id), rows.scales));
  }
  if (type == WeightType::bf16) {
    bytes.weights += count * sizeof(std::uint16_t);
    return text.append(c_array("uint16_t", array, count, halves_per_line, [&](std::size_t i) {
      const BFloat16 half = to_half<BFloat16>(static_cast<double>(value.numbers[i]));
      if (!std::isfinite(to_float(half))) too_large(value, "bf16");
      return message(half.bits);
    }));
  }
  (is_weight ? bytes.weights : bytes.other) += count * sizeof(float);
  return text.append(floats(array, value.numbers));
}

}  // namespace detail

}  // namespace spat
