// prune. The observer of a training that ranks the modules and removes those with the lowest
// scores.
#pragma once

#include <spat/autograd/microbatch_plan.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/send/send.hpp>
#include <spat/prune/bootstrap.hpp>
#include <spat/prune/budget.hpp>
#include <spat/prune/surgery.hpp>

#include <array>
#include <map>
#include <optional>

namespace spat::inline SPAT_ABI {

/// The observer of a training, with one criterion per module. Pass it to Trainer::fit, then ask for
/// scores or a pruned model. The model must outlive it: criteria of weights read it whenever scores
/// are requested.
///
/// Scores of warm-up epochs are discarded as soon as a later epoch has a step, because attention
/// starts out uniform. Errors: NumericError, with the module's number, if a sensitivity is not
/// finite; those of choose() and pruned().
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

  /// Receives the events of one micro-batch at a time (see MicrobatchPlan) and passes each on to
  /// the criterion of its module. If a module has several attentions, the criterion receives the
  /// events of part 0, whose output leaves the module.
  class Listener {
   public:
    template <class Event>
      requires Hears<C, Event>
    void hear(const Event& event) {
      if (event.part == 0) criteria[event.module].hear(event);
    }
    std::vector<C> criteria;
  };

  explicit Pruner(const Model&&, C = C{}, std::size_t = 1) = delete;  // it refers to the model
  explicit Pruner(const Model& model, C prototype = C{}, std::size_t warm_up_epochs = 1)
      : prototype_(prototype), model_(&model), warm_up_(warm_up_epochs),
        criteria_(model.form.modules(), prototype) {
    for (Listener& listener : listeners_) listener.criteria = criteria_;
    heard_.reserve(criteria_.size() * 4096);  // a training step allocates nothing
  }

  /// The criterion that each module started with.
  [[nodiscard]] const C& prototype() const { return prototype_; }
  [[nodiscard]] Listener& listener(std::size_t i) { return listeners_[i]; }

