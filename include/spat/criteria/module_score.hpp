// criteria. The base of criteria that need no steps: one number per module, set when scores are
// requested.
#pragma once

#include <spat/criteria/criterion.hpp>
#include <spat/criteria/score_average.hpp>

#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Base of a criterion whose hear() sets score_. Steps and epochs change nothing; merge() keeps the
/// first score that is set.
class ModuleScore {
 public:
  ModuleScore() = default;
  explicit ModuleScore(const CriterionOptions&) {}

  void merge(ModuleScore& other) {
    if (std::isnan(score_)) score_ = other.score_;
  }
  void end_step(Team* = nullptr) {}
  void end_epoch() {}

  /// The score; NaN before the module was reported.
  [[nodiscard]] double score() const { return score_; }
  [[nodiscard]] std::vector<double> state() const { return {score_}; }
  /// Throws ConfigError if `numbers` is not a state.
  void restore(const std::vector<double>& numbers) {
    detail::check_state(numbers, 1);
    score_ = numbers[0];
  }

 protected:
  double score_ = std::nan("");
};

}  // namespace spat
