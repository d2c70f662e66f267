// Helpers of the schedules' tests: small models and their data, criteria with scores that the test
// sets, and comparisons of results.
#pragma once

#include <spat/criteria/module_score.hpp>
#include <spat/criteria/step_score.hpp>
#include <spat/models/crossformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/prune/schedules.hpp>

#include <tests/prune/tiny.hpp>

namespace scheduled {

using namespace spat;

inline constexpr ITransformerConfig config = example::tiny;
inline constexpr PatchTSTConfig patches = example::tiny_patches(3);
/// Seven modules, 4 and 7 of them cross-attentions of which one has to stay.
inline constexpr CrossformerConfig guarded{.channels = 7,
                                           .lookback = 12,
                                           .horizon = 4,
                                           .width = 8,
                                           .ffn_width = 8,
                                           .heads = 2,
                                           .depth = 1,
                                           .segment = 4,
                                           .routers = 2,
                                           .kept = ModuleMask::first(8)};
using Model = ITransformer<float>;

/// A criterion with scores that the test sets per module; training does not change them.
struct Scripted : ModuleScore {
  std::vector<double> values;
  Scripted() = default;
  explicit Scripted(std::vector<double> scores) : values(std::move(scores)) {}
  void hear(const ModuleEvent<float>& event) { score_ = values.at(event.module); }
};

/// A criterion whose step t scores module n as of(n, t), as long as the module is kept.
struct Played : StepScore {
  using Of = double (*)(std::size_t module, std::size_t step);
  explicit Played(Of of_step = {}) : StepScore({.decay = 1}), of(of_step) {}
  void hear(const ForwardEvent<float>& event) { module = event.module, heard = true; }
  void merge(Played& other) {
    if (other.heard) module = other.module, heard = true;
    other.heard = false;
  }
  void end_step(Team*) {
    if (heard)
      close(of(module, step));
    else
      skip();
    ++step, heard = false;
  }
  Of of;
  std::size_t module = 0, step = 0;
  bool heard = false;
};

/// Module 0 is the least, always; its order turns round every second step.
inline double settling(std::size_t module, std::size_t) { return static_cast<double>(module + 1); }
inline double restless(std::size_t module, std::size_t step) {
  return settling(module, step) * (step / 2 % 2 ? -1 : 1);
}

template <class M = Model>
struct Example {
  example::SyntheticWindows<float> windows;
  PruningData<float> data;
  M model;

  explicit Example(typename M::Config c = config, Team* team = nullptr)
      : windows(c, 6), data{windows.training, windows.validation, team},
        model(example::made<M>({c}, 3, 0.1)) {
    Trainer<M> trainer(
        model, {.epochs = 2, .batch_size = 16, .rate = 3e-3, .schedule = RateSchedule::constant});
    trainer.fit(windows.training, windows.validation);
  }
};

inline const TrainingOptions tuning{
    .epochs = 2, .batch_size = 16, .rate = 1e-3, .schedule = RateSchedule::constant, .seed = 5};
inline const TrainingOptions training{.epochs = 5, .batch_size = 16, .rate = 1e-3, .seed = 5};

inline PruningOptions by(Budget budget, bool fine_tunes = true) {
  return {.budget = budget, .fine_tuning = tuning, .fine_tunes = fine_tunes};
}

/// Compares everything except the seconds.
inline bool same_epochs(const std::vector<EpochRecord>& a, const std::vector<EpochRecord>& b) {
  return std::ranges::equal(a, b, [](const EpochRecord& x, const EpochRecord& y) {
    return x.epoch == y.epoch && x.rate == y.rate && x.training_loss == y.training_loss &&
           x.validation_mse == y.validation_mse && x.validation_mae == y.validation_mae &&
           x.best == y.best;
  });
}
inline std::vector<std::uint64_t> masks_of(const std::vector<Removal>& removals) {
  std::vector<std::uint64_t> masks;
  for (const Removal& removal : removals) masks.push_back(removal.mask.bits);
  return masks;
}
inline std::vector<std::size_t> epochs_of(const std::vector<Removal>& removals) {
  std::vector<std::size_t> epochs;
  for (const Removal& removal : removals) epochs.push_back(removal.epoch);
  return epochs;
}

}  // namespace scheduled
