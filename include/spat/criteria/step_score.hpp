// criteria. The base of criteria with one number per step: the sum of the step, and the average
// over steps.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/team.hpp>
#include <spat/core/text.hpp>
#include <spat/criteria/options.hpp>
#include <spat/criteria/score_average.hpp>

namespace spat::inline SPAT_ABI {

/// Base of a criterion with one number per step. The score is the ScoreAverage of these numbers.
/// The derived criterion calls add() for every observation in its hear(). It may then
///
///   - do nothing else: end_step() takes the mean of the observations as the step's number, or
///   - define merge() and end_step(team) itself, and call close(number) once per step, or skip() if
///     the module was skipped.
///
/// Sums are in double: over the samples of a micro-batch in their order, then over micro-batches in
/// their order.
class StepScore {
 public:
  explicit StepScore(const CriterionOptions& options = {}) : average_(options.decay) {}

  /// Adds what another copy received in this step and resets it. Call in the order of the copies.
  void merge(StepScore& other) {
    sum_ += other.sum_, count_ += other.count_;
    other.sum_ = 0;
    other.count_ = 0;
  }
  /// Ends a step. A step without observations has no number. Throws NumericError if the step's
  /// number is not finite.
  void end_step(Team* = nullptr) {
    if (count_ > 0)
      close(sum_ / static_cast<double>(count_));
    else
      skip();
  }
  void end_epoch() {}

  /// The average over steps; NaN before the first observation.
  [[nodiscard]] double score() const { return average_.value(); }
  /// The number of the last step; NaN if the module was skipped.
  [[nodiscard]] double step_score() const { return average_.last(); }
  [[nodiscard]] StepEstimator estimator() const { return {.decay = average_.decay()}; }
  [[nodiscard]] std::vector<double> state() const { return average_.state(); }
  void restore(const std::vector<double>& numbers) { average_.restore(numbers); }

 protected:
  void add(double x) { sum_ += x, ++count_; }
  void skip() { average_.skip(); }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  void close(double x) {
    sum_ = 0;
    count_ = 0;
    if (!std::isfinite(x)) throw NumericError(message("the score of a step is not finite: ", x));
    average_.add(x);
  }

 private:
  ScoreAverage average_;
  double sum_ = 0;
  std::size_t count_ = 0;
};

}  // namespace spat
