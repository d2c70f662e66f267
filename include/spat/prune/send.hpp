// prune. SEND, the sensitivity of an attention module: how unevenly its connections matter to the loss.
#pragma once

#include <spat/autograd/scoring.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Sensitivity Enhanced Normalized Dispersion of one module, from S [H * Lq x Lk], the sensitivity of each connection:
///
///     P[h,i,:] = softmax_j |S[h,i,j]|   Sbar = mean_h P   sigma_i = sqrt(mean_j (Sbar[i,j] - 1/Lk)^2)   SEND = mean_i sigma_i
///
/// 0 <= SEND <= sqrt(Lk - 1) / Lk; larger is more important. Source: Guo et al., "SPAT: Sensitivity-based Multihead-attention
/// Pruning on Time Series Forecasting Models", arXiv 2505.08768; the formula after a secondary restatement, not the paper's
/// own text. `visible` [Lq * Lk], empty for all: rows are taken over their visible keys, the mean over rows that see one.
///
/// |S| is often 1e-6 .. 1e-9, where exp(S) is 1 plus rounding noise, so P - 1/L is computed exactly, without any epsilon:
///     m = max_j |S_j|,  x_j = expm1(|S_j| - m),  xbar = mean_j x_j,  P_j - 1/L = (x_j - xbar) / (L (1 + xbar)).
/// Throws NumericError if an entry of S is not finite. `room` is working memory for the next call, too.
template <std::floating_point Scalar>
[[nodiscard]] double send(Batch<const Scalar> s, std::size_t heads, std::span<const unsigned char> visible,
                          std::vector<double>& room) {
  const std::size_t lq = s.rows() / heads, lk = s.cols();
  room.resize(2 * lk);
  const std::span<double> deviation(room.data(), lk), x(room.data() + lk, lk);
  double total = 0;
  std::size_t rows = 0;
  for (std::size_t i = 0; i < lq; ++i) {
    const auto sees = [&](std::size_t j) { return visible.empty() || visible[i * lk + j] != 0; };
    std::size_t keys = 0;
    for (std::size_t j = 0; j < lk; ++j) keys += sees(j);
    if (keys == 0) continue;
    const double count = static_cast<double>(keys);
    std::fill(deviation.begin(), deviation.end(), 0.0);
    for (std::size_t h = 0; h < heads; ++h) {
      const Scalar* const row = s.row(h * lq + i);
      double largest = 0, mean = 0;
      for (std::size_t j = 0; j < lk; ++j) {
        if (!sees(j)) continue;
        if (!std::isfinite(row[j])) throw NumericError("the sensitivity of a connection is not finite");
        largest = std::max(largest, std::abs(static_cast<double>(row[j])));
      }
      for (std::size_t j = 0; j < lk; ++j)
        if (sees(j)) mean += x[j] = std::expm1(std::abs(static_cast<double>(row[j])) - largest);
      mean /= count;
      for (std::size_t j = 0; j < lk; ++j)
        if (sees(j)) deviation[j] += (x[j] - mean) / (count * (1 + mean));
    }
    double squares = 0;
    for (std::size_t j = 0; j < lk; ++j) {
      const double d = deviation[j] / static_cast<double>(heads);
      squares = multiply_add(d, d, squares);
    }
    total += std::sqrt(squares / count);
    ++rows;
  }
  return rows ? total / static_cast<double>(rows) : 0;
}
template <std::floating_point Scalar>
[[nodiscard]] double send(Batch<const Scalar> s, std::size_t heads, std::span<const unsigned char> visible = {}) {
  std::vector<double> room;
  return send<Scalar>(s, heads, visible, room);
}

/// What becomes of the samples of a step. signed_sum: S = sum_b A_b dA_b, the literal gradient of a mask without batch index.
/// absolute_mean: S = mean_b |A_b dA_b|, without cancellation and independent of the batch size.
enum class SendVariant { signed_sum, absolute_mean };

/// step_average: one SEND a step, then a bias-corrected exponential moving average. epoch: |S| averaged over an epoch's steps,
/// then one SEND at its end. The two are never mixed: a deviation is convex in S.
enum class SendDynamics { step_average, epoch };

struct SendOptions {
  SendVariant variant = SendVariant::signed_sum;
  SendDynamics dynamics = SendDynamics::step_average;
  double decay = 0.98;  // of the moving average, a step
};

/// The criterion's state for one module. SEND is linear in the scale of S where S is small: it depends on the loss's reduction
/// (spat's is the mean over all elements) and, as signed_sum, on the batch size.
template <std::floating_point Scalar>
class Send {
 public:
  Send() = default;
  explicit Send(SendOptions options) : options_(options) {}

  /// Adds one block of samples; S = A dA is one multiplication an entry.
  void on_backward(const BackwardEvent<Scalar>& event) {
    shape(event);
    const std::size_t size = sums_.size();
    for (std::size_t b = 0; b < event.samples; ++b) {
      const Scalar *a = event.a.data() + b * size, *da = event.da.data() + b * size;
      if (options_.variant == SendVariant::signed_sum)
        for (std::size_t i = 0; i < size; ++i) sums_[i] = multiply_add(a[i], da[i], sums_[i]);
      else
        for (std::size_t i = 0; i < size; ++i) sums_[i] += std::abs(a[i] * da[i]);
    }
    samples_ += event.samples;
  }

