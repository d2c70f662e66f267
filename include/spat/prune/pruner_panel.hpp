// prune. Several pruners that watch one training: criteria compared on the same steps.
#pragma once

#include <spat/prune/pruner.hpp>

namespace spat::inline SPAT_ABI {

/// An observer that hands on what it hears to each of its pruners, SensitivityPruners of one type.
/// At least one.
template <class Pruner>
class PrunerPanel {
 public:
  using Scalar = typename Pruner::Scalar;
  using Judge =
      std::remove_cvref_t<decltype(std::declval<const Pruner&>().prototype())>;  // the criterion

  class Listener {
   public:
    void on_forward(
        const ForwardEvent<Scalar>& event) requires detail::HearsForward<Judge, Scalar> {
      for (auto* slot : listeners) slot->on_forward(event);
    }
    void on_block(const BlockEvent<Scalar>& event) requires detail::HearsBlock<Judge, Scalar> {
      for (auto* slot : listeners) slot->on_block(event);
    }
    void on_backward(
        const BackwardEvent<Scalar>& event) requires detail::HearsBackward<Judge, Scalar> {
      for (auto* slot : listeners) slot->on_backward(event);
    }
    void on_tile(std::size_t module,
                 const TileEvent<Scalar>& event) requires detail::HearsTile<Judge, Scalar> {
      for (auto* slot : listeners) slot->on_tile(module, event);
    }
    std::vector<typename Pruner::Listener*> listeners;
  };

  explicit PrunerPanel(std::vector<Pruner> members) : pruners(std::move(members)) {
    for (std::size_t i = 0; i < listeners_.size(); ++i)
      for (Pruner& pruner : pruners) listeners_[i].listeners.push_back(&pruner.listener(i));
  }
  PrunerPanel(const PrunerPanel&) = delete;  // its listeners point into it
  PrunerPanel& operator=(const PrunerPanel&) = delete;

  std::vector<Pruner> pruners;  // as many as at construction

  [[nodiscard]] Listener& listener(std::size_t i) { return listeners_[i]; }
  void end_step(Team* team = nullptr) {
    for (Pruner& pruner : pruners) pruner.end_step(team);
  }
  void end_epoch() {
    for (Pruner& pruner : pruners) pruner.end_epoch();
  }

 private:
  std::array<Listener, MicrobatchPlan::most_at_once> listeners_;
};

}  // namespace spat
