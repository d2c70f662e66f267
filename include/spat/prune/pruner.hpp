// prune. The observer of a training that ranks the modules and removes those with the lowest
// scores.
#pragma once

#include <spat/autograd/microbatch_plan.hpp>
#include <spat/core/life.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/send/send.hpp>
#include <spat/prune/bootstrap.hpp>
#include <spat/prune/budget.hpp>
#include <spat/prune/module_scores.hpp>
#include <spat/prune/pruner_listener.hpp>
#include <spat/prune/score_trajectory.hpp>
#include <spat/prune/step_history.hpp>
#include <spat/prune/surgery.hpp>

#include <array>
#include <map>
#include <optional>

namespace spat::inline SPAT_ABI {

/// The observer of a training, with one criterion per module. Pass it to Trainer::fit, then ask for
/// scores or a pruned model. The model must outlive it, because criteria of weights read it
/// whenever scores are requested; a model of the library that is gone ends in a ConfigError.
///
/// Scores are those of all steps up to now, while a training that is over leaves the weights of its
/// best epoch: scores_after() and ranking(epoch) have the scores of that one. Scores of warm-up
/// epochs are discarded as soon as a later epoch has a step, because attention starts out uniform.
/// Errors: NumericError, with the module's number, if a sensitivity is not finite; those of
/// choose().
template <class Model, class C = Send<typename Model::Value>>
class Pruner {
  static_assert(Prunable<Model>,
                "spat: a Pruner needs a model whose form knows its modules (concept Prunable)");
  static_assert(detail::HearsAny<C, typename Model::Value>,
                "spat: a criterion needs hear(event) for at least one type of event");
  static_assert(
      spat::Criterion<C, typename Model::Value>,
      "spat: a criterion needs merge(other), end_step(team), end_epoch(), score(), state() "
      "and restore(numbers) (concept Criterion)");

 public:
  using Scalar = typename Model::Value;
  using Criterion = C;

  using Listener = PrunerListener<C, Scalar>;

  explicit Pruner(const Model&&, C = C{}, std::size_t = 1) = delete;  // it refers to the model
  explicit Pruner(const Model& model, C prototype = C{}, std::size_t warm_up_epochs = 1)
      : prototype_(prototype), model_(model, "Pruner"), warm_up_(warm_up_epochs),
        criteria_(model.form.modules(), prototype),
        history_(detail::ScoresSteps<C> ? criteria_.size() : 0, detail::estimator(prototype)) {
    for (Listener& listener : listeners_) listener.criteria = criteria_;
  }

  /// The criterion that each module started with.
  [[nodiscard]] const C& prototype() const { return prototype_; }
  [[nodiscard]] Listener& listener(std::size_t i) { return listeners_[i]; }

  /// Announces an epoch of this many steps, which then allocate nothing. Without it there is room
  /// for as many steps as StepHistory says.
  void begin_epoch(std::size_t steps) { history_.begin_epoch(steps); }

  /// Ends a step: the workers of the team merge what the listeners received and score it.
  void end_step(Team* team = nullptr) {
    const ModuleMask kept = model_->form.kept();
    if (epochs_ > 0 && epochs_ == warm_up_ && !warmed_up_) {
      for (std::size_t i = 0; i < criteria_.size(); ++i)
        // a pruned module keeps its state: no step follows
        if (kept.keeps(i)) criteria_[i] = prototype_;
      history_.start_anew();
      heard_ = heard_ - kept;
      warmed_up_ = true;
    }
    epoch_is_over_ = false;
    for (Listener& listener : listeners_) {
      heard_.bits |= listener.heard.bits;
      listener.heard = {};
    }
    const auto merge = [&](std::size_t first, std::size_t last) {
      for (std::size_t module = first; module < last; ++module)
        for (Listener& listener : listeners_)
          if (kept.keeps(module))
            criteria_[module].merge(listener.criteria[module]);
          else
            // pruned modules may still receive block events: discard them
            listener.criteria[module] = prototype_;
    };
    if (team)
      team->for_shares(criteria_.size(), merge);
    else
      merge(0, criteria_.size());
    for (std::size_t module = 0; module < criteria_.size(); ++module) {
      if (!kept.keeps(module)) continue;
      try {
        criteria_[module].end_step(team);
      } catch (const NumericError& error) {
        throw NumericError(message("module ", module, ": ", error.what()));
      }
    }
    if constexpr (detail::ScoresSteps<C>)
      history_.add([&](std::size_t module) {
        return kept.keeps(module) ? criteria_[module].step_score() : std::nan("");
      });
  }

