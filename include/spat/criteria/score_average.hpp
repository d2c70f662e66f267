// criteria. The average of a score over steps, from one number per step, and what a ranking needs
// to know of it.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// A count from a saved state. Throws ConfigError if the value is not a whole number.
[[nodiscard]] inline std::size_t whole_number(double value) {
  if (!(value >= 0 && value < 0x1p32 && value == std::floor(value)))
    throw ConfigError(message("expected a count, found ", value));
  return static_cast<std::size_t>(value);
}
/// Throws ConfigError unless a saved state has `expected` numbers, or more if `or_more`.
inline void check_state(std::span<const double> state, std::size_t expected, bool or_more = false) {
  if (state.size() == expected || (or_more && state.size() > expected)) return;
  throw ConfigError(
      message("expected ", or_more ? "at least " : "", expected, " numbers, found ", state.size()));
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
  explicit ScoreAverage(double decay) : decay_(decay) {
    if (!(decay >= 0 && decay <= 1))
      throw ConfigError(message("the decay of an average must lie in [0, 1], found ", decay));
  }

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
  [[nodiscard]] double decay() const { return decay_; }
  [[nodiscard]] std::size_t steps() const { return steps_; }

  [[nodiscard]] std::vector<double> state() const {
    return {average_, static_cast<double>(steps_)};
  }
  /// Restores the average from its two numbers. Throws ConfigError if they are not a state.
  void restore(std::span<const double> state) {
    detail::check_state(state, 2);
    const std::size_t steps = detail::whole_number(state[1]);
    if (!std::isfinite(state[0]))
      throw ConfigError(message("expected a finite average, found ", state[0]));
    steps_ = steps;
    average_ = state[0];
  }

 private:
  double decay_ = 0.98, average_ = 0, last_ = std::nan("");
  std::size_t steps_ = 0;
};

/// How the numbers of a module's steps become its score: their ScoreAverage, and of that the
/// absolute value if the numbers are signed. A criterion states its own by a member estimator(); a
/// ranking applies it again to resampled steps, so that errors are those of the score itself.
struct StepEstimator {
  double decay = 1;       // of the average; 1: the plain mean
  bool absolute = false;  // |average|

  /// The score of steps in their order. NaN marks a step without a number, which is left out. NaN
  /// if no step has one.
  [[nodiscard]] double operator()(std::span<const double> steps) const {
    ScoreAverage average(decay);
    for (const double x : steps)
      if (!std::isnan(x)) average.add(x);
    return absolute ? std::abs(average.value()) : average.value();
  }
  /// The number of independent steps whose plain mean has the error of this average of `steps`
  /// steps. With w_t = decay^t it is
  ///
  ///     (sum w)^2 / sum w^2 = (1 + decay) (1 - decay^steps) / ((1 - decay) (1 + decay^steps))
  [[nodiscard]] double effective_steps(std::size_t steps) const {
    const double n = static_cast<double>(steps);
    if (decay == 1) return n;
    const double oldest = std::pow(decay, n);
    return (1 + decay) * (1 - oldest) / ((1 - decay) * (1 + oldest));
  }
  /// Returns how many of the latest of `steps` steps the average depends on: the weight of an
  /// earlier one is below 2^-53 of the latest one's.
  [[nodiscard]] std::size_t remembered(std::size_t steps) const {
    if (decay == 1) return steps;
    const double most = decay > 0 ? std::ceil(-53 / std::log2(decay)) : 1;
    return most < static_cast<double>(steps) ? static_cast<std::size_t>(most) : steps;
  }
};

}  // namespace spat
