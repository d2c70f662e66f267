// criteria. The summed absolute sensitivities of a module.
#pragma once

#include <spat/criteria/send/sensitivity_sum.hpp>
#include <spat/criteria/step_score.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// sum_hij |S[h,i,j]|, S = sum_b A_b dA_b over the samples of a step, averaged over steps: SEND
/// without its softmax. Source: the connection sensitivity of Lee, Ajanthan, Torr, "SNIP:
/// Single-shot Network Pruning based on Connection Sensitivity", 2019.
template <std::floating_point Scalar>
class SnipSum : public StepScore {
 public:
  static constexpr const char *name = "snip", *what = "sum of the sensitivities of connections";

  explicit SnipSum(const CriterionOptions& options = {})
      : StepScore(options), reduction_(options.reduction) {}

  void hear(const BackwardEvent<Scalar>& event) { sensitivities_.hear(event); }
  void hear(const TileEvent<Scalar>& tile) { sensitivities_.hear(tile); }
  void merge(SnipSum& other) { sensitivities_.merge(other.sensitivities_); }
  void end_step(Team* = nullptr) {
    if (!sensitivities_.is_heard()) {
      sensitivities_.end_step();
      return this->skip();
    }
    double total = 0;
    sensitivities_.for_each(sensitivities_.scale(reduction_),
                            [&](Scalar s) { total += std::abs(static_cast<double>(s)); });
    sensitivities_.end_step();
    close(total);
  }

 private:
  LossReduction reduction_;
  SensitivitySum<Scalar> sensitivities_;
};

}  // namespace spat