  void end_epoch() {
    model_.expect_alive();
    for (C& criterion : criteria_) criterion.end_epoch();
    ++epochs_;
    history_.end_epoch();
    epoch_is_over_ = true;
    trajectory_.add(scores(), errors(1));
  }

  /// Continues with a model that lost modules; the criteria of the others keep their state.
  void go_on_with(const Model& model) {
    expect_modules(model);
    model_ = {model, "Pruner"};
  }
  /// Throws ConfigError if it observes another model than this one.
  void expect_model(const Model& model) const {
    if (!model_.is(model)) throw ConfigError("the Pruner of this training observes another model");
    expect_modules(model);
  }

  /// Measures the validation loss without each module, and passes it to criteria that score by
  /// losses (leave-one-out). loss(mask) is the validation loss of the model that keeps the modules
  /// of `mask`.
  void hear_losses(const MaskMeasure& loss) {
    if constexpr (Hears<C, LossEvent>) {
      const ModuleMask kept = model_->form.kept(), guard = guard_of(model_->form);
      const double all = loss(kept);
      for (std::size_t i = 0; i < criteria_.size(); ++i)
        if (may_remove(kept, i, guard)) {
          criteria_[i].hear(LossEvent{all, loss(kept.without(i))});
          heard_ = heard_.with(i);
        }
    }
  }

  /// The scores: [i] is that of module i, or NaN if it was pruned or no event of it came. If a
  /// criterion has bounds that differ between modules, each score is divided by its bound, because
  /// raw values are not comparable. A bound of 0 (attention to one key) leaves a score of 0.
  [[nodiscard]] std::vector<double> scores() const {
    std::vector<double> values(criteria_.size(), std::nan(""));
    const ModuleMask kept = model_->form.kept();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (kept.keeps(i) && (heard_.keeps(i) || detail::hears_modules<Scalar>(prototype_)))
        values[i] = detail::score_of(criteria_[i], *model_, i);
    detail::divide_by_bounds(values, criteria_, kept);
    return values;
  }
  /// The scores after each epoch.
  [[nodiscard]] const std::vector<std::vector<double>>& trajectory() const {
    return trajectory_.scores;
  }
  /// Their standard errors; rows are empty if the criterion has no scores of steps.
  [[nodiscard]] const std::vector<std::vector<double>>& trajectory_errors() const {
    return trajectory_.errors;
  }
  /// The scores after an epoch, counted from 1. Criteria of weights or losses have no others than
  /// the present ones. Throws ConfigError if there was no such epoch.
  [[nodiscard]] std::vector<double> scores_after(std::size_t epoch) const {
    expect_epoch(epoch);
    return detail::hears_passes<Scalar>(prototype_) ? trajectory_.scores[epoch - 1] : scores();
  }

  /// What each step of the latest epoch gave, [step][module], divided like scores(): the numbers
  /// that the criterion's estimator makes a score of. NaN if a module had none in the step. Empty
  /// if no step scored any module or the criterion does not score steps.
  [[nodiscard]] std::vector<std::vector<double>> step_scores() const {
    return divided(
        history_.rows(history_.end_of(epochs_ - (epoch_is_over_ ? 1 : 0)), history_.steps()));
  }
  /// How the numbers of steps become scores.
  [[nodiscard]] StepEstimator estimator() const { return detail::estimator(prototype_); }
  /// The uncertainty of the scores: a bootstrap through the estimator over the steps that they come
  /// from, which are those since the warm-up, of all epochs. Nothing if there are none.
  [[nodiscard]] std::optional<ScoreSpread> spread(std::uint64_t seed = 1) const {
    return spread_of(history_.remembered(history_.steps()), seed);
  }
  /// The uncertainty of scores_after(epoch). Nothing if its steps were forgotten, as those of the
  /// warm-up are. Throws ConfigError if there was no such epoch.
  [[nodiscard]] std::optional<ScoreSpread> spread_after(std::size_t epoch,
                                                        std::uint64_t seed = 1) const {
    expect_epoch(epoch);
    return spread_of(history_.remembered(history_.end_of(epoch)), seed);
  }

