// prune. What each step of a training gave each module, by epoch, for the errors of scores.
#pragma once

#include <spat/criteria/score_average.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The step scores that the scores of a training come from, one row per step. A step allocates
/// nothing if there is room for it: begin_epoch() makes room for the steps of an epoch. For an
/// epoch that nobody announced there is room for `usual_steps`, and for as many as the longest one
/// before it had. If that is exceeded, the oldest steps make room, as far as the score no longer
/// depends on them; a plain mean depends on all of them, so then memory grows.
class StepHistory {
 public:
  /// The steps that there is room for from the start.
  static constexpr std::size_t usual_steps = 4096;

  StepHistory() = default;
  StepHistory(std::size_t modules, const StepEstimator& estimator)
      : modules_(modules), estimator_(estimator) {
    begin_epoch(usual_steps);
  }
  StepHistory(const StepHistory& other) { *this = other; }
  StepHistory(StepHistory&&) = default;
  /// Copies the room, too.
  StepHistory& operator=(const StepHistory& other) {
    modules_ = other.modules_, estimator_ = other.estimator_, ends_ = other.ends_;
    scores_.reserve(other.scores_.capacity());
    scores_ = other.scores_;
    return *this;
  }
  StepHistory& operator=(StepHistory&&) = default;

  /// Makes room for an epoch of this many steps.
  void begin_epoch(std::size_t steps) { scores_.reserve(scores_.size() + steps * modules_); }
  /// Adds a step; score(i) is that of module i, NaN if it had none.
  template <class Score>
  void add(Score&& score) {
    if (scores_.capacity() - scores_.size() < modules_) forget();
    for (std::size_t i = 0; i < modules_; ++i) scores_.push_back(score(i));
  }
  void end_epoch() {
    const std::size_t before = ends_.empty() ? 0 : ends_.back();
    ends_.push_back(steps());
    begin_epoch(std::max(longest_ = std::max(longest_, steps() - before), usual_steps));
  }
  /// Forgets all steps: the warm-up is over. The epochs stay counted.
  void start_anew() {
    scores_.clear();
    std::ranges::fill(ends_, std::size_t{0});
  }

  [[nodiscard]] std::size_t steps() const { return modules_ == 0 ? 0 : scores_.size() / modules_; }
  /// How many steps there were at the end of an epoch, counted from 1; 0 for epoch 0.
  [[nodiscard]] std::size_t end_of(std::size_t epoch) const {
    return epoch == 0 ? 0 : ends_[epoch - 1];
  }
  /// The steps [first, last), as [step][module]. Empty if they scored no module.
  [[nodiscard]] std::vector<std::vector<double>> rows(std::size_t first, std::size_t last) const {
    std::vector<std::vector<double>> steps;
    bool any = false;
    for (std::size_t t = first; t < last; ++t) {
      const auto row = scores_.begin() + static_cast<std::ptrdiff_t>(t * modules_);
      steps.emplace_back(row, row + static_cast<std::ptrdiff_t>(modules_));
      any |= std::ranges::any_of(steps.back(), [](double score) { return !std::isnan(score); });
    }
    if (!any) steps.clear();
    return steps;
  }
  /// The steps before `last` that a score depends on.
  [[nodiscard]] std::vector<std::vector<double>> remembered(std::size_t last) const {
    return rows(last - estimator_.remembered(last), last);
  }

  /// The state for a training checkpoint: the steps, and their number after each epoch.
  [[nodiscard]] const std::vector<double>& scores() const { return scores_; }
  [[nodiscard]] std::vector<double> ends() const { return {ends_.begin(), ends_.end()}; }
  /// Restores the state between two epochs. Throws ConfigError if it is none.
  void restore(const std::vector<double>& scores, const std::vector<double>& ends) {
    StepHistory fresh(modules_, estimator_);
    for (const double end : ends) {
      const std::size_t steps = detail::whole_number(end), before = fresh.end_of(fresh.epochs());
      if (steps < before)
        throw ConfigError(
            message("expected at least ", before, " steps by the end of an epoch, found ", steps));
      fresh.longest_ = std::max(fresh.longest_, steps - before);
      fresh.ends_.push_back(steps);
    }
    const std::size_t steps = fresh.end_of(fresh.epochs());
    if (scores.size() != steps * modules_)
      throw ConfigError(message("expected the scores of ", modules_, " modules in ", steps,
                                " steps, found ", scores.size(), " numbers"));
    fresh.begin_epoch(steps + std::max(fresh.longest_, usual_steps));
    fresh.scores_.assign(scores.begin(), scores.end());
    *this = std::move(fresh);
  }
  [[nodiscard]] std::size_t epochs() const { return ends_.size(); }

 private:
  /// Removes the older half of the steps, but none that the score depends on.
  void forget() {
    const std::size_t all = steps(), kept = std::max(estimator_.remembered(all), all / 2),
                      gone = all - kept;
    scores_.erase(scores_.begin(), scores_.begin() + static_cast<std::ptrdiff_t>(gone * modules_));
    for (std::size_t& end : ends_) end -= std::min(end, gone);
  }

  std::size_t modules_ = 0, longest_ = 0;
  StepEstimator estimator_;
  std::vector<double> scores_;     // [step x module]
  std::vector<std::size_t> ends_;  // [epoch]: the number of steps at its end
};

}  // namespace spat
