// criteria. What the criteria share that need no data: a number that the module itself gives when
// scores are asked for.
#pragma once

#include <spat/criteria/criterion.hpp>

#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Steps and epochs change nothing; a place that was told of the module hands its number on.
class ModuleScore {
 public:
  void merge(ModuleScore& other) {
    if (std::isnan(score_)) score_ = other.score_;
  }
  void end_step() {}
  void end_epoch() {}

  /// NaN before the module was seen.
  [[nodiscard]] double score() const { return score_; }
  [[nodiscard]] std::vector<double> state() const { return {score_}; }
  void restore(const std::vector<double>& numbers) { score_ = numbers.at(0); }

 protected:
  double score_ = std::nan("");
};

}  // namespace spat