  /// The scores and their standard errors, from which modules are removed: the present ones, or
  /// those after an epoch. Throws NumericError, with its number and name, if a module that could be
  /// removed has no score, and ConfigError if there was no such epoch.
  [[nodiscard]] Ranking ranking(std::size_t after_epoch = 0) const {
    Ranking ranking;
    if (after_epoch == 0)
      ranking = {scores(), errors(1)};
    else if (ranking.scores = scores_after(after_epoch); detail::hears_passes<Scalar>(prototype_))
      ranking.errors = trajectory_.errors[after_epoch - 1];
    const ModuleMask kept = model_->form.kept(), guard = guard_of(model_->form);
    for (std::size_t i = 0; i < criteria_.size(); ++i)
      if (may_remove(kept, i, guard) && !std::isfinite(ranking.scores[i]))
        detail::refuse_unscored(i, detail::module_name(*model_, i));
    return ranking;
  }
  /// The mask that the budget chooses. Scores that their errors cannot tell apart count as equal:
  /// see drop_order(). Errors: those of ranking() and spat::choose().
  [[nodiscard]] ModuleMask choose(const Budget& budget, const Measures& measures = {}) const {
    const Ranking now = ranking();
    return spat::choose(model_->form.kept(), now.scores, budget, guard_of(model_->form), now.errors,
                        measures);
  }
  /// The state for a training checkpoint, between epochs: named rows of numbers, by module index.
  [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
    std::map<std::string, std::vector<double>> all{
        {"epochs", {static_cast<double>(epochs_), warmed_up_ ? 1.0 : 0.0}},
        {"steps", history_.scores()},
        {"step_ends", history_.ends()}};
    std::vector<double>& heard = all["heard"];
    for (std::size_t i = 0; i < criteria_.size(); ++i) {
      all["module." + std::to_string(i)] = criteria_[i].state();
      heard.push_back(heard_.keeps(i) ? 1 : 0);
    }
    trajectory_.save(all);
    return all;
  }
  /// Restores a state. Throws ConfigError, with the row, what was expected and what was found, if
  /// it is not a state of this pruner, which is then unchanged.
  void restore(const std::map<std::string, std::vector<double>>& all) {
    const detail::StateRows rows(all);
    const std::size_t modules = criteria_.size();
    std::vector<C> criteria(modules, prototype_);
    ModuleMask heard;
    const auto& marks = rows.row("heard", modules);
    for (std::size_t i = 0; i < modules; ++i) {
      const std::string name = "module." + std::to_string(i);
      rows.use(name, [&](const auto& numbers) { criteria[i].restore(numbers); });
      if (marks[i] != 0) heard = heard.with(i);
    }
    const std::size_t epochs = rows.count("epochs", 0, 2);
    const bool warmed_up = rows.row("epochs", 2)[1] != 0;
    auto trajectory = detail::ScoreTrajectory::of(rows, epochs, modules);
    StepHistory history = history_;
    const auto& ends = rows.row("step_ends", epochs);
    rows.use("steps", [&](const auto& steps) { history.restore(steps, ends); });
    for (Listener& listener : listeners_) {
      listener.criteria.assign(modules, prototype_);
      listener.heard = {};
    }
    criteria_ = std::move(criteria);
    history_ = std::move(history);
    trajectory_ = std::move(trajectory);
    epochs_ = epochs;
    heard_ = heard;
    warmed_up_ = warmed_up;
    epoch_is_over_ = epochs > 0;
  }

 private:
  void expect_modules(const Model& model) const {
    if (model.form.modules() != criteria_.size())
      throw ConfigError(message("the Pruner observes a model of ", criteria_.size(),
                                " modules, found one of ", model.form.modules()));
  }

  void expect_epoch(std::size_t epoch) const {
    if (epoch == 0 || epoch > epochs_)
      throw ConfigError(message("scores after epoch ", epoch, ": there were ", epochs_, " epochs"));
  }
  [[nodiscard]] std::vector<std::vector<double>> divided(
      std::vector<std::vector<double>> steps) const {
    for (std::vector<double>& step : steps)
      detail::divide_by_bounds(step, criteria_, model_->form.kept());
    return steps;
  }
  [[nodiscard]] std::optional<ScoreSpread> spread_of(std::vector<std::vector<double>> steps,
                                                     std::uint64_t seed) const {
    if (steps.empty()) return {};
    return bootstrap(divided(std::move(steps)), seed, 200, 0, estimator());
  }
  /// The standard errors of the scores now; empty if the criterion does not score steps.
  [[nodiscard]] std::vector<double> errors(std::uint64_t seed) const {
    const auto steps = history_.remembered(history_.steps());
    if (steps.empty()) return {};
    return standard_errors(divided(steps), seed, 200, 0, estimator());
  }

  C prototype_;
  Borrowed<const Model> model_;
  std::size_t warm_up_, epochs_ = 0;
  bool warmed_up_ = false, epoch_is_over_ = false;
  std::vector<C> criteria_;
  std::array<Listener, MicrobatchPlan::most_at_once> listeners_;
  ModuleMask heard_;  // modules of which an event came since the warm-up
  detail::ScoreTrajectory trajectory_;
  StepHistory history_;
};

}  // namespace spat
