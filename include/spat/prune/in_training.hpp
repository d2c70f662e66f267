// prune. Removal while a training goes on, so that pre-training itself gets cheaper.
#pragma once

#include <spat/prune/schedules.hpp>
#include <spat/train/training_state.hpp>

namespace spat::inline SPAT_ABI {

/// Whether the ranking has settled within the latest epoch: Kendall's tau of the mean scores of its pieces, one after another.
[[nodiscard]] inline bool settled(const std::vector<std::vector<double>>& steps, const StabilityOptions& options) {
  Stability stability(options);
  if (steps.size() < options.window) return false;
  for (std::size_t k = 0; k < options.window; ++k) {
    const std::vector<std::vector<double>> piece(
        steps.begin() + static_cast<std::ptrdiff_t>(k * steps.size() / options.window),
        steps.begin() + static_cast<std::ptrdiff_t>((k + 1) * steps.size() / options.window));
    stability.add(detail::column_means(piece, std::vector<double>(piece.size(), 1)));
  }
  return stability.stable();
}

/// in_training, epoch by epoch: trains a copy of `model`, which may be fresh and which `pruner` watches. From the second epoch on, when
/// the ranking has settled, or after options.latest_epoch, everything the budget asks for goes and the training goes on (see Trainer)
/// with what is left of its epochs. One that stops early before that goes on with the smaller model. Nothing is fine-tuned. A budget is
/// measured on the weights that validation sees: averages, where the training has them.
///
/// Model, pruner and data must outlive it; in the end `pruner` looks at `model` again. Errors: ConfigError for a budget that no mask
/// can meet, before the work; those of the trainer.
template <PrunableModel Model, class C>
class InTrainingPruning {
 public:
  using Data = PruningData<typename Model::Value>;

  InTrainingPruning(const Model& model, SensitivityPruner<Model, C>& pruner, const Data& data,
                    const TrainingOptions& training, const PruningOptions& options)
      : model_(model), pruner_(pruner), data_(data), training_(training), options_(options),
        latest_(options.latest_epoch ? options.latest_epoch : std::max<std::size_t>(2, training.epochs / 2)) {
    const Measures before = measures_of(model, data.training, data.validation, options.measures, data.team);
    if (goal_of(options.budget, model.shape.kept(), before))
      (void)choose(model.shape.kept(), std::vector<double>(model.shape.count(), 1), options.budget,
                   guard_of(model.shape), {}, before);
    begin_with(model.shape.kept());
  }
  InTrainingPruning(const InTrainingPruning&) = delete;
  InTrainingPruning& operator=(const InTrainingPruning&) = delete;

  /// Whether another epoch is due.
  [[nodiscard]] bool unfinished() const { return trainer_->unfinished(); }
  [[nodiscard]] const std::vector<EpochReport>& history() const { return trainer_->history(); }

  /// One epoch, and the removal if it is due then.
  void run_epoch(const ProgressCallback& progress = {}) {
    const std::size_t epoch = trainer_->run_epoch(data_.training, data_.validation, pruner_, progress).epoch;
    if (chosen_) return;
    const bool due = epoch >= latest_ || epoch == training_.epochs || !trainer_->unfinished();
    if (due || (epoch >= 2 && settled(pruner_.step_scores(), options_.stability))) remove_after(epoch);
  }

  /// The model with the weights of its best epoch.
  [[nodiscard]] PruningResult<Model> result() {
    trainer_->take_best();
    return {*current_, trainer_->history(), removals_};
  }

  /// Between two epochs, as TrainingState does, whose errors these are. A resumed training has the bytes of one that never stopped.
  void save(const std::string& path) { TrainingState<Model>::save(path, *trainer_, Observer{*this}); }
  void restore(const std::string& path) {
    Observer observer{*this};
    begin_with(observer.mask_in(path));
    TrainingState<Model>::restore(path, *trainer_, observer);
  }

 private:
  /// What a training state has of the pruner, and of the removal: whether it was decided, after which epoch, what was left.
  struct Observer {
    InTrainingPruning& pruning;

