// What `spat run` and `spat prune` do with a dense model of one type: choose, remove, fine-tune,
// measure, report.
#pragma once

#include "run.hpp"

#include <spat/models/checkpoint.hpp>
#include <spat/prune/in_training.hpp>
#include <spat/prune/score_windows.hpp>
#include <spat/prune/search.hpp>

namespace tool {

/// Whether a criterion hears of the model's modules, so that there are scores to prune by.
template <class Model>
constexpr bool scored() {
  if constexpr (requires { Model::scored; })
    return Model::scored;
  else
    return typename Model::Config{}.modules() > 0;
}

template <class Model>
using AnyPruner = spat::Pruner<Model, spat::AnyCriterion<float>>;

template <class Model>
Forecast forecast_of(const Model& model, const spat::WindowBatch<float>& window) {
  spat::Predictor<Model> predictor(model);
  const auto y = predictor.forecast(window);
  return {{y.data(), y.data() + y.size()}, y.cols()};
}

/// A dense model, its pruning and everything that the report says of both.
template <class Model>
class Pruning {
 public:
  Pruning(const PruneJob& job, const Data& data, const Model& dense, spat::Team& team)
      : job_(job), data_(data), dense_(dense),
        team_(team), windows_{*data.training, *data.validation, &team} {
    report.seed = job.training.seed, report.command = job.command_line, report.model = Model::name;
    report.data = data.name, report.criterion = job.criterion.text(),
    report.schedule = job.budget.when;
    report.budget = job.budget.text();
  }

  spat::PruningReport report;

  /// Before training, too: options that cannot be met are said early. Throws ConfigError.
  [[nodiscard]] static spat::Budget budget(const PruneJob& job, const Model& model) {
    const auto guard = spat::guard_of(model.form);
    const auto search = search_options(job);
    if (job.searches) (void)spat::detail::width_of(search, model.form.modules());
    if (job.budget.kept(model.form.modules(), guard) &&
        schedule(job) != spat::PruningSchedule::one_shot)
      throw spat::ConfigError("--keep says what goes; --when needs a budget that scores decide on");
    return job.budget.budget(architecture(Model::name), model.form.modules(), guard);
  }
  [[nodiscard]] static spat::PruningSchedule schedule(const PruneJob& job) {
    return spat::parse_pruning_schedule(job.budget.when);
  }
  [[nodiscard]] static spat::SearchOptions search_options(const PruneJob& job) {
    return {.method = spat::parse_search_method(job.search_method), .beam_width = job.beam_width};
  }
  [[nodiscard]] static spat::PruningOptions options(const PruneJob& job, const Model& model) {
    spat::PruningOptions options{.budget = budget(job, model),
                                 .fine_tuning = job.tune.options(job.training)};
    options.fine_tunes = job.tune.epochs > 0, options.latest_epoch = job.budget.latest_epoch;
    options.measures = {.origins = job.budget.origins,
                        .latency_seconds = std::min(0.3, job.latency_seconds),
                        .seed = job.training.seed};
    return options;
  }

  /// Ranks by `pruner`, which has heard of the dense model, and removes by the schedule.
  [[nodiscard]] Model prune(AnyPruner<Model>& pruner) {
    const Clock clock(report.processor_seconds);
    const auto options = this->options(job_, dense_);
    spat::hear_losses(pruner, dense_, windows_, job_.training.seed);
    keep_scores(pruner);
    const auto teach = teacher();
    if (const auto mask = job_.budget.kept(dense_.form.modules(), spat::guard_of(dense_.form)))
      return without(*mask);
    switch (schedule(job_)) {
      case spat::PruningSchedule::one_shot: {
        const auto measures =
            spat::measures_of(dense_, *data_.training, *data_.validation, options.measures, &team_);
        return without(pruner.choose(options.budget, measures));
      }
      case spat::PruningSchedule::iterative:
        return keep_history(
            spat::prune_iteratively(dense_, pruner, windows_, options, teach, tuning()));
      case spat::PruningSchedule::in_training:
        break;
    }
    return keep_history(spat::prune_in_training(dense_, pruner, windows_, options.fine_tuning,
                                                options, tuning(), teach));
  }

  /// Of a model that nothing scores.
  [[nodiscard]] Model remove(spat::ModuleMask mask) {
    const Clock clock(report.processor_seconds);
    return without(mask);
  }

  /// What removal while training made of `dense`, which is fresh: there is no dense model to
  /// compare with.
  [[nodiscard]] Model trained(spat::PruningResult<Model> result, const AnyPruner<Model>& pruner) {
    dense_is_trained_ = false;
    report.pruned_only.mse = report.pruned_only.mae = std::nan("");
    Model small = keep_history(std::move(result));
    keep_scores(pruner);
    return small;
  }

