// criteria. Attention entropy: the distance of attention from a uniform distribution.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/step_score.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace spat::inline SPAT_ABI {

/// 1 - H / log(n),  H = -sum_j A_j log A_j of one row over the n keys that it sees: mean over the
/// rows and heads of a step, then averaged over steps.
///
/// 0 <= score <= 1: uniform attention is a mean, and redundant (0); a row that attends to a single
/// key scores 1. A row that sees one key has no choice, and scores 0. A row that sees none is not
/// counted. A log A is 0 for A = 0. A is taken before dropout. Computed in double with one
/// logarithm per entry, so it is slower than the other criteria. Source: the entropy of attention
/// heads of Clark et al., "What Does BERT Look At?", 2019; its use as a score of modules is ours.
template <std::floating_point Scalar>
class AttentionEntropy : public StepScore {
 public:
  static constexpr const char *name = "entropy", *what = "how far attention is from uniform";

  explicit AttentionEntropy(const CriterionOptions& options = {}) : StepScore(options) {}

  void hear(const BackwardEvent<Scalar>& event) {
    queries_ = event.query_tokens;
    inverse_.assign(event.samples * queries_, 0);
    sums_.resize(std::max(sums_.size(), event.heads), 0);
    told_.resize(sums_.size(), 0);
    const bool all = !event.causal && event.key_mask.size() == 0;
    for (std::size_t row = 0; row < inverse_.size(); ++row) {
      std::size_t n = all ? event.memory_tokens : 0;
      for (std::size_t j = 0; !all && j < event.memory_tokens; ++j)
        n += event.sees(row / queries_, row % queries_, j);
      if (n > 1) inverse_[row] = 1 / std::log(static_cast<double>(n)), choosing_ += event.heads;
      if (n > 0) rows_ += event.heads;
    }
  }

  /// Adds -H / log(n) of the tile's rows. Each head has its own sum, because tiles of other heads
  /// may come at the same time.
  void hear(const TileEvent<Scalar>& tile) {
    const double* const inverse = inverse_.data() + tile.sample * queries_ + tile.first_query;
    double sum = 0;
    for (std::size_t i = 0; i < tile.a.cols; ++i) {
      double row = 0;
      for (std::size_t j = 0; j < tile.a.rows; ++j)
        if (const double a = static_cast<double>(tile.a.row(j)[i]); a > 0)
          row = multiply_add(a, std::log(a), row);
      sum = multiply_add(row, inverse[i], sum);
    }
    sums_[tile.head] += sum;
    told_[tile.head] = 1;
  }

  /// Adds what another copy received in this step and resets it. Call in the order of the copies.
  void merge(AttentionEntropy& other) {
    sums_.resize(std::max(sums_.size(), other.sums_.size()), 0);
    told_.resize(sums_.size(), 0);
    for (std::size_t h = 0; h < other.sums_.size(); ++h) {
      sums_[h] += other.sums_[h];
      told_[h] |= other.told_[h];
    }
    rows_ += other.rows_, choosing_ += other.choosing_;
    other.start_anew();
  }
  void end_step(Team* = nullptr) {
    double total = static_cast<double>(choosing_);
    for (const double sum : sums_) total += sum;
    const bool heard = rows_ > 0 && std::ranges::count(told_, 0) < std::ranges::ssize(told_);
    const std::size_t rows = rows_;
    start_anew();
    if (heard)
      close(total / static_cast<double>(rows));
    else
      skip();
  }

 private:
  void start_anew() {
    std::ranges::fill(sums_, 0.0);
    std::ranges::fill(told_, 0);
    rows_ = choosing_ = 0;
  }

  std::size_t queries_ = 0, rows_ = 0,
              choosing_ = 0;     // rows of all heads that see a key, two keys
  std::vector<double> inverse_;  // 1 / log(n) of the micro-batch's rows [samples * Lq], 0 for n < 2
  std::vector<double> sums_;     // of each head
  std::vector<unsigned char> told_;  // of each head: whether a tile came in this step
};

}  // namespace spat
