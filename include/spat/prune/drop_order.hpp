// prune. The order in which modules are removed, from scores and their standard errors.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/module_mask.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Scores of modules with their standard errors; no errors: unknown.
struct Ranking {
  std::vector<double> scores = {}, errors = {};
};

namespace detail {

[[noreturn]] inline void refuse_unscored(std::size_t module, std::string_view name = {}) {
  throw NumericError(message(
      "module ", module, name.empty() ? "" : " (", name, name.empty() ? "" : ")",
      " has no finite score: no event of it reached the criterion. A criterion of gradients or "
      "activations needs a step of training or scoring after its warm-up and a module that reports "
      "it, one of weights their names, leave-one-out the validation losses"));
}

/// The standard error of module i; 0 if it is unknown.
[[nodiscard]] inline double known_error(const std::vector<double>& errors, std::size_t i) {
  return i < errors.size() && std::isfinite(errors[i]) ? errors[i] : 0;
}

}  // namespace detail

/// The modules of `kept` in the order in which they are removed: the lowest score first. Scores
/// within the lowest one's standard error (`errors`, empty for none) cannot be told apart from it;
/// of those modules the deepest is removed first. The last remaining module of `guard` is not in
/// the list, nor is a module that is not in `among`. Throws NumericError for a score that is not
/// finite.
[[nodiscard]] inline std::vector<std::size_t> drop_order(ModuleMask kept,
                                                         const std::vector<double>& scores,
                                                         ModuleMask guard = {},
                                                         const std::vector<double>& errors = {},
                                                         ModuleMask among = ModuleMask::all()) {
  std::vector<std::size_t> left, order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!may_remove(kept, i, guard)) continue;
    if (!std::isfinite(scores[i])) detail::refuse_unscored(i);
    if (among.keeps(i)) left.push_back(i);
  }
  while (!left.empty()) {
    std::size_t lowest = left[0];
    for (const std::size_t i : left)
      if (scores[i] <= scores[lowest]) lowest = i;
    const double most = scores[lowest] + detail::known_error(errors, lowest);
    std::size_t next = lowest;
    for (const std::size_t i : left)
      if (scores[i] <= most) next = std::max(next, i);
    std::erase(left, next);
    if (!may_remove(kept, next, guard)) continue;
    kept = kept.without(next);
    order.push_back(next);
  }
  return order;
}

/// The modules whose score is below a threshold.
[[nodiscard]] inline ModuleMask modules_below(const std::vector<double>& scores, double threshold) {
  ModuleMask mask;
  for (std::size_t i = 0; i < scores.size(); ++i)
    if (scores[i] < threshold) mask = mask.with(i);
  return mask;
}

/// A removed module and one that stayed although its score is lower.
struct OutOfOrder {
  std::size_t removed = 0, stayed = 0;
  /// Why: the one that stayed is the last of the guard. Otherwise the two scores lie within the
  /// standard error of the lower one, and the deeper module goes.
  bool guarded = false;

  friend bool operator==(const OutOfOrder&, const OutOfOrder&) = default;
};

/// Where the removals from `kept` to `left` did not follow the scores: one entry per removed module
/// that has a higher score than some module that stayed. It names the lowest of these.
[[nodiscard]] inline std::vector<OutOfOrder> out_of_order(ModuleMask kept, ModuleMask left,
                                                          const std::vector<double>& scores,
                                                          ModuleMask guard = {}) {
  std::vector<OutOfOrder> found;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!kept.keeps(i) || left.keeps(i)) continue;
    std::size_t lowest = i;
    for (std::size_t j = 0; j < scores.size(); ++j)
      if (left.keeps(j) && scores[j] < scores[lowest]) lowest = j;
    if (lowest != i) found.push_back({i, lowest, !may_remove(left.with(i), lowest, guard)});
  }
  return found;
}

}  // namespace spat
