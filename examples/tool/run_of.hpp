// The body of `spat run` for one model: train dense, watch, prune, fine-tune, report.
#pragma once

#include "prune_of.hpp"

#include <spat/autograd/initialize.hpp>
#include <spat/train/training_state.hpp>

#include <optional>

namespace tool {

/// What listens to a training.
template <class Model>
auto observer_of(const RunOptions& o, const Model& model) {
  if constexpr (scored<Model>())
    return Pruner<Model>(model, o.criterion.make(o.training.seed));
  else
    return spat::NoScoring{};
}

/// A training without removal and what listens to it, as train() takes it.
template <class Model, class Observer>
struct DenseTraining {
  spat::Trainer<Model> trainer;
  Observer& observer;
  const Data& data;

  [[nodiscard]] bool unfinished() const { return trainer.unfinished(); }
  [[nodiscard]] const std::vector<spat::EpochReport>& history() const { return trainer.history(); }
  void run_epoch(const spat::ProgressCallback& progress) {
    trainer.run_epoch(*data.training, *data.validation, observer, progress);
  }
  void save(const std::string& path) { spat::TrainingState<Model>::save(path, trainer, observer); }
  void restore(const std::string& path) { spat::TrainingState<Model>::restore(path, trainer, observer); }
};

/// Trains, saving the state after each epoch and going on from it where asked to. Returns whether training is done.
template <class Training>
bool train(const RunOptions& o, Training& training, double& seconds) {
  const Clock clock(seconds);
  const std::string state = o.out + "/training.safetensors";
  if (o.resume) training.restore(state);
  while (training.unfinished()) {
    if (o.stop_after > 0 && training.history().size() >= o.stop_after) {
      say(message("stopped after epoch ", o.stop_after, "; --resume goes on from ", state));
      return false;
    }
    training.run_epoch(progress("train", o.quiet));
    training.save(state);
  }
  return true;
}

template <class Model>
void run(const RunOptions& o, const Configuration& configuration, const Data& data, const std::vector<Data>& others) {
  Model dense({config_of<typename Model::Config>(configuration)});
  (void)Pruning<Model>::options(o, dense);
  if (o.training.layer_drop > 0 && !scored<Model>())
    throw spat::ConfigError(message("--layer-drop leaves out attention modules, and ", Model::name, " has none"));
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
  double& seconds = pruning.report.processor_seconds;
  if constexpr (scored<Model>())
    if (!o.budget.keep && spat::parse_pruning_schedule(o.budget.when) == spat::PruningSchedule::in_training) {
      std::optional<spat::PruningResult<Model>> result;
      {
        spat::InTrainingPruning<Model, spat::AnyCriterion<float>> training(
            dense, observer, {*data.training, *data.validation, &team}, o.training, Pruning<Model>::options(o, dense));
        if (!train(o, training, seconds)) return;
        result = training.result();
      }
      const Model small = pruning.trained(std::move(*result), observer);
      pruning.compare(small, others);
      save("/pruned.safetensors", small);
      return finish(o, pruning.report);
    }
  {
    DenseTraining<Model, decltype(observer)> training{{dense, o.training, &team}, observer, data};
    if (!train(o, training, seconds)) return;
    training.trainer.take_best();
    pruning.add_epochs(training.history(), false);
  }
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
