// criteria. The size of a module's weights as a criterion.
#pragma once

#include <spat/criteria/module_score.hpp>
#include <spat/kernels/reduce.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// (||W_Q||_F + ||W_K||_F + ||W_V||_F + ||W_O||_F) / number of their elements, in double. Covers
/// all tensors of the module whose names end in "weight"; biases are in neither the sum nor the
/// number. Source: magnitude pruning (Han et al. 2015), applied per module.
template <std::floating_point Scalar>
class Magnitude : public ModuleScore {
 public:
  static constexpr const char *name = "magnitude",
                              *what = "norms of the projections, per parameter";
  using ModuleScore::ModuleScore;

  /// Computes the score from the module's weights. Throws NumericError if a weight is not finite.
  void hear(const ModuleEvent<Scalar>& event) {
    double norms = 0, count = 0;
    for (const auto& parameter : event.weights) {
      if (!parameter.name.ends_with("weight")) continue;
      norms += std::sqrt(kernels::sum_of_squares(parameter.values.data(), parameter.values.size()));
      count += static_cast<double>(parameter.values.size());
    }
    if (!std::isfinite(norms)) throw NumericError("a weight of the module is not finite");
    if (count > 0) score_ = norms / count;
  }
};

}  // namespace spat