  /// Takes over what another block's state has gathered in this step; the other starts anew. Call in block order.
  void merge(Send& other) {
    if (other.samples_ == 0) return;
    begin_block(other.heads_, other.cols_, other.sums_.size());
    visible_.resize(other.visible_.size());
    for (std::size_t i = 0; i < sums_.size(); ++i) sums_[i] += other.sums_[i];
    for (std::size_t i = 0; i < visible_.size(); ++i) visible_[i] |= other.visible_[i];
    samples_ += other.samples_;
    other.clear_step();
  }

  /// The step's SEND goes into the average. Throws NumericError if S is not finite.
  void end_step() {
    if (samples_ == 0) return;
    if (options_.variant == SendVariant::absolute_mean)
      for (Scalar& value : sums_) value /= static_cast<Scalar>(samples_);
    if (options_.dynamics == SendDynamics::step_average) {
      average_ = multiply_add(options_.decay, average_,
                              (1 - options_.decay) * send<Scalar>(view(sums_), heads_, visible_, room_));
      ++steps_;
    } else {
      if (epoch_steps_ != 0 && epoch_.size() != sums_.size())
        throw ShapeError("SEND: an epoch holds steps of different token counts");
      epoch_.resize(sums_.size());
      for (std::size_t i = 0; i < sums_.size(); ++i) epoch_[i] += std::abs(static_cast<double>(sums_[i]));
      ++epoch_steps_;
    }
    clear_step();
  }

  void end_epoch() {
    if (options_.dynamics != SendDynamics::epoch || epoch_steps_ == 0) return;
    for (double& value : epoch_) value /= static_cast<double>(epoch_steps_);
    average_ = send<double>(view(epoch_), heads_, visible_);
    steps_ = 1;
    epoch_.clear(), epoch_steps_ = 0;
  }

  /// NaN before anything was observed.
  [[nodiscard]] double score() const {
    if (steps_ == 0) return std::nan("");
    if (options_.dynamics == SendDynamics::epoch) return average_;
    return average_ / (1 - std::pow(options_.decay, static_cast<double>(steps_)));
  }

  /// The largest value SEND can take: mean over rows of sqrt(Lk - 1) / Lk.
  [[nodiscard]] double bound() const {
    if (cols_ == 0) return 0;
    double total = 0, rows = 0;
    for (std::size_t i = 0; i < (visible_.empty() ? 1 : visible_.size() / cols_); ++i) {
      double keys = visible_.empty() ? static_cast<double>(cols_) : 0;
      for (std::size_t j = 0; j < cols_ && !visible_.empty(); ++j) keys += visible_[i * cols_ + j] != 0;
      if (keys > 0) total += std::sqrt(keys - 1) / keys, ++rows;
    }
    return total / std::max(rows, 1.0);
  }

  /// What a training checkpoint keeps between epochs, as numbers.
  [[nodiscard]] std::vector<double> state() const {
    std::vector<double> numbers{average_, static_cast<double>(steps_), static_cast<double>(heads_),
                                static_cast<double>(cols_)};
    numbers.insert(numbers.end(), visible_.begin(), visible_.end());
    return numbers;
  }
  void restore(const std::vector<double>& numbers) {
    average_ = numbers.at(0), steps_ = static_cast<std::size_t>(numbers.at(1));
    heads_ = static_cast<std::size_t>(numbers.at(2)), cols_ = static_cast<std::size_t>(numbers.at(3));
    visible_.clear();
    for (std::size_t i = 4; i < numbers.size(); ++i) visible_.push_back(numbers[i] != 0);
  }

 private:
  /// The first block of a step says its sizes. Which keys are seen is a matter of the step, or of the epoch, at hand.
  void begin_block(std::size_t heads, std::size_t cols, std::size_t size) {
    if (samples_ == 0) {
      if (sums_.size() != size) sums_.assign(size, Scalar(0));
      heads_ = heads, cols_ = cols;
      if (epoch_steps_ == 0) visible_.clear();
    } else if (heads_ != heads || cols_ != cols || sums_.size() != size) {
      throw ShapeError("SEND: a step holds samples of different token counts");
    }
  }
  void shape(const AttentionCall& call) {
    begin_block(call.heads, call.memory_tokens, call.heads * call.query_tokens * call.memory_tokens);
    if (!call.causal && call.key_mask.size() == 0) return;
    visible_.resize(call.query_tokens * call.memory_tokens);
    for (std::size_t b = 0; b < call.samples; ++b)
      for (std::size_t i = 0; i < call.query_tokens; ++i)
        for (std::size_t j = 0; j < call.memory_tokens; ++j) visible_[i * call.memory_tokens + j] |= call.sees(b, i, j);
  }
  void clear_step() {
    std::fill(sums_.begin(), sums_.end(), Scalar(0));
    samples_ = 0;
  }
  template <class T>
  [[nodiscard]] Batch<const T> view(const std::vector<T>& values) const {
    return {values.data(), values.size() / cols_, cols_};
  }

  SendOptions options_;
  std::vector<Scalar> sums_;            // S of the step so far, [H * Lq x Lk]
  std::vector<double> epoch_;           // |S| of the epoch so far
  std::vector<unsigned char> visible_;  // [Lq x Lk]; empty: all
  std::size_t samples_ = 0, heads_ = 0, cols_ = 0, steps_ = 0, epoch_steps_ = 0;
  double average_ = 0;
  std::vector<double> room_;
};

}  // namespace spat
