// train. The errors of forecasts.
#pragma once

#include <spat/core/abi.hpp>

#include <cmath>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// Mean errors over all windows, steps and channels, in the (scaled) units of the windows.
struct Metrics {
  double mse = 0, mae = 0;
  std::size_t windows = 0;

  [[nodiscard]] double rmse() const { return std::sqrt(mse); }
};

}  // namespace spat
