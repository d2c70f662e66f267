// The body of `spat latency` for one model.
#pragma once

#include "options.hpp"

#include <spat/autograd/initialize.hpp>

namespace tool {

/// The latencies of the masks, the dense model first, then masks of fewer and fewer modules: all
/// masks of up to six modules, otherwise those that remove the deepest modules.
template <class Model>
std::vector<MaskLatency> latency(const LatencyOptions& o, const Configuration& configuration,
                                 const Data& data) {
  Model dense({config_of<typename Model::Config>(configuration)});
  spat::initialize(spat::parameters(dense), 1);
  spat::Team team(o.threads);
  const std::size_t modules = dense.form.modules();
  const spat::ModuleMask guard = spat::guard_of(dense.form);
  std::vector<spat::ModuleMask> masks;
  for (std::size_t kept = modules + 1; kept-- > 0;)
    if (modules > 6)
      masks.push_back(spat::ModuleMask::first(kept));
    else
      for (std::uint64_t i = std::uint64_t{1} << modules; i-- > 0;)
        if (const auto mask = spat::subset(spat::ModuleMask::first(modules), i);
            mask.count() == kept)
          masks.push_back(mask);
  std::erase_if(masks, [&](spat::ModuleMask mask) { return !spat::satisfies(mask, guard); });
  constexpr std::size_t rounds = 5;
  std::vector<std::vector<double>> medians(masks.size());
  for (std::size_t round = 0; round < rounds; ++round)
    for (std::size_t i = 0; i < masks.size(); ++i)
      medians[i].push_back(spat::measure_latency(spat::detail::pruned_as_it_is(dense, masks[i]),
                                                 *data.test, &team, o.seconds / rounds, o.batch)
                               .median);
  std::vector<MaskLatency> rows;
  for (std::size_t i = 0; i < masks.size(); ++i)
    rows.push_back(
        {spat::to_string(masks[i], modules),
         spat::cost_of(spat::detail::pruned_as_it_is(dense, masks[i]), data.training->channels()),
         spat::latency_of(medians[i]).median});
  return rows;
}

}  // namespace tool
