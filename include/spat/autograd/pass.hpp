// autograd. What one call needs besides weights and input: randomness, its place in the batch,
// workers, and a listener that is notified of events.
#pragma once

#include <spat/core/random.hpp>
#include <spat/core/team.hpp>

#include <cstdint>

namespace spat::inline SPAT_ABI {

/// The context of one forward or backward pass, passed to every layer. A random number is a
/// function of (seed, step, site, sample, position), so dividing the batch differently, using more
/// threads or pruning a neighbour changes no random number.
struct Pass {
  bool training = false;
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::size_t first_sample = 0;   // of this micro-batch, within the whole batch
  std::size_t batch_samples = 1;  // samples in the whole batch
  /// Terms that the loss is the mean of. A gradient times this is that of the summed loss.
  std::size_t loss_terms = 1;
  std::size_t module = 0;  // the module being called, numbered by the unpruned architecture
  /// Which attention of the module; 0 is the one whose output leaves the module.
  std::size_t part = 0;
  double layer_drop = 0;  // while training, the probability that a step leaves a module out
  /// Workers inside a layer; null if one worker handles the whole micro-batch.
  Team* team = nullptr;

  [[nodiscard]] Pass at(std::size_t index, std::size_t part_index = 0) const {
    Pass pass = *this;
    pass.module = index;
    pass.part = part_index;
    return pass;
  }
  /// Whether this step skips the module being called: a function of (seed, step, module) alone.
  /// LayerDrop: Fan, Grave and Joulin, "Reducing transformer depth on demand with structured
  /// dropout", ICLR 2020.
  [[nodiscard]] bool skips_module() const {
    if (!training || layer_drop == 0) return false;
    // A position and sample that dropout never uses.
    constexpr std::uint32_t nowhere = ~std::uint32_t{0};
    const auto words = philox(
        {nowhere, nowhere, static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(module)},
        seed);
    return words[0] < layer_drop * 0x1p32;
  }
  /// The pass for a layer that is called with `count` samples per sample of this pass, because
  /// channels or segments are folded into the batch.
  [[nodiscard]] Pass folded(std::size_t count) const {
    Pass pass = *this;
    pass.first_sample *= count;
    pass.batch_samples *= count;
    return pass;
  }

  /// Calls work(first, last) over [0, count), by the team if there is one and the work is worth
  /// waking it.
  template <class Work>
  void for_shares(std::size_t count, std::size_t multiply_adds, Work&& work) const {
    constexpr std::size_t worth_waking = 100'000;
    if (team && team->size() > 1 && count > 1 && multiply_adds >= worth_waking)
      team->for_shares(count, work);
    else if (count > 0)
      work(std::size_t{0}, count);
  }
};

/// Whether a listener (a criterion, or what hands events on to criteria) is notified of events of
/// this type. No event type converts to another, so an overload of hear() receives only its own.
template <class Listener, class Event>
concept Hears = requires(Listener& listener, const Event& event) {
  listener.hear(event);
};

/// A pass that reports events to a listener. Attention and the layers that hold it take it as it
/// is; other layers take it as a Pass.
template <class Listener>
struct ScoredPass : Pass {
  Listener& listener;

  ScoredPass(const Pass& pass, Listener& notified) : Pass(pass), listener(notified) {}

  [[nodiscard]] ScoredPass at(std::size_t index, std::size_t part_index = 0) const {
    return {Pass::at(index, part_index), listener};
  }
  [[nodiscard]] ScoredPass folded(std::size_t count) const {
    return {Pass::folded(count), listener};
  }
};

/// Whether a pass type reports to a criterion.
template <class R>
inline constexpr bool is_scored = false;
template <class Listener>
inline constexpr bool is_scored<ScoredPass<Listener>> = true;

/// Whether a pass of this type has a listener that is notified of this event.
template <class PassType, class Event>
inline constexpr bool reports = false;
template <class Listener, class Event>
inline constexpr bool reports<ScoredPass<Listener>, Event> = Hears<Listener, Event>;

/// One worker's part of a list of tasks that all workers walk through in the same order: it takes
/// every count-th task.
class Share {
 public:
  Share() = default;
  Share(std::size_t index, std::size_t count) : index_(index), count_(count) {}

  [[nodiscard]] bool takes() {
    const bool mine = next_ == index_;
    next_ = next_ + 1 == count_ ? 0 : next_ + 1;
    return mine;
  }

 private:
  std::size_t index_ = 0, count_ = 1, next_ = 0;
};

}  // namespace spat
