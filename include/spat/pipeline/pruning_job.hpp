// pipeline. The whole job: train, score, choose, remove, fine-tune, measure, and report it.
#pragma once

#include <spat/criteria/any_criterion.hpp>
#include <spat/pipeline/describe_run.hpp>
#include <spat/pipeline/processor_time.hpp>
#include <spat/pipeline/reference.hpp>
#include <spat/pipeline/report_parts.hpp>
#include <spat/pipeline/resumable_training.hpp>
#include <spat/prune/in_training.hpp>
#include <spat/prune/score_windows.hpp>
#include <spat/report/budget_text.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/train/teacher.hpp>

namespace spat::inline SPAT_ABI {

/// Whether criteria receive events of the model's modules, so that there are scores to prune by. A
/// model states this with a constant `scored`. Without one, every model that has modules is scored.
template <class Model>
[[nodiscard]] constexpr bool has_scored_modules() {
  if constexpr (requires { Model::scored; })
    return Model::scored;
  else if constexpr (requires { typename Model::Config; })
    return typename Model::Config{}.modules() > 0;
  else
    return true;
}

/// Prunes one model and reports the result. Call train() for a fresh model, or score() for a
/// trained one. Then call prune(), and measure() for the report.
///
///     PruningJob<Model> job(model, make_criterion<float>("send"), data, options);
///     job.train();
///     job.prune();
///     job.measure();
///
/// The schedule in_training removes modules within train(); prune() then has nothing left to do. A
/// model whose modules are not scored loses those that options.keep leaves out. Results are a
/// function of the options alone, not of the workers; only latencies and times differ.
///
/// Errors: the constructor throws ConfigError for options that do not fit together or cannot be
/// met, before any work. Later calls throw the errors of the trainer, of choose() and of search().
template <PrunableModel Model, class C = AnyCriterion<typename Model::Value>>
class PruningJob {
 public:
  using Scalar = typename Model::Value;

  /// `model` is fresh or trained. Everything that `data` refers to must outlive the job.
  PruningJob(Model model, C criterion, const JobData<Scalar>& data, JobOptions options,
             JobProgress progress = {})
      : data_(data), options_(std::move(options)),
        progress_(std::move(progress)), windows_{data.training, data.validation, data.team},
        dense_(std::move(model)), observer_(observer_of(dense_, std::move(criterion))) {
    check();
    report_.seed = options_.training.seed, report_.command = options_.command;
    if (options_.run.empty()) options_.run = describe_run(dense_, options_);
    report_.run = options_.run.hash_text();
    if constexpr (requires { std::string(Model::name); }) report_.model = Model::name;
    report_.data = data.name, report_.scaler = data.scaler;
    report_.filled_share = data.filled_share;
    report_.criterion = options_.criterion;
    report_.schedule = name_of(pruning_schedules, options_.schedule);
    report_.budget = !options_.budget.empty() ? options_.budget
                     : options_.keep ? message("modules ", to_string(*options_.keep, modules()))
                                     : to_text(options_.pruning.budget);
  }
  PruningJob(const PruningJob&) = delete;
  PruningJob& operator=(const PruningJob&) = delete;

  /// Trains the model while the criterion observes it. Returns whether training is over: false if
  /// it stopped as `file` requires. Throws ConfigError if modules are to be removed during training
  /// but an option needs a dense model.
  bool train(TrainingFile file = {}) {
    const ProcessorTimer timer(report_.processor_seconds);
    if (file.run.empty()) file.run = options_.run;
    resumed_ = file.resume;
    if constexpr (has_scored_modules<Model>())
      if (options_.schedule == PruningSchedule::in_training) return train_and_remove(file);
    DenseTraining<Model, Observer> training(dense_, data_.training, data_.validation,
                                            options_.training, observer_, data_.team);
    if (!run_training(training, file, progress_.training)) return false;
    training.take_best();
    add_epochs(training.history(), false);
    keep_epochs(training.history());
    return true;
  }

  /// Scores a trained model on training windows, without changing it.
  void score(const ScoringOptions& how = {}) {
    const ProcessorTimer timer(report_.processor_seconds);
    if constexpr (has_scored_modules<Model>())
      if (!options_.keep) score_windows(dense_, data_.training, observer_, how, data_.team);
  }

