// criteria. SEND, the sensitivity of an attention module: how unevenly its connections matter to
// the loss.
#pragma once

#include <spat/criteria/score_average.hpp>
#include <spat/criteria/send/sensitivity_sum.hpp>

#include <cmath>
#include <span>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Sensitivity Enhanced Normalized Dispersion, as the criterion's state for one module:
///
///     S[h,i,j] = A dL/dA, reduced over the samples of a step   SensitivitySum, sensitivity_sum.hpp
///     P[h,i,:] = softmax_j |S[h,i,j]|                          send(), dispersion.hpp
///     sigma_i  = sqrt(mean_j (mean_h P[h,i,j] - 1/Lk)^2)       send(), dispersion.hpp
///     SEND     = mean_i sigma_i                                send(), dispersion.hpp
///     score    = average of SEND over steps                    this header, score_average.hpp
///
/// Sizes: H heads h, Lq queries i and Lk keys j. SEND is linear in the scale of S if S is small. It
/// therefore depends on the loss's reduction (with `sum`, S is that of the mean times its number of
/// terms) and, as signed_sum, on the batch size. Source: see send().
template <std::floating_point Scalar>
class Send {
 public:
  static constexpr const char *name = "send",
                              *what = "how unevenly the sensitivities of connections are spread";

  Send() : Send(CriterionOptions{}) {}
  explicit Send(const CriterionOptions& options)
      : options_(options), sum_(options.variant),
        average_(options.dynamics == SendDynamics::epoch ? 0 : options.decay) {}

  void hear(const BackwardEvent<Scalar>& event) { sum_.hear(event); }
  void hear(const TileEvent<Scalar>& tile) { sum_.hear(tile); }
  void merge(Send& other) { sum_.merge(other.sum_); }

  /// Adds the step's SEND to the average. Throws NumericError if S is not finite.
  void end_step(Team* team = nullptr) {
    if (!sum_.is_heard()) {
      sum_.end_step(epoch_steps_ != 0);
      return average_.skip();
    }
    const auto& tiles = sum_.tiles();
    const Scalar scale = sum_.scale(options_.reduction);
    if (options_.dynamics == SendDynamics::step_average) {
      average_.add(relative(send<Scalar>(sum_.sums(), tiles, scale, sum_.visible(), room_, team)));
    } else {
      const std::size_t size = tiles.heads * tiles.queries * tiles.keys;
      if (epoch_steps_ != 0 && epoch_.size() != size)
        throw ShapeError("SEND: an epoch holds steps of different token counts");
      epoch_.resize(size);
      std::size_t at = 0;
      sum_.for_each(scale, [&](Scalar s) { epoch_[at++] += std::abs(static_cast<double>(s)); });
      ++epoch_steps_;
    }
    sum_.end_step(epoch_steps_ != 0);
  }

  void end_epoch() {
    if (options_.dynamics != SendDynamics::epoch || epoch_steps_ == 0) return;
    for (double& value : epoch_) value /= static_cast<double>(epoch_steps_);
    const std::size_t keys = sum_.tiles().keys;
    average_.add(relative(send<double>({epoch_.data(), epoch_.size() / keys, keys},
                                       sum_.tiles().heads, sum_.visible())));
    epoch_.clear();
    epoch_steps_ = 0;
    sum_.end_step();
  }

  /// The average of SEND over steps; NaN before the first observation.
  [[nodiscard]] double score() const { return average_.value(); }
  /// The SEND of the last step. NaN with the dynamics `epoch`: a single step then has none.
  [[nodiscard]] double step_score() const {
    return options_.dynamics == SendDynamics::step_average ? average_.last() : std::nan("");
  }

  [[nodiscard]] StepEstimator estimator() const { return {.decay = average_.decay()}; }

  /// The largest possible SEND: mean over rows of sqrt(Lk - 1) / Lk; 1 if SEND is normalized.
  [[nodiscard]] double bound() const {
    const double largest = largest_send();
    return options_.normalized && largest > 0 ? 1 : largest;
  }

  /// The state that a training checkpoint stores between epochs.
  [[nodiscard]] std::vector<double> state() const {
    std::vector<double> numbers = average_.state();
    const std::vector<double> connections = sum_.state();
    numbers.insert(numbers.end(), connections.begin(), connections.end());
    return numbers;
  }
  /// Throws ConfigError if `numbers` is not a state.
  void restore(const std::vector<double>& numbers) {
    detail::check_state(numbers, 4, true);
    average_.restore(std::span(numbers).first(2));
    sum_.restore(std::span(numbers).subspan(2));
  }

 private:
  [[nodiscard]] double largest_send() const {
    const std::size_t lk = sum_.tiles().keys;
    const auto& visible = sum_.visible();
    if (lk == 0) return 0;
    double total = 0, rows = 0;
    for (std::size_t i = 0; i < (visible.empty() ? 1 : visible.size() / lk); ++i) {
      double keys = visible.empty() ? static_cast<double>(lk) : 0;
      for (std::size_t j = 0; j < lk && !visible.empty(); ++j) keys += visible[i * lk + j] != 0;
      if (keys == 0) continue;
      total += std::sqrt(keys - 1) / keys;
      ++rows;
    }
    return total / std::max(rows, 1.0);
  }
  /// SEND relative to its bound, if normalized. A bound of 0 (attention to one key) leaves a SEND
  /// of 0.
  [[nodiscard]] double relative(double value) const {
    const double largest = options_.normalized ? largest_send() : 0;
    return largest > 0 ? value / largest : value;
  }

  CriterionOptions options_;
  SensitivitySum<Scalar> sum_;
  ScoreAverage average_;       // of steps; with dynamics `epoch` the last epoch's, by a decay of 0
  std::vector<double> epoch_;  // |S| of the epoch so far, [H * Lq x Lk]
  std::size_t epoch_steps_ = 0;
  DispersionRoom<Scalar> room_;
};

}  // namespace spat
