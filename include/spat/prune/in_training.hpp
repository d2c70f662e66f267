// prune. Removes modules during training, so that pre-training itself gets cheaper.
#pragma once

#include <spat/prune/schedules.hpp>
#include <spat/prune/state_rows.hpp>
#include <spat/train/training_state.hpp>

namespace spat::inline SPAT_ABI {

/// Whether the ranking has settled within an epoch: compares the scores that the estimator makes of
/// consecutive pieces of its steps (see Stability). steps[t][i] is what module i gave in step t.
[[nodiscard]] inline bool settled(const std::vector<std::vector<double>>& steps,
                                  const StabilityOptions& options,
                                  const StepEstimator& estimator = {}) {
  Stability stability(options);
  if (steps.size() < options.window) return false;
  for (std::size_t k = 0; k < options.window; ++k) {
    const std::vector<std::vector<double>> piece(
        steps.begin() + static_cast<std::ptrdiff_t>(k * steps.size() / options.window),
        steps.begin() + static_cast<std::ptrdiff_t>((k + 1) * steps.size() / options.window));
    stability.add(detail::scores_of(piece, estimator));
  }
  return stability.stable();
}

/// Pruning during training, epoch by epoch. Trains a copy of `model`, which may be fresh, and
/// `pruner` observes it.
///
/// Everything the budget asks for is removed at once: from the second epoch on as soon as the
/// ranking has settled, after options.latest_epoch, or when early stopping would end the training.
/// Training then continues (see continued()) with the smaller model for the remaining epochs.
/// Nothing is fine-tuned. A budget is measured on the weights that validation uses: the averages,
/// if the training has any.
///
/// The model, the pruner and the data must outlive it. Afterwards `pruner` refers to `model` again.
/// Errors: those of check(), before the work, for a budget that no mask can meet; those of choose()
/// for a budget of measured latency or of losses, when modules are due to be removed; those of the
/// trainer.
template <PrunableModel Model, class C>
class InTrainingPruning {
 public:
  using Data = PruningData<typename Model::Value>;
  using Teacher = typename Trainer<Model>::Teacher;

  InTrainingPruning(const Model& model, Pruner<Model, C>& pruner, const Data& data,
                    const TrainingOptions& training, const PruningOptions& options,
                    Teacher teacher = {})
      : model_(model), pruner_(pruner), data_(data), training_(training), options_(options),
        teacher_(std::move(teacher)),
        latest_(options.latest_epoch ? options.latest_epoch
                                     : std::max<std::size_t>(2, training.epochs / 2)) {
    (void)Stability(options.stability);  // throws
    check(options, model, data);
    go_on_with(Stage(*this, model));
  }
  InTrainingPruning(const InTrainingPruning&) = delete;
  InTrainingPruning& operator=(const InTrainingPruning&) = delete;

  /// Whether another epoch is due.
  [[nodiscard]] bool unfinished() const { return trainer_->unfinished(); }
  [[nodiscard]] std::vector<EpochRecord> history() const { return trainer_->history(); }

  /// Trains one epoch. Then removes the modules if they are due.
  void run_epoch(const ProgressCallback& progress = {}) {
    const std::size_t epoch =
        trainer_->run_epoch(data_.training, data_.validation, pruner_, progress).epoch;
    if (chosen_) return;
    const bool due = epoch >= latest_ || epoch == training_.epochs || !trainer_->unfinished();
    if (due ||
        (epoch >= 2 && settled(pruner_.step_scores(), options_.stability, pruner_.estimator())))
      remove_after(epoch);
  }

  /// Returns the model with the weights of its best epoch. Call it when training is over.
  [[nodiscard]] PruningResult<Model> result() {
    trainer_->take_best();
    return {*current_, trainer_->history(), removals_};
  }

  /// Saves the state between two epochs, like save_training(). A resumed training has the bytes of
  /// one that never stopped.
  void save(const std::string& path, std::string_view about = {}) {
    save_training(path, *trainer_, Observer{pruner_, chosen_, removals_, model_.form.modules()},
                  about);
  }
  /// Restores the state, like restore_training(). Changes nothing if it throws.
  void restore(const std::string& path, std::string_view about = {}) {
    Observer observer{pruner_, false, {}, model_.form.modules()};
    Stage stage(*this, detail::pruned_as_it_is(model_, observer.mask_in(path, model_.form.kept())));
    restore_training(path, *stage.trainer, observer, about);
    for (Removal& removal : observer.removals) removal.mask = stage.model->form.kept();
    chosen_ = observer.chosen;
    removals_ = std::move(observer.removals);
    go_on_with(std::move(stage));
  }

 private:
  /// A model in training.
  struct Stage {
    std::unique_ptr<Model> model;
    std::unique_ptr<Trainer<Model>> trainer;

    Stage(const InTrainingPruning& owner, Model fresh)
        : model(std::make_unique<Model>(std::move(fresh))),
          trainer(std::make_unique<Trainer<Model>>(*model, owner.training_, owner.data_.team)) {
      if (owner.teacher_) trainer->set_teacher(owner.teacher_);
    }
    Stage(Trainer<Model>& before, Model fewer)
        : model(std::make_unique<Model>(std::move(fewer))),
          trainer(new Trainer<Model>(continued(*model, before))) {}
  };
  void go_on_with(Stage stage) {
    trainer_ = std::move(stage.trainer);
    current_ = std::move(stage.model);
    pruner_.go_on_with(*current_);
  }