  /// Ends a step: the workers of the team merge what the listeners received and score it.
  void end_step(Team* team = nullptr) {
    const ModuleMask kept = model_->form.kept();
    if (epochs_ > 0 && epochs_ == warm_up_ && !warmed_up_) {
      for (std::size_t i = 0; i < criteria_.size(); ++i)
        // a pruned module keeps its state: no step follows
        if (kept.keeps(i)) criteria_[i] = prototype_;
      warmed_up_ = true;
    }
    if (epoch_is_over_) {
      heard_.clear();
      epoch_is_over_ = false;
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
      for (std::size_t module = 0; module < criteria_.size(); ++module)
        heard_.push_back(kept.keeps(module) ? criteria_[module].step_score() : std::nan(""));
  }

  void end_epoch() {
    for (C& criterion : criteria_) criterion.end_epoch();
    ++epochs_;
    epoch_is_over_ = true;
    trajectory_.push_back(scores());
    trajectory_errors_.push_back(batch_means_errors(step_scores()));
  }

  /// Continues with a model that lost modules; the criteria of the others keep their state.
  void go_on_with(const Model& model) { model_ = &model; }

  /// Measures the validation loss without each module, and passes it to criteria that score by
  /// losses (leave-one-out). loss(mask) is the validation loss of the model that keeps the modules
  /// of `mask`.
  void hear_losses(const MaskMeasure& loss) {
    if constexpr (Hears<C, LossEvent>) {
      const ModuleMask kept = model_->form.kept(), guard = guard_of(model_->form);
      const double all = loss(kept);
      for (std::size_t i = 0; i < criteria_.size(); ++i)
        if (may_remove(kept, i, guard)) criteria_[i].hear(LossEvent{all, loss(kept.without(i))});
    }
  }

  /// The scores: [i] is that of module i, or NaN if it was pruned or nothing was observed. If a
  /// criterion has bounds that differ between modules, each score is divided by its bound, because
  /// raw values are not comparable. A bound of 0 (attention to one key) leaves a score of 0.
  [[nodiscard]] std::vector<double> scores() const {
    std::vector<double> values(criteria_.size(), std::nan(""));
    const ModuleMask kept = model_->form.kept();
    for (std::size_t i = 0; i < values.size(); ++i)
      if (kept.keeps(i)) values[i] = score_of(i);
    divide_by_bounds(values);
    return values;
  }
  /// The scores after each epoch.
  [[nodiscard]] const std::vector<std::vector<double>>& trajectory() const { return trajectory_; }
  /// Their standard errors, from the epoch's steps; rows are empty if the criterion has no
  /// scores of steps.
  [[nodiscard]] const std::vector<std::vector<double>>& trajectory_errors() const {
    return trajectory_errors_;
  }

  /// The scores of each step of the latest epoch, [step][module], divided like scores(). NaN if a
  /// module had no score in the step. Empty if no step scored any module or the criterion does not
  /// score steps.
  [[nodiscard]] std::vector<std::vector<double>> step_scores() const {
    std::vector<std::vector<double>> steps;
    if (std::ranges::all_of(heard_, [](double score) { return std::isnan(score); })) return steps;
    for (auto row = heard_.begin(); row != heard_.end();
         row += static_cast<std::ptrdiff_t>(criteria_.size())) {
      steps.emplace_back(row, row + static_cast<std::ptrdiff_t>(criteria_.size()));
      divide_by_bounds(steps.back());
    }
    return steps;
  }
  /// The uncertainty of the scores, from a bootstrap over the steps of the latest epoch. Nothing if
  /// there are no step_scores().
  [[nodiscard]] std::optional<ScoreSpread> spread(std::uint64_t seed = 1) const {
    const auto steps = step_scores();
    if (steps.empty()) return {};
    return bootstrap(steps, seed);
  }

  /// The mask that the budget chooses. Scores that the spread cannot tell apart count as equal: see
  /// drop_order(). Errors: those of spat::choose().
  [[nodiscard]] ModuleMask choose(const Budget& budget, const Measures& measures = {}) const {
    const auto sure = spread();
    return spat::choose(model_->form.kept(), scores(), budget, guard_of(model_->form),
                        sure ? sure->standard_error : std::vector<double>(), measures);
  }
  /// The model without the modules that choose() drops. Throws what choose() and pruned() throw.
  [[nodiscard]] typename Surgery<Model>::Result prune(const Budget& budget,
                                                      const Measures& measures = {}) const {
    return pruned(*model_, choose(budget, measures));
  }

  /// The state for a training checkpoint, between epochs: named rows of numbers, by module index.
  [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
    std::map<std::string, std::vector<double>> all{
        {"epochs", {static_cast<double>(epochs_), warmed_up_ ? 1.0 : 0.0}}, {"steps", heard_}};
    for (std::size_t i = 0; i < criteria_.size(); ++i)
      all["module." + std::to_string(i)] = criteria_[i].state();
    for (std::size_t e = 0; e < trajectory_.size(); ++e) {
      all["trajectory." + std::to_string(e)] = trajectory_[e];
      all["errors." + std::to_string(e)] = trajectory_errors_[e];
    }
    return all;
  }
  /// Restores a state. Throws std::out_of_range if it is not a state of this pruner, which is then
  /// unchanged.
  void restore(const std::map<std::string, std::vector<double>>& all) {
    std::vector<C> criteria(criteria_.size(), prototype_);
    for (std::size_t i = 0; i < criteria.size(); ++i)
      criteria[i].restore(all.at("module." + std::to_string(i)));
    const std::size_t epochs = detail::whole_number(all.at("epochs").at(0));
    const bool warmed_up = all.at("epochs").at(1) != 0;
    std::vector<double> heard = all.at("steps");
    if (!criteria.empty() && heard.size() % criteria.size() != 0)
      throw std::out_of_range("steps of another number of modules");
    std::vector<std::vector<double>> trajectory, errors;
    for (std::size_t e = 0; e < epochs; ++e) {
      trajectory.push_back(all.at("trajectory." + std::to_string(e)));
      errors.push_back(all.at("errors." + std::to_string(e)));
      if (trajectory.back().size() != criteria.size())
        throw std::out_of_range("scores of another number of modules");
    }
    for (Listener& listener : listeners_) listener.criteria.assign(criteria.size(), prototype_);
    criteria_ = std::move(criteria);
    heard_ = std::move(heard);
    heard_.reserve(criteria_.size() * 4096);
    trajectory_ = std::move(trajectory);
    trajectory_errors_ = std::move(errors);
    epochs_ = epochs;
    warmed_up_ = warmed_up;
    epoch_is_over_ = true;
  }

 private:
  [[nodiscard]] double score_of(std::size_t i) const {
    if constexpr (Hears<C, ModuleEvent<Scalar>>) {
      C criterion = criteria_[i];
      criterion.hear(event_of(i));
      return criterion.score();
    } else {
      return criteria_[i].score();
    }
  }
  [[nodiscard]] ModuleEvent<Scalar> event_of(std::size_t i) const {
    ModuleEvent<Scalar> event{i, criteria_.size(), {}};
    if constexpr (requires { model_->module_name(i); }) {
      const std::string prefix = message(model_->module_name(i), ".");
      for (const auto& weight : parameters(*model_))
        if (weight.name.starts_with(prefix)) event.weights.push_back(weight);
    }
    return event;
  }
  void divide_by_bounds(std::vector<double>& values) const {
    double lowest = 0, highest = 0;
    for (std::size_t i = 0; i < criteria_.size(); ++i)
      if (const double bound = detail::bound(criteria_[i]);
          model_->form.kept().keeps(i) && bound > 0) {
        lowest = lowest == 0 ? bound : std::min(lowest, bound);
        highest = std::max(highest, bound);
      }
    if (lowest == highest) return;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (const double bound = detail::bound(criteria_[i]); bound > 0) values[i] /= bound;
  }

  C prototype_;
  const Model* model_;
  std::size_t warm_up_, epochs_ = 0;
  bool warmed_up_ = false, epoch_is_over_ = false;
  std::vector<C> criteria_;
  std::array<Listener, MicrobatchPlan::most_at_once> listeners_;
  std::vector<std::vector<double>> trajectory_, trajectory_errors_;
  std::vector<double> heard_;  // step scores of the latest epoch, [step x module]
};

}  // namespace spat
