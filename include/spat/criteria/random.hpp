// criteria. Chance as a criterion: the control that every other one has to beat.
#pragma once

#include <spat/core/random.hpp>
#include <spat/criteria/module_score.hpp>

namespace spat::inline SPAT_ABI {

/// A uniform number in [0, 1), a function of (seed, module) alone. Streams are counted from the
/// top: shuffles count from 0.
template <std::floating_point Scalar>
class RandomScore : public ModuleScore {
 public:
  static constexpr const char *name = "random", *what = "control: a uniform number";

  explicit RandomScore(std::uint64_t seed = 1) : seed_(seed) {}

  void on_module(const ModuleEvent<Scalar>& event) {
    score_ = Random(seed_, ~static_cast<std::uint64_t>(event.module)).uniform();
  }

 private:
  std::uint64_t seed_;
};

}  // namespace spat
