// train. Re-estimates running statistics: those of a dense model do not hold for a pruned one.
#pragma once

#include <spat/autograd/packing.hpp>
#include <spat/data/windows.hpp>
#include <spat/train/training_step.hpp>

namespace spat::inline SPAT_ABI {

/// Sets the running statistics of a BatchNormalized model to the plain mean over `batches` random
/// batches of training windows, or over one pass if there are fewer. Uses the forward pass of
/// training, with dropout. Does nothing for other models.
///
/// Call it after pruning, before the model is evaluated. The result is a function of the seed
/// alone, not of the workers. Throws ConfigError if there are no batches.
template <Forecaster Model>
void reestimate_statistics(Model& model, const WindowDataset<typename Model::Value>& training,
                           std::uint64_t seed = 1, Team* team = nullptr, std::size_t batches = 200,
                           std::size_t batch_size = 32) {
  if constexpr (BatchNormalized<Model>) {
    if (batches == 0 || batch_size == 0)
      throw ConfigError("statistics need at least one batch of at least one window");
    WindowBuffer<typename Model::Value> buffer;
    TrainingStep<Model> step(team);
    const auto weights = parameters(model);
    const Packing packing(weights, Purpose::inference, team);
    const auto order = shuffled_indices(training.size(), seed, 0);
    batch_size = std::min(batch_size, order.size());
    batches = std::min(batches, order.size() / batch_size);
    for (std::size_t b = 0; b < batches; ++b) {
      const auto batch =
          training.gather(std::span(order).subspan(b * batch_size, batch_size), buffer);
      step.observe(model, Pass{.seed = seed, .step = b + 1}, batch);
      step.commit(model, 1 / static_cast<double>(b + 1));
    }
  }
}

}  // namespace spat
