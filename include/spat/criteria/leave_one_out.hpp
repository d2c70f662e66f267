// criteria. The rise of the validation loss without a module: the reference for the other criteria,
// at the cost of one evaluation per module.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/criteria/module_score.hpp>

#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// L_val(without the module) - L_val, of the last LossEvent. It does not predict the removal of
/// several modules at once, and one validation split is a noisy reference.
template <std::floating_point Scalar>
class LeaveOneOut : public ModuleScore {
 public:
  static constexpr const char *name = "leave_one_out",
                              *what = "the validation loss without the module";
  using ModuleScore::ModuleScore;

  /// Stores the difference of the losses. Throws NumericError if a loss is not finite.
  void hear(const LossEvent& event) {
    const double rise = event.without_module - event.with_module;
    if (!std::isfinite(rise))
      throw NumericError(message("a loss is not finite: ", event.with_module, " with the module, ",
                                 event.without_module, " without it"));
    score_ = rise;
  }
};

}  // namespace spat
