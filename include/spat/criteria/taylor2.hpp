// criteria. The second-order change of a sample's loss if a module is removed.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/criteria/gate_slope.hpp>
#include <spat/criteria/step_score.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// |E[g - g^2 / 2]|, where g is the slope of a sample's own loss along a gate on the module's
/// output (gate_slope) and E the mean over the samples of a step, then the signed average over
/// steps. g^2 approximates the curvature (Fisher information); it matters because E[g] tends to 0
/// as training converges. Source: Zhao et al., "Less is More: Unlocking Specialization of Time
/// Series Foundation Models via Structured Pruning", arXiv 2505.23195 (2025), there for channels.
template <std::floating_point Scalar>
class Taylor2 : public StepScore {
 public:
  static constexpr const char *name = "taylor2", *what = "second-order change of a sample's loss";

  explicit Taylor2(const CriterionOptions& options = {})
      : StepScore(options), reduction_(options.reduction) {}

  void hear(const BackwardEvent<Scalar>& event) {
    const double scale = of_sample_loss(event, reduction_);
    for (std::size_t b = 0; b < event.samples; ++b) {
      const double g = scale * gate_slope(event, b);
      add(multiply_add(-g / 2, g, g));
    }
  }
  [[nodiscard]] double score() const { return std::abs(StepScore::score()); }
  /// Step scores are signed: the absolute value is that of their average.
  [[nodiscard]] StepEstimator estimator() const {
    return {.decay = StepScore::estimator().decay, .absolute = true};
  }

 private:
  LossReduction reduction_;
};

}  // namespace spat
