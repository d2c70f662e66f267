// train. What a user may put in place of the library's loss, optimizer and rate schedule.
#pragma once

#include <spat/data/window_batch.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/optimizer.hpp>
#include <spat/train/training_options.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Where a training is when it asks for a rate. All count from 1.
struct RatePoint {
  std::size_t epoch = 0, epochs = 0, step = 0, steps = 0;  // steps of this epoch
};

/// The hooks of a Trainer; an empty one leaves the work to the options.
template <class Scalar>
struct TrainingHooks {
  using Teacher = std::function<Rows<const Scalar>(const WindowBatch<Scalar>&)>;
  using State = std::map<std::string, std::vector<double>>;

  Loss<Scalar> loss = {};
  bool own_loss = false;
  std::function<double(const RatePoint&)> rate = {};
  Teacher teacher = {};

  /// Takes an optimizer of one's own: an object that is called as
  ///
  ///     optimizer(weights, gradients, rate, team)
  ///
  /// with two ParameterLists of the same tensors, after clipping, and changes the weights of kind
  /// ParameterKind::weight. If it holds more than its options, it also has state(), a map of named
  /// rows of doubles, and restore(state), which throws Error for a state that is not its own: they
  /// become part of a training state.
  template <class Own>
  void set_optimizer(Own own) {
    static_assert(std::invocable<Own&, const ParameterList<Scalar>&, const ParameterList<Scalar>&,
                                 double, Team*>,
                  "spat: an optimizer is called with (weights, gradients, rate, team)");
    const auto held = std::make_shared<Own>(std::move(own));
    step = [held](const auto& weights, const auto& gradients, double r, Team* team) {
      (*held)(weights, gradients, r, team);
    };
    if constexpr (requires { held->restore(held->state()); }) {
      state = [held] { return held->state(); };
      restore = [held](const State& rows) { held->restore(rows); };
    }
  }
  [[nodiscard]] bool has_optimizer() const { return static_cast<bool>(step); }

  /// The rate of a step.
  [[nodiscard]] double rate_at(const RatePoint& point, const TrainingOptions& options) const {
    if (!rate) return rate_of_epoch(options.schedule, options.rate, point.epoch, options.epochs);
    const double found = rate(point);
    if (!std::isfinite(found))
      throw NumericError(message("the rate schedule is not finite at step ", point.step,
                                 " of epoch ", point.epoch));
    return found;
  }
  /// A step of the own optimizer, else of `built_in`. Leaves zero gradients.
  void optimize(Optimizer<Scalar>& built_in, const ParameterList<Scalar>& weights,
                const ParameterList<Scalar>& gradients, double r, double scale, Team* team) const {
    if (!step) return built_in.step(weights, gradients, r, scale, team);
    if (scale != 1)
      for (const auto& gradient : gradients)
        for (Scalar& number : gradient.values) number *= static_cast<Scalar>(scale);
    step(weights, gradients, r, team);
    set_zero(gradients);
    built_in.set_steps(built_in.steps() + 1);
  }

  std::function<void(const ParameterList<Scalar>&, const ParameterList<Scalar>&, double, Team*)>
      step = {};
  std::function<State()> state = {};
  std::function<void(const State&)> restore = {};
};

}  // namespace spat
