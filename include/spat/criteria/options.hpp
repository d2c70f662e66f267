// criteria. The options of all criteria, in one type.
#pragma once

#include <cstdint>

namespace spat::inline SPAT_ABI {

/// How the loss that scoring differentiates reduces its terms (windows x steps x channels). Ranks
/// of SEND depend on it, because of the softmax.
enum class LossReduction { mean, sum };

/// How SEND reduces the samples b of a step. signed_sum: S = sum_b A_b dA_b, the literal gradient
/// of a mask without batch index. absolute_mean: S = mean_b |A_b dA_b|, without cancellation and
/// independent of the batch size.
enum class SendVariant { signed_sum, absolute_mean };

/// How SEND reduces the steps of a training. step_average: one SEND per step, then a bias-corrected
/// exponential moving average. epoch: |S| averaged over the steps of an epoch, then one SEND at its
/// end. The two are never mixed: a deviation is convex in S.
enum class SendDynamics { step_average, epoch };

/// Every criterion is constructed from these options, and uses those that concern it.
struct CriterionOptions {
  SendVariant variant = SendVariant::signed_sum;       // SEND
  SendDynamics dynamics = SendDynamics::step_average;  // SEND
  LossReduction reduction = LossReduction::mean;       // criteria of gradients
  bool normalized = false;                             // SEND divided by its bound
  double decay = 0.98;     // of the moving average over steps: criteria with one number per step
  std::uint64_t seed = 1;  // RandomScore
};

}  // namespace spat
