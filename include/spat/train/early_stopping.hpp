// train. Early stopping: when to stop, and which epoch was best.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <limits>

namespace spat::inline SPAT_ABI {

/// Counts the consecutive epochs that were strictly worse than the best one. A tie counts as an
/// improvement; NaN never does.
struct EarlyStopping {
  std::size_t patience = 3;  // 0: never stops
  double best = std::numeric_limits<double>::infinity();
  std::size_t worse = 0, best_epoch = 0;

  /// Records an epoch's validation loss. Returns whether it is the best so far.
  bool improves(std::size_t epoch, double loss) {
    if (loss <= best) {
      best = loss;
      best_epoch = epoch;
      worse = 0;
      return true;
    }
    ++worse;
    return false;
  }
  [[nodiscard]] bool stops() const { return patience > 0 && worse >= patience; }
};

}  // namespace spat
