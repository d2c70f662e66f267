// criteria. The options of all criteria, in one type.
#pragma once

#include <spat/core/abi.hpp>

#include <cstdint>

namespace spat::inline SPAT_ABI {

/// The reduction of the loss that scoring differentiates, over its terms (windows x steps x
/// channels). SEND's ranking depends on it, because of the softmax.
enum class LossReduction { mean, sum };

/// The reduction of the samples b of a step in SEND. signed_sum: S = sum_b A_b dA_b, the literal
/// gradient of a mask without batch index. absolute_mean: S = mean_b |A_b dA_b|, without
/// cancellation and independent of the batch size.
enum class SendVariant { signed_sum, absolute_mean };

/// The reduction of the steps of a training in SEND. step_average: one SEND per step, then a
/// bias-corrected exponential moving average. epoch: |S| averaged over the steps of an epoch, then
/// one SEND at its end. The two give different numbers, because the deviation is convex in S, and
/// are never mixed.
enum class SendDynamics { step_average, epoch };

/// The options of all criteria. Each criterion is constructed from them and uses those that concern
/// it.
struct CriterionOptions {
  SendVariant variant = SendVariant::signed_sum;       // SEND
  SendDynamics dynamics = SendDynamics::step_average;  // SEND
  LossReduction reduction = LossReduction::mean;       // criteria of gradients
  bool normalized = false;                             // SEND divided by its bound
  double decay = 0.98;     // of the moving average over steps: criteria with one number per step
  std::uint64_t seed = 1;  // RandomScore
};

}  // namespace spat
