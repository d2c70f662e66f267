// The body of `spat run` for one model: train dense, watch, prune, fine-tune, report.
#pragma once

#include "prune_of.hpp"

#include <spat/autograd/initialize.hpp>
#include <spat/train/training_state.hpp>

#include <optional>
#include <string_view>

namespace tool {

/// What listens to a training.
template <class Model>
auto observer_of(const RunOptions& o, const Model& model) {
  if constexpr (scored<Model>())
    return AnyPruner<Model>(model, o.criterion.make(o.training.seed));
  else
    return spat::NoObserver{};
}

/// A training without removal and what listens to it, as train() takes it.
template <class Model, class Observer>
struct DenseTraining {
  spat::Trainer<Model> trainer;
  Observer& observer;
  const Data& data;

  [[nodiscard]] bool unfinished() const { return trainer.unfinished(); }
  [[nodiscard]] const std::vector<spat::EpochRecord>& history() const { return trainer.history(); }
  void run_epoch(const spat::ProgressCallback& progress) {
    trainer.run_epoch(*data.training, *data.validation, observer, progress);
  }
  void save(const std::string& path, std::string_view about) {
    spat::TrainingState<Model>::save(path, trainer, observer, about);
  }
  void restore(const std::string& path, std::string_view about) {
    spat::TrainingState<Model>::restore(path, trainer, observer, about);
  }
};

/// Trains, saving the state after each epoch and going on from it where asked to, if it is `about`
/// the same. Returns whether training is done.
template <class Training>
bool train(const RunOptions& o, Training& training, const std::string& about, double& seconds) {
  const Clock clock(seconds);
  const std::string state = o.out + "/training.safetensors";
  if (o.resume) training.restore(state, about);
  while (training.unfinished()) {
    if (o.stop_after > 0 && training.history().size() >= o.stop_after) {
      say(message("stopped after epoch ", o.stop_after, "; --resume goes on from ", state));
      return false;
    }
    training.run_epoch(progress("train", o.quiet));
    training.save(state, about);
  }
  return true;
}

template <class Model>
void run(const RunOptions& o, const Configuration& configuration, const Data& data,
         const std::vector<Data>& others) {
  Model dense({config_of<typename Model::Config>(configuration)});
  (void)Pruning<Model>::options(o, dense);
  if (o.training.layer_drop > 0 && !scored<Model>())
    throw spat::ConfigError(
        message("--layer-drop leaves out attention modules, and ", Model::name, " has none"));
  spat::initialize(spat::parameters(dense), o.training.seed);
  dense.set_dropout(o.dropout);
  spat::pack(dense);
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
  const auto report = [&](const Model& small, bool has_dense) {
    if (has_dense) save("/dense.safetensors", dense);
    if (small.form.kept() != dense.form.kept()) save("/pruned.safetensors", small);
    pruning.compare(small, others);
    if (o.resume) seconds = 0;  // of the whole nothing is known
    finish(o, pruning.report, has_dense);
  };
  const std::string about = scored<Model>() ? o.criterion.text() : std::string();
  if constexpr (scored<Model>())
    if (Pruning<Model>::schedule(o) == spat::PruningSchedule::in_training) {
      if (o.searches || !o.test_data.empty() || o.tune.distillation > 0)
        throw spat::ConfigError(
            "--search, --test-data and --distill need a dense model, and --when in-training trains "
            "none: train one, "
            "and remove with spat prune");
      std::optional<spat::PruningResult<Model>> result;
      {
        spat::InTrainingPruning<Model, spat::AnyCriterion<float>> training(
            dense, observer, {*data.training, *data.validation, &team}, o.training,
            Pruning<Model>::options(o, dense));
        if (!train(o, training,
                   message(about, "; ", o.budget.text(), " while training, by epoch ",
                           o.budget.latest_epoch),
                   seconds))
          return;
        result = training.result();
      }
      if (!result->removals.empty())
        return report(pruning.trained(std::move(*result), observer), false);
      dense = std::move(result->model);
      pruning.add_epochs(result->history, false), pruning.keep_scores(observer);
      return report(dense, true);
    }
  {
    DenseTraining<Model, decltype(observer)> training{{dense, o.training, &team}, observer, data};
    if (!train(o, training, about, seconds)) return;
    training.trainer.take_best();
    pruning.add_epochs(training.history(), false);
  }
  report(
      [&] {
        if constexpr (scored<Model>())
          return pruning.prune(observer);
        else
          return pruning.remove(
              o.budget.kept(dense.form.modules(), {}).value_or(dense.form.kept()));
      }(),
      true);
}

}  // namespace tool
