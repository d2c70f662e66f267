// The parts of `spat export`, one file each.
#pragma once

#include "architecture.hpp"

#include <spat/io/safetensors_file.hpp>
#include <spat/io/weight_type.hpp>

namespace tool {

/// The options of `spat export`.
struct ExportOptions {
  std::string model, onnx, c, header, out;  // files: the model's, and those to write; or empty
  std::string name;                         // of the C function or the C++ namespace; or empty
  spat::WeightType weights = spat::WeightType::f32;
  bool scaled = false, verify = false, quiet = false;
};

// Each writes one form of the model, and prints a table of what it wrote unless `quiet`.
void export_onnx(const ExportOptions& o, const spat::SafetensorsFile& file,
                 const Architecture& model);
void export_c(const ExportOptions& o, const spat::SafetensorsFile& file, const Architecture& model);
void export_header(const ExportOptions& o, const spat::SafetensorsFile& file,
                   const Architecture& model);
void export_weights(const ExportOptions& o, const spat::SafetensorsFile& file,
                    const Architecture& model);

}  // namespace tool
