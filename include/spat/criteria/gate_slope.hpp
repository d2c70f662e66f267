// criteria. The slope of the loss along a gate on an attention module's output, per sample.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/criteria/criterion.hpp>

namespace spat::inline SPAT_ABI {

/// d loss / d gate at gate = 1, where the gate multiplies the O of one sample and head: the
/// products of O and dL/dO summed over the head's columns of the sample's rows, in double. It
/// equals the sum of S = A dA over the sample's connections in the head. It is the same for a gate
/// before and after the output projection (without its bias). With attention dropout, O and dO are
/// those of the dropped A, while S leaves dropout out.
template <std::floating_point Scalar>
[[nodiscard]] double gate_slope(const BackwardEvent<Scalar>& event, std::size_t sample,
                                std::size_t head) {
  const std::size_t size = event.o.cols() / event.heads;
  double slope = 0;
  for (std::size_t row = sample * event.query_tokens; row < (sample + 1) * event.query_tokens;
       ++row)
    for (std::size_t d = head * size; d < (head + 1) * size; ++d)
      slope = multiply_add(static_cast<double>(event.o.row(row)[d]),
                           static_cast<double>(event.d_o.row(row)[d]), slope);
  return slope;
}

/// The slope along a gate on all heads of one sample.
template <std::floating_point Scalar>
[[nodiscard]] double gate_slope(const BackwardEvent<Scalar>& event, std::size_t sample) {
  double slope = 0;
  for (std::size_t head = 0; head < event.heads; ++head) slope += gate_slope(event, sample, head);
  return slope;
}

/// Factor from a slope to the slope of the batch's loss: events carry the mean over loss_terms.
[[nodiscard]] inline double of_batch_loss(const AttentionCall& call, LossReduction reduction) {
  return reduction == LossReduction::sum ? static_cast<double>(call.loss_terms) : 1;
}
/// Factor from a slope to the slope of the sample's own loss. The own mean of each of B samples has
/// weight 1/B in the batch's mean.
[[nodiscard]] inline double of_sample_loss(const AttentionCall& call, LossReduction reduction) {
  return static_cast<double>(reduction == LossReduction::sum ? call.loss_terms
                                                             : call.batch_samples);
}

}  // namespace spat
