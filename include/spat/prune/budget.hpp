// prune. Budgets: rules that turn scores into a mask, independent of where the scores come from.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/module_mask.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Removes the modules with the `count` lowest scores.
struct DropLowest {
  std::size_t count = 0;
};
/// Removes the lowest scores, round(ratio * kept modules) of them; 0 <= ratio <= 1.
struct DropRatio {
  double ratio = 0;
};
/// Removes every module whose score is below the threshold.
struct DropBelow {
  double threshold = 0;
};
/// Removes the lowest scores until the multiply-adds of a forecast are this share below the
/// model's: 0.35 is "-35 %".
struct ReduceMacs {
  double by = 0;
};
/// Removes the lowest scores until the parameters are this share below the model's.
struct ReduceParameters {
  double by = 0;
};
/// Removes the lowest scores until the measured median latency of a forecast is at most this.
struct LatencyAtMost {
  double milliseconds = 0;
};
/// Removes the lowest scores one after another as long as the validation loss plus its standard
/// error is at most this share above the model's: 0.01 is "+1 %".
struct LossAtMost {
  double increase = 0;
};
/// How much to remove: one of the rules above.
using Budget = std::variant<DropLowest, DropRatio, DropBelow, ReduceMacs, ReduceParameters,
                            LatencyAtMost, LossAtMost>;

/// A mean with its standard error.
struct Estimate {
  double mean = 0, error = 0;
};

/// A measure of the model that keeps these modules.
using MaskMeasure = std::function<double(ModuleMask)>;

/// The measures that a budget may need; measures_of() provides those of a model. Latency is a
/// median in milliseconds. The loss change is relative to the model that is pruned.
struct Measures {
  MaskMeasure macs = {}, parameters = {}, latency = {};
  std::function<Estimate(ModuleMask)> loss_change = {};
};

namespace detail {

template <class Measure>
const Measure& needed(const Measure& measure, const char* what) {
  if (!measure)
    throw ConfigError(message("this budget needs measured ", what, ": see measures_of()"));
  return measure;
}

inline void check_share(double share, const char* what) {
  if (!(share >= 0 && share <= 1))
    throw ConfigError(message(what, " must lie in [0, 1], found ", share));
}

}  // namespace detail

/// The modules of `kept` in the order in which they are removed: the lowest score first. Scores
/// within the lowest one's standard error (`errors`, empty for none) cannot be told apart from it;
/// of those modules the deepest is removed first. The last remaining module of `guard` is not in
/// the list. Throws NumericError for a score that is not finite.
[[nodiscard]] inline std::vector<std::size_t> drop_order(ModuleMask kept,
                                                         const std::vector<double>& scores,
                                                         ModuleMask guard = {},
                                                         const std::vector<double>& errors = {}) {
  std::vector<std::size_t> left, order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!may_remove(kept, i, guard)) continue;
    if (!std::isfinite(scores[i]))
      throw NumericError(message(
          "the score of module ", i,
          " is not finite: a criterion of gradients or activations needs a "
          "step of training or scoring after its warm-up, leave-one-out the validation losses"));
    left.push_back(i);
  }
  while (!left.empty()) {
    std::size_t next = left[0];
    for (const std::size_t i : left)
      if (scores[i] <= scores[next]) next = i;
    const double error = next < errors.size() && std::isfinite(errors[next]) ? errors[next] : 0;
    const double lowest = scores[next];
    for (const std::size_t i : left)
      if (scores[i] <= lowest + error) next = std::max(next, i);
    std::erase(left, next);
    if (!may_remove(kept, next, guard)) continue;
    kept = kept.without(next);
    order.push_back(next);
  }
  return order;
}

/// A budget with a limit that falls as modules are removed: the first mask whose measure is within
/// the limit meets it.
struct Goal {
  MaskMeasure measure;
  double limit = 0;
  std::function<std::string(double)> text;  // formats a value of the measure for messages

  [[nodiscard]] bool met(ModuleMask mask) const { return measure(mask) <= limit; }
};

