// The body of `spat run` for one model: train dense, watch SEND, prune, fine-tune, report.
#pragma once

#include "run.hpp"

#include <spat/autograd/initialize.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/prune/sensitivity_pruner.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/training_state.hpp>

#include <limits>

namespace tool {

/// Whether a criterion hears of the model's modules, so that there are scores to prune by.
template <class Model>
constexpr bool scored() {
  if constexpr (requires { Model::scored; })
    return Model::scored;
  else
    return typename Model::Config{}.modules() > 0;
}

/// What listens to a training.
template <class Model>
auto observer_of(const RunOptions& o, const Model& model) {
  if constexpr (scored<Model>())
    return spat::SensitivityPruner<Model>(model, spat::Send<float>(send_options(o)));
  else
    return spat::NoScoring{};
}

/// Trains, saving the state after each epoch and going on from it where asked to. Returns whether training is done.
template <class Model, class Observer>
bool train(const RunOptions& o, const Data& data, Model& model, Observer& observer, spat::Team& team) {
  spat::Trainer<Model> trainer(model, o.training, &team);
  const std::string state = o.out + "/training.safetensors";
  if (o.resume) spat::TrainingState<Model>::restore(state, trainer, observer);
  while (trainer.unfinished()) {
    if (o.stop_after > 0 && trainer.history().size() >= o.stop_after) return false;
    trainer.run_epoch(*data.training, *data.validation, observer, progress("train", o.quiet));
    spat::TrainingState<Model>::save(state, trainer, observer);
  }
  trainer.take_best();
  return true;
}

template <class Model>
void fine_tune(const RunOptions& o, const Data& data, Model& model, spat::Team& team) {
  if (o.fine_tune_epochs == 0) return;
  spat::TrainingOptions options = o.training;
  options.epochs = o.fine_tune_epochs;
  options.rate = o.fine_tune_rate > 0 ? o.fine_tune_rate : o.training.rate / 8;
  options.schedule = spat::Schedule::constant;
  spat::Trainer<Model> trainer(model, options, &team);
  trainer.consider_start(*data.validation);
  spat::NoScoring nobody;
  trainer.fit(*data.training, *data.validation, nobody, progress("tune ", o.quiet));
}

/// Batch 1, the models in turn.
template <class Model>
std::vector<spat::Latency> latencies(const RunOptions& o, const Data& data, std::vector<const Model*> models,
                                     spat::Team& team) {
  spat::WindowBuffer<float> buffer;
  const std::array<std::size_t, 1> first{0};
  const auto window = data.test->gather(first, buffer);
  std::vector<std::function<void()>> calls;
  for (const Model* model : models)
    calls.push_back([&window, predictor = std::make_shared<spat::Predictor<Model>>(*model, &team)] {
      (void)predictor->forecast(window);
    });
  return spat::measure_alternately(calls, o.latency_seconds, 50);
}

template <class Model>
void run(const RunOptions& o, const Configuration& configuration, const Data& data) {
  Model dense({config_of<typename Model::Config>(configuration)});
  const std::size_t modules = dense.shape.count();
  const Pruning pruning = pruning_of(o, architecture(Model::name), modules, spat::guard_of(dense.shape));
  spat::initialize(spat::parameters(dense), o.training.seed);
  dense.set_dropout(o.dropout);
  dense.pack();
  spat::Team team(o.threads);
  auto observer = observer_of(o, dense);
  make_folder(o);
  if (!train(o, data, dense, observer, team))
    return say(
        message("stopped after epoch ", o.stop_after, "; --resume goes on from ", o.out, "/training.safetensors"));

  spat::PruningReport report{.seed = o.training.seed, .command = o.command_line};
  std::vector<double> scores(modules, std::numeric_limits<double>::quiet_NaN());
  spat::ModuleMask<> mask = dense.shape.kept();
  if constexpr (scored<Model>()) {
    scores = observer.scores(), report.trajectory = observer.trajectory();
    if (!pruning.kept) mask = observer.choose(pruning.budget);
  }
  if (pruning.kept) mask = *pruning.kept;
  spat::Fields send;
  for (std::size_t i = 0; i < modules; ++i) {
    report.modules.push_back({dense.module_name(i), scores[i], mask.keeps(i)});
    if (std::isfinite(scores[i])) send.set(report.modules[i].name, scores[i]);
  }
  std::map<std::string, std::string> about{{"spat.data", describe(data, o.data.marks)}};
  if (send.size() > 0) about["spat.send"] = spat::to_json(send);
  spat::save_model(o.out + "/dense.safetensors", dense, about);
  const auto row = [&](const Model& model) {
    const spat::Metrics metrics = spat::evaluate(model, *data.test, &team);
    return spat::ReportRow{metrics.mse, metrics.mae, spat::cost_of(model, data.training->channels()), {}};
  };
  report.dense = row(dense);
  if (report.prunes()) {
    Model pruned = spat::pruned(dense, mask);
    spat::reestimate_statistics(pruned, *data.training, o.training.seed, &team);
    report.pruned_only = row(pruned), report.dead_parts = pruned.dead_parts();
    fine_tune(o, data, pruned, team);
    spat::save_model(o.out + "/pruned.safetensors", pruned, about);
    report.pruned = row(pruned);
    const auto latency = latencies<Model>(o, data, {&dense, &pruned}, team);
    report.dense.latency = latency[0], report.pruned.latency = latency[1];
  } else {
    report.dense.latency = latencies<Model>(o, data, {&dense}, team)[0];
  }
  finish(o, report);
}

}  // namespace tool
