// criteria. What the criteria share that have one number a step: the step's sum, and the average
// over steps.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/criteria/score_average.hpp>

namespace spat::inline SPAT_ABI {

/// A step's number is the mean of what add() was given, unless the criterion has an end_step() of
/// its own; the score is their ScoreAverage. Sums are in double: over the samples of a place in
/// their order, then over places in theirs.
class StepScore {
 public:
  explicit StepScore(double decay = 0.98) : average_(decay) {}

  /// Takes over what another place has gathered in this step; the other starts anew. Call in the
  /// order of places.
  void merge(StepScore& other) {
    sum_ += other.sum_, count_ += other.count_;
    other.sum_ = 0, other.count_ = 0;
  }
  /// A silent step has no number. Throws NumericError if the step's number is not finite.
  void end_step() {
    if (count_ > 0)
      close(sum_ / static_cast<double>(count_));
    else
      skip();
  }
  void end_epoch() {}

  /// NaN before anything was observed.
  [[nodiscard]] double score() const { return average_.value(); }
  [[nodiscard]] double step_score() const { return average_.last(); }
  [[nodiscard]] std::vector<double> state() const { return average_.state(); }
  void restore(const std::vector<double>& numbers) { average_.restore(numbers); }

 protected:
  void add(double x) { sum_ += x, ++count_; }
  void skip() { average_.skip(); }
  [[nodiscard]] double sum() const { return sum_; }
  [[nodiscard]] std::size_t count() const { return count_; }
  void close(double x) {
    sum_ = 0, count_ = 0;
    if (!std::isfinite(x)) throw NumericError(message("the score of a step is not finite: ", x));
    average_.add(x);
  }

 private:
  ScoreAverage average_;
  double sum_ = 0;
  std::size_t count_ = 0;
};

}  // namespace spat
