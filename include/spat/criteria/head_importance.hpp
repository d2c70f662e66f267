// criteria. The summed importance of a module's heads.
#pragma once

#include <spat/criteria/gate_slope.hpp>
#include <spat/criteria/step_score.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// sum_h I_h,  I_h = E_x |<Att_h(x), dL/dAtt_h(x)>|: the absolute slope of a sample's own loss
/// along a gate on each head (gate_slope), with E the mean over the samples of a step; then
/// averaged over steps. Source: Michel, Levy, Neubig, "Are Sixteen Heads Really Better than One?",
/// 2019; not normalized over layers, so that modules can be compared.
template <std::floating_point Scalar>
class HeadImportance : public StepScore {
 public:
  static constexpr const char *name = "head_importance",
                              *what = "slopes of a sample's loss along its heads";

  explicit HeadImportance(const CriterionOptions& options = {})
      : StepScore(options), reduction_(options.reduction) {}

  void hear(const BackwardEvent<Scalar>& event) {
    const double scale = of_sample_loss(event, reduction_);
    for (std::size_t b = 0; b < event.samples; ++b) {
      double heads = 0;
      for (std::size_t h = 0; h < event.heads; ++h) heads += std::abs(gate_slope(event, b, h));
      add(scale * heads);
    }
  }

 private:
  LossReduction reduction_;
};

}  // namespace spat
