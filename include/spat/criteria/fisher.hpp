// criteria. The Fisher information of a gate on a module.
#pragma once

#include <spat/criteria/gate_slope.hpp>
#include <spat/criteria/step_score.hpp>

namespace spat::inline SPAT_ABI {

/// E[g^2], where g is the slope of a sample's own loss along a gate on the module's output
/// (gate_slope) and E the mean over the samples of a step; then averaged over steps. Source: Theis
/// et al., "Faster gaze prediction with dense networks and Fisher pruning", 2018.
template <std::floating_point Scalar>
class FisherGate : public StepScore {
 public:
  static constexpr const char *name = "fisher", *what = "mean squared slope of a sample's loss";

  explicit FisherGate(const CriterionOptions& options = {})
      : StepScore(options), reduction_(options.reduction) {}

  void hear(const BackwardEvent<Scalar>& event) {
    const double scale = of_sample_loss(event, reduction_);
    for (std::size_t b = 0; b < event.samples; ++b) {
      const double g = scale * gate_slope(event, b);
      add(g * g);
    }
  }

 private:
  LossReduction reduction_;
};

}  // namespace spat
