// prune. Budgets: rules that turn scores into a mask, independent of where the scores come from.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/module_mask.hpp>
#include <spat/prune/drop_order.hpp>

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

/// The largest relative error of a share that should be exact. A share is computed by a user as
/// 1 - part / all or (all - part) / all, and a budget computes (1 - share) all: five operations, of
/// at most 2^-53 of `all` each. Counts below 2^50 that differ at all differ by more than this
/// share of `all`, so no other mask comes within reach.
inline constexpr double share_error = 0x1p-50;

/// round(share * all), halves up, also if the product falls short of a half by rounding alone.
[[nodiscard]] inline std::size_t rounded_share(double share, std::size_t all) {
  const double count = static_cast<double>(all);
  return static_cast<std::size_t>(std::floor(share * count + share_error * count + 0.5));
}

}  // namespace detail

/// The most modules of `kept` that can be removed: all, but one of `guard` has to stay.
[[nodiscard]] constexpr std::size_t most_removable(ModuleMask kept, ModuleMask guard = {}) {
  return kept.count() - ((kept & guard).empty() ? 0 : 1);
}

/// Checks what a budget alone shows, before any training, of a model that keeps `kept`. Throws
/// ConfigError, with the value and the rule, for a share outside of [0, 1], a latency that is not
/// positive and finite, a loss that could not fall so far, a number that is none, and more modules
/// than can be removed.
inline void check(const Budget& budget, ModuleMask kept, ModuleMask guard = {}) {
  const auto rule = [](bool holds, const char* what, double found, const char* unit = "") {
    if (!holds) throw ConfigError(message(what, ", found ", found, unit));
  };
  const auto share = [&](double of, const char* what) {
    rule(of >= 0 && of <= 1, message(what, " must lie in [0, 1]").c_str(), of);
  };
  const auto count = [&](std::size_t modules) {
    if (modules <= most_removable(kept, guard)) return;
    const ModuleMask guarded = kept & guard;
    throw ConfigError(message("cannot drop ", modules, " modules: the model has ", kept.count(),
                              guarded.empty() ? "" : " and has to keep one of those numbered ",
                              module_numbers(guarded)));
  };
  if (const auto* lowest = std::get_if<DropLowest>(&budget)) count(lowest->count);
  if (const auto* ratio = std::get_if<DropRatio>(&budget)) {
    share(ratio->ratio, "a ratio of modules to drop");
    count(detail::rounded_share(ratio->ratio, kept.count()));
  }
  if (const auto* below = std::get_if<DropBelow>(&budget))
    rule(!std::isnan(below->threshold), "a threshold of scores must be a number", below->threshold);
  if (const auto* macs = std::get_if<ReduceMacs>(&budget)) share(macs->by, "a reduction of MACs");
  if (const auto* numbers = std::get_if<ReduceParameters>(&budget))
    share(numbers->by, "a reduction of parameters");
  if (const auto* latency = std::get_if<LatencyAtMost>(&budget))
    rule(latency->milliseconds > 0 && std::isfinite(latency->milliseconds),
         "a latency must be positive and finite", latency->milliseconds, " ms");
  if (const auto* loss = std::get_if<LossAtMost>(&budget))
    rule(loss->increase > -1 && std::isfinite(loss->increase),
         "the change of a loss must be above -1 and finite", loss->increase);
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
/// ConfigError for a budget whose measure is missing.
[[nodiscard]] inline std::optional<Goal> goal_of(const Budget& budget, ModuleMask kept,
                                                 const Measures& measures = {}) {
  const double before = static_cast<double>(kept.count());
  const auto modules_left = [before](double count) {
    return Goal{
        [](ModuleMask mask) { return static_cast<double>(mask.count()); }, before - count, {}};
  };
  const auto share_left = [&](const MaskMeasure& measure, double by, const char* what) {
    const double all = detail::needed(measure, what)(kept);
    return Goal{measure, (1 - by) * all + detail::share_error * all,
                [all, what = std::string(what)](double value) {
                  return message(what, " ", percent(value / all - 1));
                }};
  };
  if (const auto* lowest = std::get_if<DropLowest>(&budget))
    return modules_left(static_cast<double>(lowest->count));
  if (const auto* share = std::get_if<DropRatio>(&budget))
    return modules_left(static_cast<double>(detail::rounded_share(share->ratio, kept.count())));
  if (const auto* macs = std::get_if<ReduceMacs>(&budget))
    return share_left(measures.macs, macs->by, "MACs");
  if (const auto* numbers = std::get_if<ReduceParameters>(&budget))
    return share_left(measures.parameters, numbers->by, "parameters");
  if (const auto* latency = std::get_if<LatencyAtMost>(&budget))
    return Goal{detail::needed(measures.latency, "latency"), latency->milliseconds,
                [](double value) { return message("a latency of ", value, " ms"); }};
  return {};
}

namespace detail {

/// Throws ConfigError if `reached`, the lowest that removing modules reaches, is above the limit.
inline void expect_reached(const Goal& goal, double reached, ModuleMask kept, ModuleMask guard) {
  if (reached <= goal.limit) return;
  const ModuleMask guarded = kept & guard;
  throw ConfigError(message(
      "no mask meets ", goal.text(goal.limit), ": the best that dropping modules reaches is ",
      goal.text(reached), "; the model has ", kept.count(),
      guarded.empty() ? "" : " and has to keep one of those numbered ", module_numbers(guarded)));
}

}  // namespace detail

/// check(), and whether any mask meets the budget at all, as far as that does not depend on scores
/// or on what a training learns: a model loses all modules, but for one of the guard, each in turn.
/// Throws ConfigError, with the best that can be reached, if none does.
inline void check(const Budget& budget, ModuleMask kept, ModuleMask guard,
                  const Measures& measures) {
  check(budget, kept, guard);
  const auto goal = goal_of(budget, kept, measures);
  if (!goal || !goal->text) return;  // numbers of modules are checked
  double best = goal->measure(kept);
  const ModuleMask guarded = kept & guard;
  for (std::size_t i = 0; i < most_modules && best > goal->limit; ++i)
    if (guarded.empty() ? i == 0 : guarded.keeps(i))
      best = std::min(best, goal->measure(guarded.empty() ? ModuleMask{} : ModuleMask::only(i)));
  detail::expect_reached(*goal, best, kept, guard);
}

/// The mask that a budget leaves of `kept`. scores[i] is that of module i; modules are removed in
/// the order of drop_order().
///
/// Throws NumericError for a score that is not finite. Throws ConfigError for a budget that cannot
/// be met, with the best that can be reached, for one that check() refuses, and for one whose
/// measure is missing.
[[nodiscard]] inline ModuleMask choose(ModuleMask kept, const std::vector<double>& scores,
                                       const Budget& budget, ModuleMask guard = {},
                                       const std::vector<double>& errors = {},
                                       const Measures& measures = {}) {
  check(budget, kept, guard);
  ModuleMask mask = kept;
  if (const auto* below = std::get_if<DropBelow>(&budget)) {
    const ModuleMask among = modules_below(scores, below->threshold);
    for (const std::size_t i : drop_order(kept, scores, guard, errors, among))
      mask = mask.without(i);
    return mask;
  }
  const std::vector<std::size_t> order = drop_order(kept, scores, guard, errors);
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
  if (goal.text) detail::expect_reached(goal, best, kept, guard);
  return mask;
}

}  // namespace spat