  /// Chooses the modules to remove, removes them and fine-tunes the rest, according to the
  /// schedule.
  void prune() {
    if (pruned_) return;
    const ProcessorTimer timer(report_.processor_seconds);
    const PruningOptions& how = options_.pruning;
    const auto teacher = this->teacher();
    if constexpr (has_scored_modules<Model>()) {
      hear_losses(observer_, dense_, windows_, options_.training.seed);
      keep_scores();
    }
    const ProgressCallback& progress = progress_.fine_tuning;
    if (options_.keep || !has_scored_modules<Model>())
      return keep_result(prune_to(dense_, options_.keep.value_or(dense_.form.kept()), windows_, how,
                                  teacher, progress));
    if constexpr (has_scored_modules<Model>()) switch (options_.schedule) {
        case PruningSchedule::one_shot:
          return keep_result(prune_one_shot(dense_, observer_, windows_, how, teacher, progress));
        case PruningSchedule::iterative:
          return keep_result(
              prune_iteratively(dense_, observer_, windows_, how, teacher, progress));
        case PruningSchedule::in_training:
          return keep_result(prune_in_training(dense_, observer_, windows_, how.fine_tuning, how,
                                               progress, teacher));
      }
  }

  /// Completes the report: errors, costs and latencies of the models, the reference and all
  /// comparisons with it, and the search.
  void measure() {
    const Model& after = pruned();
    const ModuleMask kept = after.form.kept();
    if (report_.modules.empty()) report_.modules = detail::report_modules(dense_);
    for (std::size_t i = 0; i < report_.modules.size(); ++i)
      report_.modules[i].kept = kept.keeps(i);
    report_.dense = row(dense_, has_dense());
    if (report_.prunes()) {
      report_.pruned = row(after);
      if constexpr (requires { after.dead_parts(); }) report_.dead_parts = after.dead_parts();
    }
    if (report_.prunes() && has_dense()) {
      compare(after);
      if (options_.searches)
        report_.candidates = detail::report_candidates(dense_, data_, options_, kept);
    }
    report_.naive = detail::report_naive(data_.test, data_.description.calendar);
    measure_latencies();
    if (resumed_) report_.processor_seconds = 0;  // the time of the whole training is unknown
  }

  /// Whether dense() was trained: false if modules were removed during training.
  [[nodiscard]] bool has_dense() const { return has_dense_; }
  [[nodiscard]] const Model& dense() const { return dense_; }
  /// The pruned model. Before prune(), and if nothing was removed, it is the dense one.
  [[nodiscard]] const Model& pruned() const { return pruned_ ? *pruned_ : dense_; }
  /// The dense models that the pruned one is compared with. Null before measure(), if nothing was
  /// removed, and if modules were removed during training.
  [[nodiscard]] const Reference<Model>* reference() const {
    return reference_ ? &*reference_ : nullptr;
  }
  [[nodiscard]] const PruningReport& report() const { return report_; }

 private:
  static auto observer_of(const Model& model, C criterion) {
    if constexpr (has_scored_modules<Model>())
      return Pruner<Model, C>(model, std::move(criterion));
    else
      return NoObserver{};
  }
  using Observer = decltype(observer_of(std::declval<const Model&>(), std::declval<C>()));

  [[nodiscard]] std::size_t modules() const { return dense_.form.modules(); }

  void check() const {
    options_.training.check(), options_.pruning.fine_tuning.check();
    if (!(options_.latency_seconds >= 0 && std::isfinite(options_.latency_seconds)))
      throw ConfigError(message("the seconds of a latency must be finite and not negative, found ",
                                options_.latency_seconds));
    if (options_.scores_of_best_epoch && options_.schedule != PruningSchedule::one_shot)
      throw ConfigError(
          "the scores of the best epoch are for pruning in one shot after training: other "
          "schedules remove modules by the scores of the moment");
    if (options_.searches) (void)detail::width_of(options_.search, modules());
    const ModuleMask guard = guard_of(dense_.form);
    if (options_.keep && options_.schedule != PruningSchedule::one_shot)
      throw ConfigError("a schedule needs a budget that scores decide on, not the modules to keep");
    if (options_.keep && !satisfies(*options_.keep, guard))
      throw ConfigError(message("one of these modules has to stay: ", module_numbers(guard)));
    if (!options_.keep) spat::check(options_.pruning, dense_, windows_);
  }

  bool train_and_remove(const TrainingFile& file) {
    if (options_.searches || !data_.others.empty() || options_.pruning.fine_tuning.distillation > 0)
      throw ConfigError(
          "a search, other test data and distillation need a dense model, and pruning during "
          "training trains none: train one first, then prune it");
    std::optional<PruningResult<Model>> result;
    {
      InTrainingPruning<Model, C> training(dense_, observer_, windows_, options_.training,
                                           options_.pruning);
      if (!run_training(training, file, progress_.training)) return false;
      result = training.result();
    }
    if (result->removals.empty()) {
      dense_ = std::move(result->model);
      observer_.go_on_with(dense_);
      add_epochs(result->history, false);
      keep_scores();
      pruned_.emplace(dense_);
      return true;
    }
    has_dense_ = false;
    keep_result(std::move(*result));
    keep_scores();
    return true;
  }

