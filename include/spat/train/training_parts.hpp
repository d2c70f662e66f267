// train. The state of a training by its parts.
#pragma once

#include <spat/train/early_stopping.hpp>
#include <spat/train/epoch_record.hpp>
#include <spat/train/training_hooks.hpp>
#include <spat/train/weight_average.hpp>

namespace spat::inline SPAT_ABI {

/// The state of a training, by position in the list of parameters. training_state.hpp writes it
/// into a file, and continued() hands it to a smaller model.
template <class Scalar>
struct TrainingParts {
  const ParameterList<Scalar>& weights;
  std::vector<AlignedBuffer<Scalar>>& best;  // weights of the best epoch
  Optimizer<Scalar>& optimizer;
  WeightAverage<Scalar>& average;
  EarlyStopping& stopping;
  std::vector<EpochRecord>& history;
  TrainingHooks<Scalar>& hooks;

  /// Goes on where `before`, the training of a larger model, stood: its epochs and steps, and the
  /// moments and averages of the parameters, matched by name. Throws ConfigError if `before` lacks
  /// a parameter or has it in another shape, and for an optimizer of one's own.
  void take_over(const TrainingParts& before) const {
    if (hooks.has_optimizer())
      throw ConfigError("a training with an optimizer of its own cannot go on with fewer modules");
    history = before.history;
    optimizer.set_steps(before.optimizer.steps());
    average.set_steps(before.average.steps());
    for (std::size_t p = 0; p < weights.size(); ++p) {
      const auto found = find_parameter(before.weights, weights[p].name);
      if (found == before.weights.end())
        throw ConfigError("a training can only go on with fewer modules");
      const auto from = static_cast<std::size_t>(found - before.weights.begin());
      if (found->shape != weights[p].shape)
        throw ConfigError(
            message("a training goes on with tensors of the same shapes: ", weights[p].name, " is ",
                    shape_text(weights[p].shape), ", was ", shape_text(found->shape)));
      std::ranges::copy(before.optimizer.first_moment(from), optimizer.first_moment(p).begin());
      std::ranges::copy(before.optimizer.second_moment(from), optimizer.second_moment(p).begin());
      std::ranges::copy(before.average.average(from), average.average(p).begin());
    }
  }
};

}  // namespace spat
