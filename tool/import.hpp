// The parts of `spat import` that do not depend on the model's type.
#pragma once

#include <spat/io/safetensors_file.hpp>

#include <string>

namespace tool {

/// The options of `spat import` that the writing of the model needs.
struct ImportJob {
  std::string checkpoint, out;
  double dropout = 0;
  spat::Narrowing narrowing = spat::Narrowing::refused;
};

}  // namespace tool
