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
};

}  // namespace spat
