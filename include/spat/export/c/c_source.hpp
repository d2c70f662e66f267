// export. A forecast as one C99 file and its header.
#pragma once

#include <spat/export/c/c_calls.hpp>
#include <spat/export/c/c_header.hpp>
#include <spat/export/c/c_weights.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The texts of a C file and its header, and what they take.
struct CSource {
  std::string code = {}, header = {};
  CFigures figures = {};
  std::vector<COperation> operations = {};
};

namespace detail {

/// The functions that are used, each after those that it calls.
[[nodiscard]] inline std::vector<const CFunction*> functions_of(const CCalls& calls) {
  std::vector<const CFunction*> used;
  for (const CFunction& one : c_functions) {
    bool needed = calls.uses(one.name);
    for (const CFunction& other : c_functions)
      needed = needed || (other.calls == one.name && calls.uses(other.name));
    if (needed) used.push_back(&one);
  }
  return used;
}

/// Throws ShapeError for a graph without a history of rows and a forecast of rows.
inline void expect_rows(const ForecastGraph& graph) {
  const auto rows = [](const GraphValue& value) { return value.shape.size() == 2; };
  if (graph.inputs.empty() || !rows(graph.at(graph.inputs[0])) || !rows(graph.at(graph.output)))
    throw ShapeError(
        message("C file: expected a history and a forecast of rows, found ",
                graph.inputs.empty() ? "no input" : shape_text(graph.at(graph.inputs[0]).shape),
                " and ", shape_text(graph.at(graph.output).shape)));
}

}  // namespace detail

/// Throws ConfigError for options that no C file can follow.
inline void expect_c_options(const COptions& options) {
  expect_c_name(options.name);
  if (options.weights == WeightType::f16)
    throw ConfigError(
        "f16 weights cannot be written as C: C99 has no such type, and to widen one takes many "
        "operations; bf16 takes as many bytes, and int8 half of them");
  const bool plain = std::ranges::all_of(options.header_file, [](char c) {
    return detail::is_letter(c) || detail::is_digit(c) || c == '.' || c == '-' || c == '+' ||
           c == ' ';
  });
  if (!plain || options.header_file.empty())
    throw ConfigError(message("the name of a C file: ", in_quotes(options.header_file),
                              ": expected letters of ASCII, digits, and the signs . _ - +"));
}

/// A graph as one C99 file: its constants, its code and one static buffer, without heap, stdio or
/// files. It calls expf, erff, sqrtf and memcpy alone, and those only if it needs them. The same
/// graph gives the same bytes.
///
/// Weights of linear maps have the type of the options; all other numbers are float. An int8 weight
/// is scale q with one scale per output, and a product is scale sum(q x) + b. Throws ConfigError
/// for a name that is none, and for f16. Throws NumericError for constants that are not finite, and
/// for weights that bf16 does not hold.
[[nodiscard]] inline CSource c_source(const ForecastGraph& graph, const COptions& options) {
  expect_c_options(options);
  detail::expect_rows(graph);
  const std::vector<WeightType> types = detail::c_types(graph, options.weights);
  const MemoryPlan plan = plan_memory(graph);
  const detail::CCalls calls(graph, plan, types);
  const auto functions = detail::functions_of(calls);

  CSource made{.operations = calls.operations()};
  std::string constants;
  std::vector<char> weight(graph.values.size());
  for (const GraphNode& node : graph.nodes)
    if (node.op == GraphOp::linear) weight[node.inputs[1]] = 1;
  for (GraphId id = 0; id < graph.values.size(); ++id)
    if (graph.at(id).is_constant() && calls.reads(id))
      constants.append(
          detail::c_constant(graph, id, types[id], weight[id] != 0, made.figures.constants));
  made.figures.constants.other += calls.table_bytes();
  made.figures.ram = plan.buffer * sizeof(float);
  for (const COperation& operation : made.operations) made.figures.macs += operation.macs;
  made.figures.operations = made.operations.size();

  std::string code;
  bool math = false, string = false, integers = !calls.tables().empty();
  for (const detail::CFunction* const function : functions) {
    math = math || function->math, string = string || function->string;
    integers = integers || function->text.find("int8_t") != std::string_view::npos ||
               function->text.find("uint16_t") != std::string_view::npos;
    code.append(function->text);
  }
  for (std::size_t at = 0; (at = code.find("INDEX", at)) != std::string::npos;)
    code.replace(at, std::string_view("INDEX").size(), calls.index_type());
  made.header = detail::c_header(graph, options, made.figures);
  made.code = message("/* ", options.name, "_forecast(): the code and the numbers. ",
                      c_comment(options.header_file), " says how to call it. */\n#include \"",
                      options.header_file, "\"\n\n", math ? "#include <math.h>\n" : "",
                      "#include <stddef.h>\n", integers ? "#include <stdint.h>\n" : "",
                      string ? "#include <string.h>\n" : "", "\n", constants, calls.tables());
  if (plan.buffer > 0)
    made.code.append(
        message("\n/* Values on the way. */\nstatic float buffer[", plan.buffer, "];\n"));
  made.code.append(code).append("\n").append(detail::c_signature(graph, options.name));
  made.code.append(message(" {\n", calls.text(), "}\n"));
  return made;
}

}  // namespace spat
