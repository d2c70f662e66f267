// prune. What a pruner receives of one micro-batch at a time.
#pragma once

#include <spat/core/module_mask.hpp>
#include <spat/criteria/criterion.hpp>

#include <concepts>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Receives the events of one micro-batch at a time (see MicrobatchPlan) and passes each on to the
/// criterion of its module. If a module has several attentions, the criterion receives the events
/// of part 0, whose output leaves the module.
template <class C, class Scalar>
class PrunerListener {
 public:
  template <class Event>
    requires(Hears<C, Event> ||
             (Hears<C, TileEvent<Scalar>> && std::same_as<Event, BackwardEvent<Scalar>>))
  void hear(const Event& event) {
    if (event.part != 0) return;
    // Tiles of a module may come at the same time. Its backward event came before them.
    if constexpr (!std::same_as<Event, TileEvent<Scalar>>) heard = heard.with(event.module);
    if constexpr (Hears<C, Event>) criteria[event.module].hear(event);
  }
  std::vector<C> criteria;
  ModuleMask heard;  // modules of which an event came in this step
};

}  // namespace spat
