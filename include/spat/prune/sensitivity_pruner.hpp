// prune. Listens to a training, ranks the modules, and removes those the model misses least.
#pragma once

#include <spat/models/block_plan.hpp>
#include <spat/prune/budget.hpp>
#include <spat/prune/criteria/send.hpp>
#include <spat/prune/criterion.hpp>
#include <spat/prune/surgery.hpp>

#include <array>
#include <map>

namespace spat::inline SPAT_ABI {

/// The observer of a training, with one criterion a module. Give it to Trainer::fit, then ask for scores or a pruned model.
///
/// Scores of warm-up epochs are forgotten as soon as a later epoch has a step: attention starts out uniform. Errors:
/// NumericError, with the module's number, if a sensitivity is not finite; those of choose() and pruned().
template <PrunableModel Model, Criterion<typename Model::Value> C = Send<typename Model::Value>>
class SensitivityPruner {
 public:
  using Scalar = typename Model::Value;

  /// What the blocks of one place report to (see BlockPlan). A module of several attentions is judged by the one whose output
  /// leaves it.
  class Slot {
   public:
    void on_forward(const ForwardEvent<Scalar>& event) requires requires(C& c) { c.on_forward(event); }
    {
      if (event.part == 0) criteria[event.module].on_forward(event);
    }
    void on_backward(const BackwardEvent<Scalar>& event) requires requires(C& c) { c.on_backward(event); }
    {
      if (event.part == 0) criteria[event.module].on_backward(event);
    }
    void on_tile(std::size_t module, const TileEvent<Scalar>& event) requires requires(C& c) { c.on_tile(event); }
    {
      if (event.part == 0) criteria[module].on_tile(event);
    }
    std::vector<C> criteria;
  };

  explicit SensitivityPruner(const Model& model, C prototype = C{}, std::size_t warm_up_epochs = 1)
      : prototype_(prototype), kept_(model.shape.kept()), guard_(guard_of(model.shape)), warm_up_(warm_up_epochs),
        criteria_(model.shape.count(), prototype) {
    for (Slot& slot : slots_) slot.criteria = criteria_;
  }

  [[nodiscard]] Slot& slot(std::size_t i) { return slots_[i]; }

  /// A step is over: workers of the team merge what the places have heard and score it.
  void end_step(Team* team = nullptr) {
    if (epochs_ > 0 && epochs_ == warm_up_ && !warmed_up_)
      criteria_.assign(criteria_.size(), prototype_), warmed_up_ = true;
    const auto merge = [&](std::size_t first, std::size_t last) {
      for (std::size_t module = first; module < last; ++module)
        for (Slot& slot : slots_) criteria_[module].merge(slot.criteria[module]);
    };
    if (team)
      team->for_shares(criteria_.size(), merge);
    else
      merge(0, criteria_.size());
    for (std::size_t module = 0; module < criteria_.size(); ++module) {
      try {
        if constexpr (requires(C & c) { c.end_step(team); })
          criteria_[module].end_step(team);
        else
          criteria_[module].end_step();
      } catch (const NumericError& error) {
        throw NumericError(detail::message("module ", module, ": ", error.what()));
      }
    }
  }

  void end_epoch() {
    for (C& criterion : criteria_) criterion.end_epoch();
    ++epochs_;
    trajectory_.push_back(scores());
  }

  /// scores()[i] is module i's, NaN where it was pruned or nothing was observed. Criteria with a bound are divided by it when
  /// the modules' bounds differ: then raw values are not comparable. A bound of 0 (attention to one key) leaves a score of 0.
  [[nodiscard]] std::vector<double> scores() const {
    std::vector<double> values;
    for (const C& criterion : criteria_) values.push_back(criterion.score());
    if constexpr (requires(const C& c) { c.bound(); }) {
      double lowest = 0, highest = 0;
      for (std::size_t i = 0; i < criteria_.size(); ++i)
        if (const double bound = criteria_[i].bound(); kept_.keeps(i) && bound > 0)
          lowest = lowest == 0 ? bound : std::min(lowest, bound), highest = std::max(highest, bound);
      if (lowest != highest)
        for (std::size_t i = 0; i < values.size(); ++i)
          if (const double bound = criteria_[i].bound(); bound > 0) values[i] /= bound;
    }
    return values;
  }
  /// The scores after each epoch.
  [[nodiscard]] const std::vector<std::vector<double>>& trajectory() const { return trajectory_; }

  [[nodiscard]] ModuleMask<> choose(const Budget& budget) const {
    return spat::choose(kept_, scores(), budget, guard_);
  }
  [[nodiscard]] typename Surgery<Model>::Result prune(const Model& model, const Budget& budget) const {
    return pruned(model, choose(budget));
  }

  /// For a training checkpoint, between epochs: named rows of numbers, by module index.
  [[nodiscard]] std::map<std::string, std::vector<double>> state() const {
    std::map<std::string, std::vector<double>> all{{"epochs", {static_cast<double>(epochs_), warmed_up_ ? 1.0 : 0.0}}};
    for (std::size_t i = 0; i < criteria_.size(); ++i) all["module." + std::to_string(i)] = criteria_[i].state();
    for (std::size_t e = 0; e < trajectory_.size(); ++e) all["trajectory." + std::to_string(e)] = trajectory_[e];
    return all;
  }
  void restore(const std::map<std::string, std::vector<double>>& all) {
    epochs_ = static_cast<std::size_t>(all.at("epochs").at(0)), warmed_up_ = all.at("epochs").at(1) != 0;
    for (std::size_t i = 0; i < criteria_.size(); ++i) criteria_[i].restore(all.at("module." + std::to_string(i)));
    trajectory_.clear();
    for (std::size_t e = 0; e < epochs_; ++e) trajectory_.push_back(all.at("trajectory." + std::to_string(e)));
  }

 private:
  C prototype_;
  ModuleMask<> kept_, guard_;
  std::size_t warm_up_, epochs_ = 0;
  bool warmed_up_ = false;
  std::vector<C> criteria_;
  std::array<Slot, BlockPlan::most_at_once> slots_;
  std::vector<std::vector<double>> trajectory_;
};

}  // namespace spat