  /// Stores the smaller model, its epochs and its fine-tuning.
  void keep_result(PruningResult<Model> result) {
    const std::size_t before = report_.epochs.size();
    add_epochs(result.history, has_dense_);
    if (options_.schedule != PruningSchedule::one_shot) mark_removals(result.removals, before);
    pruned_.emplace(std::move(result.model));
    for (const Removal& removal : result.removals)
      report_.out_of_order.insert(report_.out_of_order.end(), removal.out_of_order.begin(),
                                  removal.out_of_order.end());
    fine_tunings_ = std::move(result.fine_tunings);
    if (options_.schedule == PruningSchedule::in_training && has_dense_ && !result.removals.empty())
      fine_tunings_ = {result.history.size()};  // the training during which it lost modules
  }
  void mark_removals(const std::vector<Removal>& removals, std::size_t epochs_before) {
    ModuleMask before = dense_.form.kept();
    for (const Removal& removal : removals) {
      const std::size_t at = epochs_before + removal.epoch;
      for (std::size_t i = 0; i < modules() && at > 0; ++i)
        if (before.keeps(i) && !removal.mask.keeps(i)) report_.epochs[at - 1].dropped.push_back(i);
      before = removal.mask;
    }
  }

  /// Makes the reference, once, and compares the pruned model with it.
  void compare(const Model& after) {
    if (!reference_)
      reference_.emplace(dense_, windows_,
                         FineTuning<Model>{options_.pruning.fine_tuning, fine_tunings_, teacher()},
                         progress_.dense_fine_tuning);
    report_.reference = reference_->about();
    if (const Model* const tuned = reference_->tuned()) {
      report_.dense_tuned = row(*tuned);
      report_.pruned_only = row(spat::pruned(dense_, after.form.kept(), windows_.training,
                                             options_.training.seed, windows_.team));
    }
    detail::report_comparisons(report_, reference_->model(), after, data_);
  }
  /// The teacher of fine-tuning, if there is one.
  [[nodiscard]] auto teacher() const {
    typename Trainer<Model>::Teacher teacher;
    if (options_.pruning.fine_tuning.distillation > 0) teacher = teacher_of(dense_, data_.team);
    return teacher;
  }

  /// Notes which epochs the scores and the weights are of.
  void keep_epochs(const std::vector<EpochRecord>& epochs) {
    report_.weights_epoch = 0;
    for (const EpochRecord& epoch : epochs)
      if (epoch.best) report_.weights_epoch = epoch.epoch;
    if constexpr (has_scored_modules<Model>()) {
      if (!detail::hears_passes<Scalar>(observer_.prototype())) return;
      report_.scores_epoch = options_.scores_of_best_epoch ? report_.weights_epoch : epochs.size();
      if (options_.scores_of_best_epoch) options_.pruning.scores_after = report_.weights_epoch;
    }
  }
  void add_epochs(const std::vector<EpochRecord>& epochs, bool fine_tuning) {
    for (const EpochRecord& epoch : epochs) report_.epochs.push_back({epoch, fine_tuning, {}});
  }

  void keep_scores() {
    report_.modules = detail::report_modules(dense_);
    detail::report_scores(report_, observer_, !has_dense_, options_.pruning.scores_after);
  }
  [[nodiscard]] ReportRow row(const Model& model, bool trained = true) const {
    return detail::report_row(model, data_, trained);
  }
  void measure_latencies() {
    std::vector<const Model*> models{&dense_};
    if (report_.prunes()) models.push_back(&pruned());
    const auto latencies = detail::report_latencies(models, data_, options_.latency_seconds);
    report_.dense.latency = latencies[0];
    if (report_.prunes()) report_.pruned.latency = latencies[1];
  }

  JobData<Scalar> data_;
  JobOptions options_;
  JobProgress progress_;
  PruningData<Scalar> windows_;
  Model dense_;
  Observer observer_;  // refers to dense_
  std::optional<Model> pruned_;
  std::optional<Reference<Model>> reference_;  // refers to dense_
  std::vector<std::size_t> fine_tunings_;      // epochs of each that the pruned model had
  bool has_dense_ = true, resumed_ = false;
  PruningReport report_;
};

}  // namespace spat
