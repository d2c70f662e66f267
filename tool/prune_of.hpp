// The library calls of `spat run` and `spat prune` for one model.
#pragma once

#include "run.hpp"

#include <spat/models/checkpoint.hpp>
#include <spat/pipeline/pruning_job.hpp>
#include <spat/train/conformal.hpp>

namespace tool {

/// The library's options for a model, and the description of the run. Throws ConfigError, in terms
/// of the command line, for options that the model does not support.
template <class Model>
spat::JobOptions job_options(const PruneJob& job, const Model& model, const Data& data) {
  const auto guard = spat::guard_of(model.form);
  const std::size_t modules = model.form.modules();
  spat::JobOptions options{.training = job.training,
                           .schedule = spat::parse_pruning_schedule(job.budget.when),
                           .scores_of_best_epoch = job.scores_of == "best",
                           .searches = job.searches,
                           .latency_seconds = job.latency_seconds,
                           .command = job.command_line,
                           .criterion = job.criterion.text(),
                           .budget = job.budget.text()};
  options.search = {.method = spat::parse_search_method(job.search_method),
                    .beam_width = job.beam_width};
  options.keep = job.budget.kept(modules, guard);
  if (options.scores_of_best_epoch && options.schedule != spat::PruningSchedule::one_shot)
    throw spat::ConfigError(
        "--scores-of best is for --when one-shot: other schedules remove modules by the scores of "
        "the moment");
  if (options.keep && options.schedule != spat::PruningSchedule::one_shot)
    throw spat::ConfigError(
        "--keep fixes the modules; --when needs a budget that scores decide on");
  options.pruning.budget =
      job.budget.budget(architecture(Model::name), modules, model.form.kept(), guard);
  options.pruning.fine_tuning = job.tune.options(job.training);
  options.pruning.fine_tunes = job.tune.epochs > 0;
  options.pruning.latest_epoch = job.budget.latest_epoch;
  options.pruning.measures = {.origins = job.budget.origins,
                              .latency_seconds = std::min(0.3, job.latency_seconds),
                              .seed = job.training.seed};
  options.run = spat::describe_run(model, options);
  options.run.add(spat::describe(data.description));
  if (spat::has_scored_modules<Model>())
    options.run.add(spat::describe(job.criterion.name, job.criterion.options(job.training.seed)));
  return options;
}

/// The library's view of the data.
inline spat::JobData<float> job_data(const Data& data, const std::vector<Data>& others,
                                     spat::Team& team) {
  spat::JobData<float> all{.training = *data.training,
                           .validation = *data.validation,
                           .test = *data.test,
                           .name = data.name,
                           .description = data.description,
                           .scaler = data.scaler,
                           .filled_share = data.filled_share()};
  if (data.description.alone) all.description.names.clear();  // no one series to draw
  for (const Data& other : others) all.others.push_back({other.name, *other.test});
  all.team = &team;
  return all;
}

/// Saves a model with the description of its data, its run, and intervals from the validation part.
template <class Model>
void save_described(const std::string& path, const Model& model, const Data& data,
                    const spat::RunDescription& run, spat::Team& team,
                    std::map<std::string, std::string> about = {}) {
  about[spat::run_key] = run.text();
  constexpr std::size_t most = std::size_t{1} << 22;  // radii, of ten bytes each
  if (data.description.window.horizon * data.training->target_channels() *
          spat::usual_levels.size() <=
      most)
    about[spat::intervals_key] =
        spat::to_json(spat::calibrate(model, *data.validation, spat::usual_levels, &team));
  spat::save_model(path, model, data.description, about);
}

/// The body of `spat prune`: scores a saved model on its training windows, prunes it and reports.
template <class Model>
void prune(const PruneOptions& o, const Data& data, const std::vector<Data>& others) {
  Model dense = spat::load_model<Model>(o.model_file);
  spat::Team team(o.threads);
  spat::JobOptions options = job_options(o, dense, data);
  const auto of_model = spat::SafetensorsFile(o.model_file).metadata();
  options.run.set("scoring.batches", o.scoring_batches);
  if (const auto text = of_model.find(spat::run_key); text != of_model.end())
    options.run.set("of_run",  // that trained the model
                    spat::RunDescription::parse(text->second, o.model_file).hash_text());
  if (options.schedule == spat::PruningSchedule::in_training && o.tune.epochs == 0)
    throw spat::ConfigError(
        "--when in-training prunes during fine-tuning: --finetune-epochs must be at least 1");
  spat::PruningJob<Model> job(std::move(dense), o.criterion.make(o.training.seed),
                              job_data(data, others, team), options, job_progress(o.quiet));
  make_folder(o.out);
  job.score(
      {.batches = o.scoring_batches, .batch_size = o.training.batch_size, .seed = o.training.seed});
  job.prune();
  if (job.pruned().form.kept() != job.dense().form.kept())
    save_described(o.out + "/pruned.safetensors", job.pruned(), data, options.run, team);
  job.measure();
  finish(o, job.report());
}

}  // namespace tool
