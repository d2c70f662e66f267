// criteria. Random scores: the control that every other criterion must beat.
#pragma once

#include <spat/core/random.hpp>
#include <spat/criteria/module_score.hpp>

namespace spat::inline SPAT_ABI {

/// A uniform number in [0, 1), a function of (seed, module) only. Stream numbers count down from
/// 2^64 - 1, so they never collide with those of shuffles, which count up from 0.
template <std::floating_point Scalar>
class RandomScore : public ModuleScore {
 public:
  static constexpr const char *name = "random", *what = "control: a uniform number";

  explicit RandomScore(const CriterionOptions& options = {}) : seed_(options.seed) {}

  void hear(const ModuleEvent<Scalar>& event) {
    score_ = Random(seed_, ~static_cast<std::uint64_t>(event.module)).uniform();
  }

 private:
  std::uint64_t seed_;
};

}  // namespace spat
