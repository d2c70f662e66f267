// prune. Searches masks for the Pareto front of loss against latency.
#pragma once

#include <spat/core/names.hpp>
#include <spat/prune/budget.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string_view>
#include <tuple>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A mask with its measurements, in the units of the measures.
struct Candidate {
  ModuleMask mask;
  double loss = 0, latency = 0;
  bool on_front = false;
};

/// How to search. automatic: exhaustive if there are few modules, otherwise beam.
enum class SearchMethod { automatic, exhaustive, greedy, beam };

/// The names of the methods.
inline constexpr std::array<Named<SearchMethod>, 4> search_methods{
    {{"automatic", SearchMethod::automatic},
     {"exhaustive", SearchMethod::exhaustive},
     {"greedy", SearchMethod::greedy},
     {"beam", SearchMethod::beam}}};
/// The method of this name. Throws ConfigError for a name that is not in `search_methods`.
[[nodiscard]] inline SearchMethod parse_search_method(std::string_view name) {
  return parse_name("search", name, search_methods);
}

/// How to search for masks, and how far.
struct SearchOptions {
  SearchMethod method = SearchMethod::automatic;
  std::size_t beam_width = 4;       // masks of each size that are extended
  std::size_t most_exhaustive = 6;  // automatic tries all masks up to this many modules
};

/// The most modules of an exhaustive search: 2^16 masks.
inline constexpr std::size_t most_searched_exhaustively = 16;

namespace detail {

/// Orders by one value, then the other, then fewer modules, then removal of deeper modules.
[[nodiscard]] inline bool precedes(const Candidate& a, const Candidate& b, double Candidate::*value,
                                   double Candidate::*other) {
  const auto key = [&](const Candidate& c) {
    return std::tuple(c.*value, c.*other, c.mask.count(), c.mask);
  };
  return key(a) < key(b);
}

[[nodiscard]] inline std::size_t width_of(const SearchOptions& options, std::size_t modules) {
  if (options.beam_width == 0) throw ConfigError("a beam must be at least 1 wide, found 0");
  const bool exhaustive =
      options.method == SearchMethod::exhaustive ||
      (options.method == SearchMethod::automatic && modules <= options.most_exhaustive);
  if (exhaustive && modules > most_searched_exhaustively)
    throw ConfigError(message("an exhaustive search takes at most ", most_searched_exhaustively,
                              " modules, found ", modules, "; search greedily or with a beam"));
  if (exhaustive) return std::numeric_limits<std::size_t>::max();
  return options.method == SearchMethod::greedy ? 1 : options.beam_width;
}

[[nodiscard]] inline Candidate best_within(const std::vector<Candidate>& candidates,
                                           double Candidate::*bounded, double Candidate::*sought,
                                           double limit, const char* name) {
  if (candidates.empty()) throw ConfigError("no candidates to choose from");
  const Candidate* best = nullptr;
  double lowest = std::numeric_limits<double>::infinity();
  for (const Candidate& c : candidates) {
    lowest = std::min(lowest, c.*bounded);
    if (c.*bounded <= limit && (!best || precedes(c, *best, sought, bounded))) best = &c;
  }
  if (!best)
    throw ConfigError(message("no mask has a ", name, " of at most ", limit,
                              "; the lowest within reach is ", lowest));
  return *best;
}

}  // namespace detail

/// Marks the candidates that no other candidate dominates. One dominates if neither its loss nor
/// its latency is higher, and at least one of them is lower. Of candidates equal in both, only one
/// is marked: the one with the fewest modules, then the one without the deepest. Throws
/// NumericError if a loss or latency is not finite.
inline void mark_front(std::vector<Candidate>& candidates) {
  std::vector<Candidate*> order;
  for (Candidate& c : candidates) {
    if (!std::isfinite(c.loss) || !std::isfinite(c.latency))
      throw NumericError(
          message("a candidate's loss ", c.loss, " or latency ", c.latency, " is not finite"));
    order.push_back(&c);
  }
  std::ranges::sort(order, [](const Candidate* a, const Candidate* b) {
    return detail::precedes(*a, *b, &Candidate::latency, &Candidate::loss);
  });
  // The lowest loss among all candidates that are as fast or faster.
  double lowest = std::numeric_limits<double>::infinity();
  for (Candidate* c : order) {
    c->on_front = c->loss < lowest;
    lowest = std::min(lowest, c->loss);
  }
}

/// The masks measured on the way down from `kept`: larger ones first, then by their bits, with the
/// front marked.
///
///     masks of size n - 1 = the best masks of size n, each without one of its modules
///     the best            = the `width` of lowest loss
///
/// exhaustive: unlimited width, all subsets of `kept`. greedy: width one, which is backward
/// elimination (Marill and Green 1963); it measures at most n (n + 1) / 2 + 1 masks of n modules.
/// beam: width `beam_width` (Lowerre 1976). Of equal losses the deeper module is removed first. One
/// module of `guard` stays in every mask, if `kept` has any.
///
/// Throws ConfigError for a beam of width 0 or too many modules for an exhaustive search, and
/// NumericError for a measure that is not finite.
[[nodiscard]] inline std::vector<Candidate> search(ModuleMask kept, std::size_t modules,
                                                   const MaskMeasure& loss,
                                                   const MaskMeasure& latency,
                                                   const SearchOptions& options = {},
                                                   ModuleMask guard = {}) {
  kept = within(kept, modules);
  const std::size_t width = detail::width_of(options, kept.count());
  const auto measured = [&](const MaskMeasure& measure, const char* name, ModuleMask mask) {
    const double value = measure(mask);
    if (!std::isfinite(value))
      throw NumericError(
          message("the ", name, " of mask ", to_string(mask, modules), " is not finite: ", value));
    return value;
  };
  std::vector<Candidate> all;
  for (std::set<ModuleMask> level{kept}; !level.empty();) {  // masks of one size, each once
    std::vector<Candidate> best;
    for (const ModuleMask mask : level)
      best.push_back({.mask = mask,
                      .loss = measured(loss, "loss", mask),
                      .latency = measured(latency, "latency", mask)});
    all.insert(all.end(), best.begin(), best.end());
    if (best.size() > width) {
      std::ranges::sort(best, std::less<>{},
                        [](const Candidate& c) { return std::pair(c.loss, c.mask); });
      best.resize(width);
    }
    level.clear();
    for (const Candidate& c : best)
      for (std::size_t i = 0; i < modules; ++i)
        if (may_remove(c.mask, i, guard)) level.insert(c.mask.without(i));
  }
  mark_front(all);
  return all;
}

/// The candidate of lowest loss among those whose latency is within the limit; of equal ones the
/// faster. Throws ConfigError, with the lowest latency found, if there is none.
[[nodiscard]] inline Candidate best_within_latency(const std::vector<Candidate>& candidates,
                                                   double limit) {
  return detail::best_within(candidates, &Candidate::latency, &Candidate::loss, limit, "latency");
}
/// The candidate of lowest latency among those whose loss is within the limit; of equal ones the
/// one of lower loss. Throws ConfigError, with the lowest loss found, if there is none.
[[nodiscard]] inline Candidate best_within_loss(const std::vector<Candidate>& candidates,
                                                double limit) {
  return detail::best_within(candidates, &Candidate::loss, &Candidate::latency, limit, "loss");
}

}  // namespace spat