  /// The pruner's part of a training state, and the removal: whether it was decided, after which
  /// epoch, and the modules that stay.
  struct Observer {
    Pruner<Model, C>& pruner;
    bool chosen;
    std::vector<Removal> removals;
    std::size_t modules;

    [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
      auto all = pruner.state();
      std::vector<double>& row = all[key] = {chosen ? 1.0 : 0.0};
      for (const Removal& removal : removals) {
        row.push_back(static_cast<double>(removal.epoch));
        for (std::size_t i = 0; i < modules; ++i) row.push_back(removal.mask.keeps(i) ? 1.0 : 0.0);
        for (const OutOfOrder& pair : removal.out_of_order)
          row.insert(row.end(), {static_cast<double>(pair.removed),
                                 static_cast<double>(pair.stayed), pair.guarded ? 1.0 : 0.0});
      }
      return all;
    }
    void restore(const std::map<std::string, std::vector<double>>& all) {
      const detail::StateRows rows(all);
      const std::size_t epochs = rows.count("epochs", 0, 2);
      std::vector<Removal> found;
      bool decided = false;
      rows.use(key, [&](const std::vector<double>& row) {
        detail::check_state(row, 1, true);
        decided = row[0] == 1;
        if (row.size() == 1) return;
        detail::check_state(row, 2 + modules, true);
        for (std::size_t i = 0; i < modules; ++i)
          if (row[2 + i] != 0 && row[2 + i] != 1)
            throw ConfigError(message("expected 0 or 1 for module ", i, ", found ", row[2 + i]));
        const std::size_t epoch = detail::whole_number(row[1]);
        if (!decided || epoch == 0 || epoch > epochs)
          throw ConfigError(message("expected a removal after an epoch from 1 to ", epochs,
                                    ", found epoch ", epoch));
        found.push_back({epoch, {}});
        for (std::size_t at = 2 + modules; at + 2 < row.size(); at += 3)
          found[0].out_of_order.push_back(
              {detail::whole_number(row[at]), detail::whole_number(row[at + 1]), row[at + 2] != 0});
      });
      pruner.restore(all);
      chosen = decided;
      removals = std::move(found);
    }
    /// The modules of `whole` that the model in the file keeps.
    [[nodiscard]] ModuleMask mask_in(const std::string& path, ModuleMask whole) const {
      const SafetensorsFile file(path);
      const std::string name = message("observer.", key);
      if (!file.contains(name))
        throw ConfigError(message(path, ": is the state of a training that removes no modules"));
      const auto row = file.read<double>(name);
      const bool removes = row.size() >= 2 + modules && (row.size() - 2 - modules) % 3 == 0;
      if (row.size() != 1 && !removes)
        throw ShapeError(message(path, ": ", name, " is of another number of modules"));
      for (std::size_t i = 0; removes && i < modules; ++i)
        if (row[i + 2] == 0) whole = whole.without(i);
      return whole;
    }
    static constexpr const char* key = "removal";
  };

  void remove_after(std::size_t epoch) {
    const ModuleMask kept = current_->form.kept(), guard = guard_of(current_->form);
    Ranking ranking;
    const ModuleMask mask = trainer_->with_averages(data_.training, [&] {
      const Measures measures =
          measures_of(*current_, data_.training, data_.validation, options_.measures, data_.team);
      hear_losses(pruner_, *current_, data_, training_.seed);
      ranking = pruner_.ranking();
      return choose(kept, ranking.scores, options_.budget, guard, ranking.errors, measures);
    });
    if (mask != current_->form.kept()) {
      Stage fewer(*trainer_, pruned(*current_, mask, data_.training, training_.seed, data_.team));
      if (!fewer.trainer->unfinished())
        fewer.trainer->consider_start(data_.training, data_.validation);
      removals_.push_back({epoch, mask, out_of_order(kept, mask, ranking.scores, guard)});
      go_on_with(std::move(fewer));
    }
    chosen_ = true;
  }

  const Model& model_;
  Pruner<Model, C>& pruner_;
  detail::LooksBack<Model, C> looks_back_{pruner_, model_};
  Data data_;
  TrainingOptions training_;
  PruningOptions options_;
  Teacher teacher_;
  std::size_t latest_;
  bool chosen_ = false;
  std::vector<Removal> removals_;
  std::unique_ptr<Model> current_;
  std::unique_ptr<Trainer<Model>> trainer_;
};

/// Runs all epochs of InTrainingPruning.
template <PrunableModel Model, class C>
[[nodiscard]] PruningResult<Model> prune_in_training(
    const Model& model, Pruner<Model, C>& pruner, const PruningData<typename Model::Value>& data,
    const TrainingOptions& training, const PruningOptions& options,
    const ProgressCallback& progress = {}, typename Trainer<Model>::Teacher teacher = {}) {
  InTrainingPruning<Model, C> pruning(model, pruner, data, training, options, std::move(teacher));
  while (pruning.unfinished()) pruning.run_epoch(progress);
  return pruning.result();
}

}  // namespace spat
