// The body of `spat run` for one model: train, prune, write the files.
#pragma once

#include "prune_of.hpp"

#include <spat/autograd/initialize.hpp>

namespace tool {

/// A model with random weights, ready to be trained.
template <class Model>
Model fresh_model(const Configuration& configuration, std::uint64_t seed, double dropout) {
  Model model({config_of<typename Model::Config>(configuration)});
  spat::initialize(spat::parameters(model), seed);
  model.set_dropout(dropout);
  return model;
}

/// Saves a model with the scores of its modules.
template <class Model>
void save_scored(const std::string& path, const Model& model, const spat::RunDescription& run,
                 const Data& data, spat::Team& team, const spat::PruningReport& report) {
  spat::Fields scores;
  for (const auto& module : report.modules)
    if (std::isfinite(module.score)) scores.set(module.name, module.score);
  std::map<std::string, std::string> about;
  if (scores.size() > 0) about["spat.scores"] = spat::to_json(scores);
  save_described(path, model, data, run, team, std::move(about));
}

/// Trains, prunes and reports.
template <class Model>
void run(const RunOptions& o, const Configuration& configuration, const Data& data,
         const std::vector<Data>& others) {
  constexpr bool scored = spat::has_scored_modules<Model>();
  if (o.training.layer_drop > 0 && !scored)
    throw spat::ConfigError(
        message("--layer-drop skips attention modules, and ", Model::name, " has none"));
  Model model = fresh_model<Model>(configuration, o.training.seed, o.dropout);
  spat::Team team(o.threads);
  const spat::JobOptions options = job_options(o, model, data);
  spat::PruningJob<Model> job(std::move(model), o.criterion.make(o.training.seed),
                              job_data(data, others, team), options, job_progress(o.quiet));
  make_folder(o.out);
  const spat::TrainingFile state{.path = o.out + "/training.safetensors",
                                 .run = options.run,
                                 .resume = o.resume,
                                 .stop_after = o.stop_after};
  if (!job.train(state))
    return say(
        message("stopped after epoch ", o.stop_after, "; --resume continues from ", state.path));
  job.prune();
  if (job.has_dense())
    save_scored(o.out + "/dense.safetensors", job.dense(), options.run, data, team, job.report());
  if (job.pruned().form.kept() != job.dense().form.kept())
    save_scored(o.out + "/pruned.safetensors", job.pruned(), options.run, data, team, job.report());
  job.measure();
  finish(o, job.report(), job.has_dense());
}

}  // namespace tool
