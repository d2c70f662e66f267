// prune. How much goes: a rule that turns scores into a mask, and knows nothing of where the scores come from.
#pragma once

#include <spat/core/error.hpp>
#include <spat/models/module_mask.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <variant>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The k lowest scores.
struct DropLowest {
  std::size_t count = 0;
};
/// The lowest scores, round(ratio * kept modules) of them; 0 <= ratio <= 1.
struct DropRatio {
  double ratio = 0;
};
/// Every score below the threshold.
struct DropBelow {
  double threshold = 0;
};
using Budget = std::variant<DropLowest, DropRatio, DropBelow>;

namespace detail {

/// "6, 9, 12".
[[nodiscard]] inline std::string numbers_of(ModuleMask<> mask, std::size_t modules) {
  std::string text;
  for (std::size_t i = 0; i < modules; ++i)
    if (mask.keeps(i)) text.append(text.empty() ? "" : ", ").append(std::to_string(i));
  return text;
}

}  // namespace detail

/// The mask that is left of `kept`. scores[i] is module i's; of equal scores the deeper module goes first. The last module
/// that is left of `guard` is passed over.
/// Throws NumericError for a score that is not finite, ConfigError for a budget that cannot be met.
[[nodiscard]] inline ModuleMask<> choose(ModuleMask<> kept, const std::vector<double>& scores, const Budget& budget,
                                         ModuleMask<> guard = {}) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (!kept.keeps(i)) continue;
    if (!std::isfinite(scores[i]))
      throw NumericError(detail::message("the score of module ", i,
                                         " is not finite; was anything observed since the model was built?"));
    order.push_back(i);
  }
  std::ranges::sort(
      order, [&](std::size_t a, std::size_t b) { return scores[a] != scores[b] ? scores[a] < scores[b] : a > b; });
  const auto drops = [&]() -> std::size_t {
    if (const auto* lowest = std::get_if<DropLowest>(&budget)) return lowest->count;
    if (const auto* below = std::get_if<DropBelow>(&budget))
      return static_cast<std::size_t>(
          std::ranges::count_if(order, [&](std::size_t i) { return scores[i] < below->threshold; }));
    const double ratio = std::get<DropRatio>(budget).ratio;
    if (!(ratio >= 0 && ratio <= 1))
      throw ConfigError(detail::message("a ratio of modules to drop must lie in [0, 1], found ", ratio));
    return static_cast<std::size_t>(std::lround(ratio * static_cast<double>(order.size())));
  }();
  const bool guarded = (kept.bits & guard.bits) != 0;
  if (drops > order.size() - guarded && !std::holds_alternative<DropBelow>(budget))
    throw ConfigError(detail::message("cannot drop ", drops, " modules: the model has ", order.size(),
                                      guarded ? " and has to keep one of those numbered " : "",
                                      guarded ? detail::numbers_of(guard, scores.size()) : std::string()));
  std::size_t left = drops;
  for (std::size_t i = 0; i < order.size() && left > 0; ++i) {
    const ModuleMask<> without = kept.without(order[i]);
    --left;
    if (guarded && (without.bits & guard.bits) == 0) {
      left += !std::holds_alternative<DropBelow>(budget);  // below a threshold there is no other to go in its place
      continue;
    }
    kept = without;
  }
  return kept;
}

}  // namespace spat
