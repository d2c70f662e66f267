// criteria. The average of a score over steps, from one number per step.
#pragma once

#include <spat/core/arithmetic.hpp>

#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A count from a state file. Throws std::out_of_range if the value is not a whole number.
[[nodiscard]] inline std::size_t whole_number(double value) {
  if (!(value >= 0 && value < 0x1p32 && value == std::floor(value)))
    throw std::out_of_range("not a count");
  return static_cast<std::size_t>(value);
}

}  // namespace detail

/// Exponential moving average of the steps' numbers, bias-corrected:
///
///     a_t = decay a_{t-1} + (1 - decay) x_t,  value = a_t / (1 - decay^t)
///
/// A decay of 1 gives the plain mean of all steps.
class ScoreAverage {
 public:
  ScoreAverage() = default;
  explicit ScoreAverage(double decay) : decay_(decay) {}

  void add(double x) {
    const double weight = decay_ == 1 ? 1 : 1 - decay_;
    last_ = x;
    average_ = multiply_add(decay_, average_, weight * x);
    ++steps_;
  }
  /// Records a step in which the module was skipped (LayerDrop).
  void skip() { last_ = std::nan(""); }
  /// The average; NaN before the first step.
  [[nodiscard]] double value() const {
    if (steps_ == 0) return std::nan("");
    const double t = static_cast<double>(steps_);
    return average_ / (decay_ == 1 ? t : 1 - std::pow(decay_, t));
  }
  [[nodiscard]] double last() const { return last_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }

  [[nodiscard]] std::vector<double> state() const {
    return {average_, static_cast<double>(steps_)};
  }
  /// Restores the average from the first two numbers of `state`. Throws std::out_of_range if they
  /// are not a state.
  void restore(const std::vector<double>& state) {
    steps_ = detail::whole_number(state.at(1));
    average_ = state[0];
  }

 private:
  double decay_ = 0.98, average_ = 0, last_ = std::nan("");
  std::size_t steps_ = 0;
};

}  // namespace spat
