// train. The sums of an epoch up to now, and whether they show that the training diverged.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/view.hpp>
#include <spat/kernels/reduce.hpp>

#include <algorithm>

namespace spat::inline SPAT_ABI {

/// An epoch that was begun and is not finished.
struct BegunEpoch {
  std::size_t steps = 0;
  double loss = 0, power = 0;  // sums over the steps: of the loss, of the targets' mean squares

  template <class Scalar>
  void add(double step_loss, Rows<const Scalar> target) {
    loss += step_loss;
    power +=
        kernels::sum_of_squares(target.data(), target.size()) / static_cast<double>(target.size());
    ++steps;
  }
  [[nodiscard]] double mean_loss() const { return loss / static_cast<double>(steps); }

  /// Throws NumericError if the losses, squared errors of scaled data, show that the training
  /// diverged. A forecast of zeros has the target's mean square as its squared error. A loss far
  /// above it, and above 1, the variance of scaled data, shows a rate that is too large.
  void expect_no_divergence(std::size_t epoch) const {
    const double count = static_cast<double>(steps);
    if (!(loss > 1e6 * std::max(power, count))) return;
    throw NumericError(message("the training diverged: in epoch ", epoch, " the loss is ",
                               mean_loss(), ", the mean square of its targets ", power / count,
                               "; use a smaller learning rate"));
  }
};

}  // namespace spat
