// prune. Pruning schedules after training: all modules at once, or one after another.
// in_training.hpp removes modules during training.
#pragma once

#include <spat/core/names.hpp>
#include <spat/prune/measures.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <array>
#include <limits>
#include <memory>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// When modules are removed.
///
///   one_shot     train, choose, remove, fine-tune
///   iterative    remove one module, fine-tune, score again, until the budget is met
///   in_training  remove what the budget asks for as soon as the ranking has settled, and continue
///                training: pre-training itself gets cheaper
enum class PruningSchedule { one_shot, iterative, in_training };

/// The names of the schedules.
inline constexpr std::array<Named<PruningSchedule>, 3> pruning_schedules{
    {{"one-shot", PruningSchedule::one_shot},
     {"iterative", PruningSchedule::iterative},
     {"in-training", PruningSchedule::in_training}}};
/// The schedule of this name. Throws ConfigError for a name that is not in pruning_schedules.
[[nodiscard]] inline PruningSchedule parse_pruning_schedule(std::string_view name) {
  return parse_name("pruning schedule", name, pruning_schedules);
}

/// The windows and workers of a pruning. All of them must outlive the calls below.
template <class Scalar>
struct PruningData {
  const WindowDataset<Scalar>& training;
  const WindowDataset<Scalar>& validation;
  Team* team = nullptr;
};

/// How to prune: how much, and what follows each removal.
struct PruningOptions {
  Budget budget = DropLowest{1};
  // after each removal
  TrainingOptions fine_tuning = {.epochs = 3, .rate = 1e-4 / 8, .schedule = RateSchedule::constant};
  bool fine_tunes = true;
  MeasureOptions measures = {};
  // for one_shot: the epoch of the training whose scores count; 0: those of all steps up to now
  std::size_t scores_after = 0;
  // for in_training: when the ranking has settled, over pieces of an epoch's steps
  StabilityOptions stability = {};
  // for in_training: remove after this epoch at the latest; 0: half of the epochs
  std::size_t latest_epoch = 0;
};

/// A removal, and the epoch of the history that it follows.
struct Removal {
  std::size_t epoch = 0;
  ModuleMask mask;                            // the modules that stay
  std::vector<OutOfOrder> out_of_order = {};  // where it did not follow the scores
};

/// A pruned model, and how it came about.
template <class Model>
struct PruningResult {
  Model model;
  std::vector<EpochRecord> history = {};  // all training and fine-tuning done here, in order
  std::vector<Removal> removals = {};
  // of each fine-tuning that `model` went through, its epochs; one that was undone does not count
  std::vector<std::size_t> fine_tunings = {};
};

/// Checks, before any training, what a pruning needs: spat::check() of the budget with the measures
/// of the model as it is, and the origins of a budget of losses. Throws ConfigError with the value
/// and the rule.
template <PrunableModel Model>
void check(const PruningOptions& options, const Model& model,
           const PruningData<typename Model::Value>& data) {
  options.measures.check();
  if (std::holds_alternative<LossAtMost>(options.budget) &&
      options.measures.origins > data.validation.size())
    throw ConfigError(
        message("origins of a loss: at most one per validation window, of which there are ",
                data.validation.size(), ", found ", options.measures.origins));
  check(options.budget, model.form.kept(), guard_of(model.form),
        measures_of(model, data.training, data.validation, options.measures, data.team));
}

/// Trains `model` in place with `options`. The weights stay as they are if no epoch improves on
/// them. `observer` receives the events of the training. It ends after `most` epochs at the latest,
/// at the rates of options.epochs. Returns the epochs. Errors: those of the trainer.
template <PrunableModel Model, class Observer>
std::vector<EpochRecord> fine_tune(Model& model, const PruningData<typename Model::Value>& data,
                                   const TrainingOptions& options, Observer& observer,
                                   const typename Trainer<Model>::Teacher& teacher = {},
                                   const ProgressCallback& progress = {},
                                   std::size_t most = std::numeric_limits<std::size_t>::max()) {
  Trainer<Model> trainer(model, options, data.team);
  if (teacher) trainer.set_teacher(teacher);
  trainer.consider_start(data.training, data.validation);
  while (trainer.unfinished() && trainer.history().size() < most)
    trainer.run_epoch(data.training, data.validation, observer, progress);
  trainer.take_best();
  return trainer.history();
}

/// If the criterion of `pruner` scores by losses (leave-one-out), measures the validation loss
/// without each module of `model` and passes it to the pruner.
template <PrunableModel Model, class C>
void hear_losses(Pruner<Model, C>& pruner, const Model& model,
                 const PruningData<typename Model::Value>& data, std::uint64_t seed) {
  if (!detail::needs_losses(pruner.prototype())) return;
  pruner.hear_losses([&](ModuleMask kept) {
    return evaluate(pruned(model, kept, data.training, seed, data.team), data.validation, data.team)
        .mse;
  });
}

/// Removes all modules except those of `mask` at once. Then fine-tunes the rest, unless nothing was
/// removed. Errors: those of pruned() and of the trainer.
template <PrunableModel Model>
[[nodiscard]] PruningResult<Model> prune_to(const Model& model, ModuleMask mask,
                                            const PruningData<typename Model::Value>& data,
                                            const PruningOptions& options,
                                            const typename Trainer<Model>::Teacher& teacher = {},
                                            const ProgressCallback& progress = {}) {
  PruningResult<Model> result{
      pruned(model, mask, data.training, options.fine_tuning.seed, data.team)};
  if (result.model.form.kept() == model.form.kept()) return result;
  result.removals.push_back({0, result.model.form.kept()});
  if (!options.fine_tunes) return result;
  NoObserver nobody;
  result.history = fine_tune(result.model, data, options.fine_tuning, nobody, teacher, progress);
  result.fine_tunings.push_back(result.history.size());
  return result;
}

