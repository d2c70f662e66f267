// export. A forecast as an ONNX file.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/export/graph.hpp>
#include <spat/export/onnx/onnx_operators.hpp>
#include <spat/version.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace spat::inline SPAT_ABI {

/// The version of ONNX's operators that onnx_model() uses. A runtime of a later version reads it.
inline constexpr std::int64_t onnx_opset = 13;
/// The version of ONNX's file format: the one that came with the opset.
inline constexpr std::int64_t onnx_ir_version = 7;

/// What an ONNX file says of itself.
struct OnnxOptions {
  std::string name = "forecast";                               // of the graph
  std::string description = {};                                // of the model
  std::map<std::string, std::string> value_descriptions = {};  // of inputs and output, by name
};

/// The forecast as a graph of ONNX operators on a batch of windows of any size.
[[nodiscard]] inline OnnxGraph onnx_graph(const ForecastGraph& graph,
                                          const OnnxOptions& options = {}) {
  OnnxOperators operators(graph);
  const auto description = [&](const GraphValue& value) -> std::string {
    const auto found = options.value_descriptions.find(value.name);
    return found == options.value_descriptions.end() ? std::string() : found->second;
  };
  for (const GraphId id : graph.inputs) {
    const GraphValue& input = graph.at(id);
    operators.onnx().input(input.name, input.shape, description(input));
  }
  const GraphValue& output = graph.at(graph.output);
  operators.onnx().output(output.name, output.shape, description(output));
  return std::move(operators.onnx());
}

/// The bytes of an ONNX file: a ModelProto of this graph, with the metadata in order of their keys.
/// The same arguments give the same bytes. Throws ConfigError for more than the 2 GB that such a
/// file can hold.
[[nodiscard]] inline std::string onnx_model(const OnnxGraph& graph,
                                            const std::map<std::string, std::string>& metadata,
                                            const OnnxOptions& options = {}) {
  ProtobufMessage model;
  model.integer(1, onnx_ir_version).text(2, "spat").text(3, SPAT_VERSION);
  if (!options.description.empty()) model.text(6, options.description);
  model.nested(7, graph.proto(options.name));
  model.nested(8, ProtobufMessage().text(1, "").integer(2, onnx_opset));
  for (const auto& [key, value] : metadata)
    model.nested(14, ProtobufMessage().text(1, key).text(2, value));
  constexpr std::size_t most = (std::size_t{1} << 31) - 1;
  if (model.bytes().size() > most)
    throw ConfigError(message("ONNX: a file holds at most ", most, " bytes, this model takes ",
                              model.bytes().size()));
  return std::move(model).bytes();
}
/// The same from the forecast's graph: every input and the output has the window's shape behind a
/// leading axis "batch" of any extent. Throws ConfigError, too, for a forecast that depends on no
/// input, and for a linear map whose weight does.
[[nodiscard]] inline std::string onnx_model(const ForecastGraph& graph,
                                            const std::map<std::string, std::string>& metadata,
                                            const OnnxOptions& options = {}) {
  return onnx_model(onnx_graph(graph, options), metadata, options);
}

}  // namespace spat