  /// What became of the modules, both models' errors, costs and latencies, and examples.
  void compare(const Model& pruned, const std::vector<Data>& others) {
    const auto kept = pruned.form.kept();
    if (report.modules.empty()) name_modules();
    for (std::size_t i = 0; i < report.modules.size(); ++i) report.modules[i].kept = kept.keeps(i);
    report.processor_seconds -= not_counted_;
    report.dense = row(dense_);
    if (!dense_is_trained_) report.dense.mse = report.dense.mae = std::nan("");
    std::vector<const Model*> models{&dense_};
    if (report.prunes()) {
      report.pruned = row(pruned), report.dead_parts = pruned.dead_parts();
      models.push_back(&pruned);
    }
    if (report.prunes() && dense_is_trained_) {
      report.error_by_step = {spat::error_profile(dense_, *data_.test, &team_).by_step,
                              spat::error_profile(pruned, *data_.test, &team_).by_step};
      report.forecasts = examples_of(
          data_, [&](const auto& window) { return forecast_of(dense_, window); },
          [&](const auto& window) { return forecast_of(pruned, window); });
      for (const Data& other : others) {
        const auto a = spat::evaluate(dense_, *other.test, &team_),
                   b = spat::evaluate(pruned, *other.test, &team_);
        report.zero_shot.push_back({other.name, a.mse, a.mae, b.mse, b.mae});
      }
      if (job_.searches) search(kept);
    }
    const auto latency = latencies(models);
    report.dense.latency = latency[0];
    if (report.prunes()) report.pruned.latency = latency[1];
  }

  void keep_scores(const AnyPruner<Model>& pruner) {
    name_modules();
    auto scores = pruner.scores();
    for (std::size_t i = 0; i < scores.size() && !dense_is_trained_;
         ++i)  // of the model in training, when it had them
      for (const auto& epoch : pruner.trajectory())
        if (std::isfinite(epoch[i])) scores[i] = epoch[i];
    const auto spread = pruner.spread(job_.training.seed);
    for (std::size_t i = 0; i < scores.size(); ++i) {
      report.modules[i].score = scores[i];
      if (spread) report.modules[i].error = spread->standard_error[i];
    }
    if (spread)
      for (const auto& pair : spread->indistinguishable()) {
        const double below = spread->below[pair.first][pair.second];
        report.ties.push_back(
            {pair.first, pair.second,
             spread->mean[pair.first] <= spread->mean[pair.second] ? below : 1 - below});
      }
    report.trajectory = pruner.trajectory(), report.trajectory_errors = pruner.trajectory_errors();
    for (std::size_t e = 1; e < report.trajectory.size(); ++e)
      report.stability.push_back(spat::kendall_tau(report.trajectory[e - 1], report.trajectory[e]));
  }

  void add_epochs(const std::vector<spat::EpochRecord>& epochs, bool fine_tuning) {
    for (const auto& epoch : epochs)
      report.epochs.push_back(
          {epoch.epoch, epoch.training_loss, epoch.validation_mse, fine_tuning, {}});
  }
  void name_modules() {
    for (std::size_t i = 0; i < dense_.form.modules(); ++i)
      report.modules.push_back({dense_.module_name(i), std::nan(""), true});
  }
  [[nodiscard]] spat::ReportRow row(const Model& model) const {
    const spat::Metrics metrics = spat::evaluate(model, *data_.test, &team_);
    return {metrics.mse, metrics.mae, spat::cost_of(model, data_.training->channels()), {}};
  }

 private:
  [[nodiscard]] spat::ProgressCallback tuning() const { return progress("tune ", job_.quiet); }

  [[nodiscard]] Model without(spat::ModuleMask mask) {
    const auto options = this->options(job_, dense_);
    Model fewer = spat::pruned_with_statistics(dense_, mask, windows_, options.fine_tuning.seed);
    if (mask == dense_.form.kept()) return fewer;
    {
      const Clock not_counted(not_counted_);
      report.pruned_only = row(fewer);
    }
    if (options.fine_tunes) {
      spat::NoObserver nobody;
      add_epochs(spat::fine_tune(fewer, windows_, options.fine_tuning, nobody, teacher(), tuning()),
                 true);
      tune_dense(options.fine_tuning);
    }
    return fewer;
  }

  [[nodiscard]] typename spat::Trainer<Model>::Teacher teacher() const {
    if (job_.tune.distillation == 0) return {};
    return [predictor = std::make_shared<spat::Predictor<Model>>(dense_, &team_)](
               const auto& batch) { return predictor->forecast(batch); };
  }