/// Prunes in one shot: prune_to() the mask that the budget chooses. `pruner` has observed the
/// training of `model`. Errors: those of check(), of Pruner::ranking(), of choose() and of the
/// trainer.
template <PrunableModel Model, class C>
[[nodiscard]] PruningResult<Model> prune_one_shot(
    const Model& model, const Pruner<Model, C>& pruner,
    const PruningData<typename Model::Value>& data, const PruningOptions& options,
    const typename Trainer<Model>::Teacher& teacher = {}, const ProgressCallback& progress = {}) {
  check(options, model, data);
  const Measures measures =
      measures_of(model, data.training, data.validation, options.measures, data.team);
  const Ranking ranking = pruner.ranking(options.scores_after);
  const ModuleMask kept = model.form.kept(), guard = guard_of(model.form),
                   left = choose(kept, ranking.scores, options.budget, guard, ranking.errors,
                                 measures);
  auto result = prune_to(model, left, data, options, teacher, progress);
  for (Removal& removal : result.removals)
    removal.out_of_order = out_of_order(kept, left, ranking.scores, guard);
  return result;
}

namespace detail {

/// Points a pruner back to a model whenever a scope is left: the models that it observed meanwhile
/// no longer exist.
template <class Model, class C>
struct LooksBack {
  Pruner<Model, C>& pruner;
  const Model& model;
  ~LooksBack() { pruner.go_on_with(model); }
};

}  // namespace detail

/// Prunes iteratively: one module after another, each followed by fine-tuning. `pruner` has
/// observed the training of `model`. It also observes each fine-tuning, and refers to `model` again
/// afterwards.
///
/// A budget of losses is checked after fine-tuning: the removal that exceeds it is undone. Errors:
/// those of check(), of Pruner::ranking() and of the trainer. Also throws ConfigError if the scores
/// have changed so that the budget can no longer be met.
template <PrunableModel Model, class C>
[[nodiscard]] PruningResult<Model> prune_iteratively(
    const Model& model, Pruner<Model, C>& pruner, const PruningData<typename Model::Value>& data,
    const PruningOptions& options, const typename Trainer<Model>::Teacher& teacher = {},
    const ProgressCallback& progress = {}) {
  const detail::LooksBack<Model, C> looks_back{pruner, model};
  const ModuleMask guard = guard_of(model.form);
  check(options, model, data);
  const Measures measures =
      measures_of(model, data.training, data.validation, options.measures, data.team);
  const auto goal = goal_of(options.budget, model.form.kept(), measures);
  if (goal) (void)pruner.choose(options.budget, measures);  // throws before the work if unreachable
  const auto* loss = std::get_if<LossAtMost>(&options.budget);
  const auto* below = std::get_if<DropBelow>(&options.budget);
  const auto before =
      loss ? error_profile(model, data.validation, data.team).by_window : std::vector<double>();

  PruningResult<Model> result{model};
  auto current = std::make_unique<Model>(model);
  for (;;) {
    const ModuleMask kept = current->form.kept();
    if (goal && goal->met(kept)) break;
    if (!result.removals.empty()) hear_losses(pruner, *current, data, options.fine_tuning.seed);
    const Ranking ranking = pruner.ranking();
    const auto order =
        drop_order(kept, ranking.scores, guard, ranking.errors,
                   below ? modules_below(ranking.scores, below->threshold) : ModuleMask::all());
    if (goal && order.empty())
      throw ConfigError(message("the model without all removable modules does not meet ",
                                goal->text(goal->limit), ": it has ",
                                goal->text(goal->measure(kept))));
    if (order.empty()) break;
    const ModuleMask left = kept.without(order[0]);
    const Removal removal{result.history.size(), left,
                          out_of_order(kept, left, ranking.scores, guard)};
    auto fewer = std::make_unique<Model>(
        pruned(*current, removal.mask, data.training, options.fine_tuning.seed, data.team));
    pruner.go_on_with(*fewer);
    if (options.fine_tunes) {
      const auto epochs = fine_tune(*fewer, data, options.fine_tuning, pruner, teacher, progress);
      for (EpochRecord epoch : epochs) {
        epoch.epoch = result.history.size() + 1;
        result.history.push_back(epoch);
      }
    }
    if (loss) {
      const Estimate change =
          loss_change(before, error_profile(*fewer, data.validation, data.team).by_window,
                      options.measures.origins);
      const bool exceeds = change.mean + change.error > loss->increase;
      if (exceeds && loss->increase < 0 && result.removals.empty())
        throw ConfigError(message("no removal meets a loss of ", percent(loss->increase),
                                  ": after the first it is ", percent(change.mean)));
      if (exceeds) break;
    }
    result.removals.push_back(removal);
    if (options.fine_tunes) result.fine_tunings.push_back(result.history.size() - removal.epoch);
    current = std::move(fewer);
  }
  result.model = *current;
  return result;
}

}  // namespace spat
