// prune. Compares rankings: Kendall's tau and Spearman's rho of two score vectors, and whether a
// ranking has settled.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <deque>
#include <span>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The modules with a score in both vectors; NaN marks a module that was pruned or never scored.
/// Throws ShapeError for different lengths.
[[nodiscard]] inline std::vector<std::size_t> scored_by_both(std::span<const double> a,
                                                             std::span<const double> b) {
  if (a.size() != b.size())
    throw ShapeError(
        message("two rankings must score the same modules, found ", a.size(), " and ", b.size()));
  std::vector<std::size_t> modules;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i]) && !std::isnan(b[i])) modules.push_back(i);
  return modules;
}

/// How many pairs of modules a and b order alike, how many the other way round, and how many each
/// of them orders at all.
struct PairCounts {
  std::size_t modules = 0, concordant = 0, discordant = 0, ordered_by_a = 0, ordered_by_b = 0;
};

[[nodiscard]] inline PairCounts count_pairs(std::span<const double> a, std::span<const double> b) {
  const std::vector<std::size_t> modules = scored_by_both(a, b);
  PairCounts counts{.modules = modules.size()};
  for (const std::size_t j : modules)
    for (const std::size_t i : modules) {
      if (i == j) break;
      const bool a_orders = a[i] != a[j], b_orders = b[i] != b[j];
      counts.ordered_by_a += a_orders;
      counts.ordered_by_b += b_orders;
      if (a_orders && b_orders)
        ++((a[i] < a[j]) == (b[i] < b[j]) ? counts.concordant : counts.discordant);
    }
  return counts;
}

[[nodiscard]] inline double tau_of(const PairCounts& counts) {
  const double difference =
      static_cast<double>(counts.concordant) - static_cast<double>(counts.discordant);
  return difference / std::sqrt(static_cast<double>(counts.ordered_by_a) *
                                static_cast<double>(counts.ordered_by_b));
}

/// Twice the mid-rank minus its mean, 2 r - (n + 1), a whole number: the modules below minus the
/// modules above.
[[nodiscard]] inline double centred_rank(std::span<const double> scores,
                                         const std::vector<std::size_t>& modules, std::size_t i) {
  double rank = 0;
  for (const std::size_t j : modules) rank += (scores[j] < scores[i]) - (scores[j] > scores[i]);
  return rank;
}

}  // namespace detail

/// Kendall's tau-b:  (C - D) / sqrt(U_a U_b).  1 for the same order, -1 for the reversed one.
///
/// C and D are the pairs of modules that a and b order alike and the other way round; U_a and U_b
/// are the pairs that a and b do not tie. Modules that are NaN in either vector are left out. NaN
/// if one vector orders nothing: fewer than two modules in common, or all its scores equal. Throws
/// ShapeError for different lengths. Kendall, "The treatment of ties in ranking problems",
/// Biometrika 33 (1945).
[[nodiscard]] inline double kendall_tau(std::span<const double> a, std::span<const double> b) {
  return detail::tau_of(detail::count_pairs(a, b));
}

/// Spearman's rho: Pearson's correlation of the mid-ranks,
///
///     sum (r - m)(s - m) / sqrt(sum (r - m)^2 sum (s - m)^2)
///
/// Tied scores share the mean of their ranks, and m = (n + 1) / 2. Leaves out the same modules as
/// kendall_tau(), and is NaN in the same cases. Throws ShapeError for different lengths. Spearman,
/// "The proof and measurement of association between two things", 1904.
[[nodiscard]] inline double spearman(std::span<const double> a, std::span<const double> b) {
  const std::vector<std::size_t> modules = detail::scored_by_both(a, b);
  double product = 0, squares_a = 0, squares_b = 0;
  for (const std::size_t i : modules) {
    const double r = detail::centred_rank(a, modules, i), s = detail::centred_rank(b, modules, i);
    product = multiply_add(r, s, product);
    squares_a = multiply_add(r, r, squares_a);
    squares_b = multiply_add(s, s, squares_b);
  }
  return product / std::sqrt(squares_a * squares_b);
}

/// When a ranking counts as settled.
struct StabilityOptions {
  std::size_t window = 3;  // score vectors, at least two
  /// Of tau: with fewer than seven modules no pair may swap, with seven to nine one may.
  double threshold = 0.9;
};

/// Decides whether a ranking has settled: there are `window` score vectors, and Kendall's tau of
/// each with the next reaches the threshold. If neither of two vectors orders anything (one module
/// is left, or all scores are equal), they agree. If only one does, or they have no module in
/// common, they disagree.
///
/// After a resume, add the last `window` rows of the trajectory again. Throws ConfigError for a
/// window below two or a threshold outside [-1, 1], and ShapeError if the number of modules
/// changes.
class Stability {
 public:
  explicit Stability(StabilityOptions options = {}) : options_(options) {
    if (options.window < 2)
      throw ConfigError(
          message("stability compares neighbours: a window of at least 2, found ", options.window));
    if (!(options.threshold >= -1 && options.threshold <= 1))
      throw ConfigError(
          message("a threshold of Kendall's tau must lie in [-1, 1], found ", options.threshold));
  }

  /// Adds a score vector. scores[i] is that of module i, NaN if it was pruned or nothing was
  /// observed.
  void add(std::span<const double> scores) {
    if (!latest_.empty()) agreements_.push_back(agree(latest_, scores));
    if (agreements_.size() == options_.window) agreements_.pop_front();  // one fewer than vectors
    latest_.assign(scores.begin(), scores.end());
  }
  [[nodiscard]] bool stable() const {
    return agreements_.size() + 1 == options_.window && std::ranges::count(agreements_, false) == 0;
  }

 private:
  [[nodiscard]] bool agree(std::span<const double> before, std::span<const double> after) const {
    const detail::PairCounts counts = detail::count_pairs(before, after);
    if (counts.ordered_by_a == 0 && counts.ordered_by_b == 0) return counts.modules > 0;
    // false for NaN: one of them orders nothing
    return detail::tau_of(counts) >= options_.threshold;
  }

  StabilityOptions options_;
  std::vector<double> latest_;
  std::deque<bool> agreements_;  // of neighbours in the window
};

}  // namespace spat