/// The goal of a budget for a model that keeps `kept`. Returns nothing for a threshold and for a
/// loss budget: these stop before a limit is exceeded rather than once it is met. Throws
/// ConfigError for a share outside of [0, 1] and for a budget whose measure is missing.
[[nodiscard]] inline std::optional<Goal> goal_of(const Budget& budget, ModuleMask kept,
                                                 const Measures& measures = {}) {
  const double before = static_cast<double>(kept.count());
  const auto modules_left = [before](double count) {
    return Goal{
        [](ModuleMask mask) { return static_cast<double>(mask.count()); }, before - count, {}};
  };
  const auto share_left = [&](const MaskMeasure& measure, double by, const char* what) {
    detail::check_share(by, message("a reduction of ", what).c_str());
    const double all = detail::needed(measure, what)(kept);
    return Goal{measure, (1 - by) * all, [all, what = std::string(what)](double value) {
                  return message(what, " ", percent(value / all - 1));
                }};
  };
  if (const auto* lowest = std::get_if<DropLowest>(&budget))
    return modules_left(static_cast<double>(lowest->count));
  if (const auto* share = std::get_if<DropRatio>(&budget)) {
    detail::check_share(share->ratio, "a ratio of modules to drop");
    return modules_left(std::round(share->ratio * before));
  }
  if (const auto* macs = std::get_if<ReduceMacs>(&budget))
    return share_left(measures.macs, macs->by, "MACs");
  if (const auto* numbers = std::get_if<ReduceParameters>(&budget))
    return share_left(measures.parameters, numbers->by, "parameters");
  if (const auto* latency = std::get_if<LatencyAtMost>(&budget)) {
    if (!(latency->milliseconds > 0))
      throw ConfigError(
          message("a latency must be positive, found ", latency->milliseconds, " ms"));
    return Goal{detail::needed(measures.latency, "latency"), latency->milliseconds,
                [](double value) { return message("a latency of ", value, " ms"); }};
  }
  return {};
}

/// The mask that a budget leaves of `kept`. scores[i] is that of module i; modules are removed in
/// the order of drop_order().
///
/// Throws NumericError for a score that is not finite. Throws ConfigError for a budget that cannot
/// be met, with the best that can be reached, and for one whose measure is missing.
[[nodiscard]] inline ModuleMask choose(ModuleMask kept, const std::vector<double>& scores,
                                       const Budget& budget, ModuleMask guard = {},
                                       const std::vector<double>& errors = {},
                                       const Measures& measures = {}) {
  const std::vector<std::size_t> order = drop_order(kept, scores, guard, errors);
  ModuleMask mask = kept;
  if (const auto* below = std::get_if<DropBelow>(&budget)) {
    for (const std::size_t i : order)
      if (scores[i] < below->threshold) mask = mask.without(i);
    return mask;
  }
  if (const auto* loss = std::get_if<LossAtMost>(&budget)) {
    const auto& change = detail::needed(measures.loss_change, "losses");
    const auto fits = [&](ModuleMask candidate) {
      const Estimate found = change(candidate);
      return found.mean + found.error <= loss->increase;
    };
    for (const std::size_t i : order) {
      if (!fits(mask.without(i))) break;
      mask = mask.without(i);
    }
    if (mask == kept && loss->increase < 0)
      throw ConfigError(
          message("no mask meets a loss of ", percent(loss->increase), ": at best it is ",
                  percent(order.empty() ? 0 : std::min(0.0, change(kept.without(order[0])).mean))));
    return mask;
  }
  const Goal goal = *goal_of(budget, kept, measures);
  double reached = goal.measure(mask), best = reached;
  for (const std::size_t i : order) {
    if (reached <= goal.limit) break;
    mask = mask.without(i);
    reached = goal.measure(mask);
    best = std::min(best, reached);
  }
  if (reached <= goal.limit) return mask;
  const std::string but =
      (kept & guard).empty()
          ? std::string()
          : message(" and has to keep one of those numbered ", module_numbers(kept & guard));
  if (std::holds_alternative<DropLowest>(budget) || std::holds_alternative<DropRatio>(budget))
    throw ConfigError(message("cannot drop ", static_cast<double>(kept.count()) - goal.limit,
                              " modules: the model has ", kept.count(), but));
  throw ConfigError(message("no mask meets ", goal.text(goal.limit),
                            ": the best that dropping modules reaches is ", goal.text(best),
                            "; the model has ", kept.count(), but));
}

}  // namespace spat