    [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
      auto all = pruning.pruner_.state();
      std::vector<double>& row = all[key] = {pruning.chosen_ ? 1.0 : 0.0};
      for (const Removal& removal : pruning.removals_) {
        row.push_back(static_cast<double>(removal.epoch));
        for (std::size_t i = 0; i < pruning.model_.shape.count(); ++i) row.push_back(removal.mask.keeps(i) ? 1.0 : 0.0);
      }
      return all;
    }
    void restore(const std::map<std::string, std::vector<double>>& all) {
      const std::vector<double>& row = all.at(key);
      std::vector<Removal> removals;
      if (row.size() > 1) removals.push_back({detail::whole_number(row[1]), pruning.current_->shape.kept()});
      for (const Removal& removal : removals)
        if (removal.epoch == 0 || removal.epoch > pruning.history().size()) throw std::out_of_range("no such epoch");
      pruning.pruner_.restore(all);
      pruning.chosen_ = row.at(0) != 0, pruning.removals_ = std::move(removals);
    }
    /// What the model keeps whose state a file is.
    [[nodiscard]] ModuleMask<> mask_in(const std::string& path) const {
      const SafetensorsFile file(path);
      const ModuleMask<> whole = pruning.model_.shape.kept();
      const std::string name = detail::message("observer.", key);
      if (!file.contains(name))
        throw ConfigError(detail::message(path, ": is the state of a training that removes no modules"));
      const auto row = file.read<double>(name);
      if (row.size() == 1) return whole;
      if (row.size() != 2 + pruning.model_.shape.count())
        throw ShapeError(detail::message(path, ": ", name, " is of another number of modules"));
      ModuleMask<> kept = whole;
      for (std::size_t i = 0; i + 2 < row.size(); ++i)
        if (row[i + 2] == 0) kept = kept.without(i);
      return kept;
    }
    static constexpr const char* key = "removal";
  };

  /// A fresh copy that keeps `mask`, and its trainer.
  void begin_with(ModuleMask<> mask) {
    trainer_.reset();
    current_ = std::make_unique<Model>(pruned(model_, mask));
    trainer_ = std::make_unique<Trainer<Model>>(*current_, training_, data_.team);
    pruner_.go_on_with(*current_);
  }

  void remove_after(std::size_t epoch) {
    chosen_ = true;
    const ModuleMask<> mask = trainer_->with_averages([&] {
      const Measures measures = measures_of(*current_, data_.training, data_.validation, options_.measures, data_.team);
      hear_losses(pruner_, *current_, data_, training_.seed);
      return pruner_.choose(options_.budget, measures);
    });
    if (mask == current_->shape.kept()) return;
    removals_.push_back({epoch, mask});
    auto fewer = std::make_unique<Model>(removed(*current_, mask, data_, training_.seed));
    auto next = std::make_unique<Trainer<Model>>(*fewer, *trainer_);
    pruner_.go_on_with(*fewer);
    trainer_ = std::move(next), current_ = std::move(fewer);
    if (!trainer_->unfinished()) trainer_->consider_start(data_.validation);
  }

  const Model& model_;
  SensitivityPruner<Model, C>& pruner_;
  detail::LooksBack<Model, C> looks_back_{pruner_, model_};
  Data data_;
  TrainingOptions training_;
  PruningOptions options_;
  std::size_t latest_;
  bool chosen_ = false;
  std::vector<Removal> removals_;
  std::unique_ptr<Model> current_;
  std::unique_ptr<Trainer<Model>> trainer_;
};

/// All epochs of it.
template <PrunableModel Model, class C>
[[nodiscard]] PruningResult<Model> prune_in_training(const Model& model, SensitivityPruner<Model, C>& pruner,
                                                     const PruningData<typename Model::Value>& data,
                                                     const TrainingOptions& training, const PruningOptions& options,
                                                     const ProgressCallback& progress = {}) {
  InTrainingPruning<Model, C> pruning(model, pruner, data, training, options);
  while (pruning.unfinished()) pruning.run_epoch(progress);
  return pruning.result();
}

}  // namespace spat
