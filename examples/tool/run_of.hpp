// The body of `spat run` for one model: train dense, watch, prune, fine-tune, report.
#pragma once

#include "prune_of.hpp"

#include <spat/autograd/initialize.hpp>
#include <spat/train/training_state.hpp>

namespace tool {

/// What listens to a training.
template <class Model>
auto observer_of(const RunOptions& o, const Model& model) {
  if constexpr (scored<Model>())
    return Pruner<Model>(model, o.criterion.make(o.training.seed));
  else
    return spat::NoScoring{};
}

/// Trains, saving the state after each epoch and going on from it where asked to. Returns whether training is done.
template <class Model, class Observer>
bool train(const RunOptions& o, const Data& data, Model& model, Observer& observer, spat::Team& team,
           std::vector<spat::EpochReport>& history) {
  spat::Trainer<Model> trainer(model, o.training, &team);
  const std::string state = o.out + "/training.safetensors";
  if (o.resume) spat::TrainingState<Model>::restore(state, trainer, observer);
  while (trainer.unfinished()) {
    if (o.stop_after > 0 && trainer.history().size() >= o.stop_after) return false;
    trainer.run_epoch(*data.training, *data.validation, observer, progress("train", o.quiet));
    spat::TrainingState<Model>::save(state, trainer, observer);
  }
  trainer.take_best();
  history = trainer.history();
  return true;
}

template <class Model>
void run(const RunOptions& o, const Configuration& configuration, const Data& data, const std::vector<Data>& others) {
  Model dense({config_of<typename Model::Config>(configuration)});
  (void)Pruning<Model>::options(o, dense);
  spat::initialize(spat::parameters(dense), o.training.seed);
  dense.set_dropout(o.dropout);
  dense.pack();
  spat::Team team(o.threads);
  auto observer = observer_of(o, dense);
  make_folder(o.out);
  Pruning<Model> pruning(o, data, dense, team);
  const auto save = [&](const char* file, const Model& model) {
    spat::Fields scores;
    for (const auto& module : pruning.report.modules)
      if (std::isfinite(module.score)) scores.set(module.name, module.score);
    std::map<std::string, std::string> about{{"spat.data", o.about_data}};
    if (scores.size() > 0) about["spat.scores"] = spat::to_json(scores);
    spat::save_model(o.out + file, model, about);
  };
  if constexpr (scored<Model>())
    if (!o.budget.keep && spat::parse_pruning_schedule(o.budget.when) == spat::PruningSchedule::in_training) {
      const Model small = pruning.train_and_prune(observer);
      pruning.compare(small, others);
      save("/pruned.safetensors", small);
      return finish(o, pruning.report);
    }
  std::vector<spat::EpochReport> history;
  const bool done = [&] {
    const typename Pruning<Model>::Clock clock(pruning.report.processor_seconds);
    return train(o, data, dense, observer, team, history);
  }();
  if (!done)
    return say(
        message("stopped after epoch ", o.stop_after, "; --resume goes on from ", o.out, "/training.safetensors"));

  pruning.add_epochs(history, false);
  const Model pruned = [&] {
    if constexpr (scored<Model>())
      return pruning.prune(observer);
    else
      return pruning.remove(o.budget.kept(dense.shape.count(), {}).value_or(dense.shape.kept()));
  }();
  pruning.compare(pruned, others);
  save("/dense.safetensors", dense);
  if (pruning.report.prunes()) save("/pruned.safetensors", pruned);
  finish(o, pruning.report, true);
}

}  // namespace tool
