// Runs an ONNX file in ONNX Runtime, if Python or Node has one.
#pragma once

#include "tool.hpp"

#include <string>
#include <vector>

namespace tool {

/// An input of an ONNX file.
struct OnnxInput {
  std::string name;
  std::vector<std::size_t> shape;  // with the batch
  std::vector<float> numbers = {};
};

/// What ONNX Runtime made of them.
struct OnnxRun {
  std::string runtime;  // "ONNX Runtime 1.17.0 (node)"
  std::vector<float> output = {};
};

/// Runs the bytes of an ONNX file with one output, in the ONNX Runtime of `python3`, which Windows
/// calls `python`, or in that of `node`, which is looked for in NODE_PATH and in node_modules of
/// this folder and those above it. Throws ConfigError if there is neither, FileError with its words
/// if it fails.
OnnxRun run_onnx(const std::string& bytes, const std::vector<OnnxInput>& inputs);

}  // namespace tool
