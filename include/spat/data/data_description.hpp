// data. How a series was read for a model.
#pragma once

#include <spat/data/scaler.hpp>
#include <spat/data/windows.hpp>

#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What a forecast in a series' own units needs to know besides the model: the columns in their
/// order, the scaler of the training part, and what a window is made of.
struct DataDescription {
  std::vector<std::string> names = {};  // [channels], as the scaler has them
  StandardScaler scaler = {};
  WindowOptions window = {};
};

}  // namespace spat
