// criteria. The first-order change of a batch's loss if a module is removed.
#pragma once

#include <spat/criteria/gate_slope.hpp>
#include <spat/criteria/step_score.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// |sum_hij S[h,i,j]| of a batch, averaged over batches. The sum is the slope of the batch's loss
/// along a gate on the module's output. It is computed without tiles, from sum S = <O, dL/dO>
/// (gate_slope). Source: the first-order Taylor criterion of Molchanov et al., "Pruning
/// Convolutional Neural Networks for Resource Efficient Inference", 2017.
template <std::floating_point Scalar>
class Gate : public StepScore {
 public:
  static constexpr const char *name = "gate", *what = "first-order change of a batch's loss";

  explicit Gate(const CriterionOptions& options = {})
      : StepScore(options), reduction_(options.reduction) {}

  void hear(const BackwardEvent<Scalar>& event) {
    const double scale = of_batch_loss(event, reduction_);
    for (std::size_t b = 0; b < event.samples; ++b) add(scale * gate_slope(event, b));
  }
  void end_step(Team* = nullptr) {
    if (count() > 0)
      close(std::abs(sum()));
    else
      skip();
  }

 private:
  LossReduction reduction_;
};

}  // namespace spat