  [[nodiscard]] double validation_loss(spat::ModuleMask mask) const {
    return spat::evaluate(spat::pruned_with_statistics(dense_, mask, windows_, job_.training.seed),
                          *data_.validation, &team_)
        .mse;
  }

  /// The dense model, fine-tuned likewise: what pruning is compared with.
  void tune_dense(spat::TrainingOptions options) {
    const Clock not_counted(not_counted_);
    Model tuned = dense_;
    options.distillation = 0;
    spat::NoObserver nobody;
    (void)spat::fine_tune(tuned, windows_, options, nobody, {}, progress("tune dense", job_.quiet));
    report.dense_tuned = row(tuned);
  }

  [[nodiscard]] Model keep_history(spat::PruningResult<Model> result) {
    for (const auto& epoch : result.history)
      report.epochs.push_back(
          {epoch.epoch, epoch.training_loss, epoch.validation_mse, dense_is_trained_, {}});
    spat::ModuleMask before = dense_.form.kept();
    for (const spat::Removal& removal : result.removals) {
      const std::size_t at = report.epochs.size() - result.history.size() + removal.epoch;
      for (std::size_t i = 0; i < dense_.form.modules() && at > 0; ++i)
        if (before.keeps(i) && !removal.mask.keeps(i)) report.epochs[at - 1].dropped.push_back(i);
      before = removal.mask;
    }
    if (dense_is_trained_ && !result.removals.empty()) {
      {
        const Clock not_counted(not_counted_);
        report.pruned_only = row(spat::pruned_with_statistics(dense_, result.model.form.kept(),
                                                              windows_, job_.training.seed));
      }
      if (job_.tune.epochs > 0) tune_dense(job_.tune.options(job_.training));
    }
    return result.model;
  }

  /// Batch 1, the models in turn.
  [[nodiscard]] std::vector<spat::Latency> latencies(std::vector<const Model*> models) const {
    spat::WindowBuffer<float> buffer;
    const std::array<std::size_t, 1> first{0};
    const auto window = data_.test->gather(first, buffer);
    std::vector<std::function<void()>> calls;
    for (const Model* model : models)
      calls.push_back([&window, predictor = std::make_shared<spat::Predictor<Model>>(
                                    *model, &team_)] { (void)predictor->forecast(window); });
    return spat::measure_alternately(calls, job_.latency_seconds, 50);
  }

  /// All masks, or a beam of them, by validation loss as removal leaves it and measured latency.
  void search(spat::ModuleMask chosen) {
    const auto measures = spat::measures_of(dense_, *data_.training, *data_.validation,
                                            options(job_, dense_).measures, &team_);
    const auto found = spat::search(
        dense_.form.kept(), dense_.form.modules(),
        [&](spat::ModuleMask mask) { return validation_loss(mask); }, measures.latency,
        search_options(job_), spat::guard_of(dense_.form));
    for (const spat::Candidate& candidate : found)
      report.candidates.push_back({candidate.mask, candidate.loss, candidate.latency,
                                   candidate.on_front, candidate.mask == chosen});
  }

  const PruneJob& job_;
  const Data& data_;
  const Model& dense_;
  spat::Team& team_;
  spat::PruningData<float> windows_;
  bool dense_is_trained_ = true;
  double not_counted_ = 0;  // processor seconds of what only the report needs
};

/// spat prune: a model file, scored on the training windows as it stands.
template <class Model>
void prune(const PruneOptions& o, const Data& data, const std::vector<Data>& others) {
  const Model dense = spat::load_model<Model>(o.model_file);
  spat::Team team(o.threads);
  Pruning<Model> pruning(o, data, dense, team);
  (void)Pruning<Model>::options(o, dense);
  if (Pruning<Model>::schedule(o) == spat::PruningSchedule::in_training && o.tune.epochs == 0)
    throw spat::ConfigError(
        "--when in-training removes while --finetune-epochs go on: they must be at least 1");
  make_folder(o.out);
  const auto by_score = [&] {
    if constexpr (scored<Model>()) {
      AnyPruner<Model> pruner(dense, o.criterion.make(o.training.seed));
      if (!o.budget.keep)
        spat::score_windows(dense, *data.training, pruner, {.batches = o.scoring_batches}, &team);
      return pruning.prune(pruner);
    } else {
      return pruning.remove(o.budget.kept(dense.form.modules(), {}).value_or(dense.form.kept()));
    }
  };
  const Model pruned = by_score();
  const spat::SafetensorsFile file(o.model_file);
  if (pruned.form.kept() != dense.form.kept())
    spat::save_model(o.out + "/pruned.safetensors", pruned,
                     {{"spat.data", std::string(file.metadata("spat.data"))}});
  pruning.compare(pruned, others);
  finish(o, pruning.report);
}

}  // namespace tool
