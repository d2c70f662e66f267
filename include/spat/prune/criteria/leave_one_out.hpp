// prune. What the validation loss says: the yardstick of the other criteria, at the price of an evaluation a module.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/message.hpp>
#include <spat/prune/criterion.hpp>

#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// L_val(without the module) - L_val, the mean over what on_loss was told. It says nothing of modules that go together, and one
/// validation split is a noisy judge.
template <std::floating_point Scalar>
class LeaveOneOut {
 public:
  static constexpr const char *name = "leave_one_out", *what = "the validation loss without the module";

  /// Throws NumericError if a loss is not finite.
  void on_loss(const LossEvent& event) {
    const double rise = event.without_module - event.with_module;
    if (!std::isfinite(rise))
      throw NumericError(detail::message("a loss is not finite: ", event.with_module, " with the module, ",
                                         event.without_module, " without it"));
    sum_ += rise, ++losses_;
  }

  void merge(LeaveOneOut& other) {
    sum_ += other.sum_, losses_ += other.losses_;
    other.sum_ = other.losses_ = 0;
  }
  void end_step() {}
  void end_epoch() {}

  /// NaN before anything was heard.
  [[nodiscard]] double score() const { return losses_ > 0 ? sum_ / losses_ : std::nan(""); }
  [[nodiscard]] std::vector<double> state() const { return {sum_, losses_}; }
  void restore(const std::vector<double>& numbers) { sum_ = numbers.at(0), losses_ = numbers.at(1); }

 private:
  double sum_ = 0, losses_ = 0;
};

}  // namespace spat
