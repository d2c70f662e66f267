// prune. Several pruners that observe one training: criteria compared on the same steps.
#pragma once

#include <spat/prune/pruner.hpp>

namespace spat::inline SPAT_ABI {

/// An observer that passes every event on to each of its pruners, which are Pruners of one type. It
/// has at least one.
template <class Pruner>
class PrunerPanel {
 public:
  using Scalar = typename Pruner::Scalar;
  using Criterion = typename Pruner::Criterion;

  /// Receives the events of one micro-batch at a time and passes each on to the listeners of the
  /// same number of all pruners.
  class Listener {
   public:
    template <class Event>
      requires Hears<typename Pruner::Listener, Event>
    void hear(const Event& event) {
      for (auto* listener : listeners) listener->hear(event);
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

  template <class Model>
  void expect_model(const Model& model) const {
    for (const Pruner& pruner : pruners) pruner.expect_model(model);
  }
  [[nodiscard]] Listener& listener(std::size_t i) { return listeners_[i]; }
  void begin_epoch(std::size_t steps) {
    for (Pruner& pruner : pruners) pruner.begin_epoch(steps);
  }
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
