// prune. Scores a trained model: forward and backward over batches of windows, without updates.
#pragma once

#include <spat/autograd/packing.hpp>
#include <spat/data/windows.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_step.hpp>

namespace spat::inline SPAT_ABI {

/// How many windows a model is scored on.
struct ScoringOptions {
  std::size_t batches = 200, batch_size = 32;  // at most one pass over the windows
  std::uint64_t seed = 1;                      // of the windows' order
};

/// Scores `model` with its observer `pruner` on random batches, like an epoch of training without
/// updates: dropout is on, but weights and running statistics stay. For a model without a backward
/// pass only the forward pass is computed. Throws ConfigError if there are no batches, or if the
/// criterion needs gradients and the model has no backward pass.
template <class Model, class C>
void score_windows(const Model& model, const WindowDataset<typename Model::Value>& windows,
                   Pruner<Model, C>& pruner, const ScoringOptions& options = {},
                   Team* team = nullptr) {
  using Scalar = typename Model::Value;
  if (options.batches == 0 || options.batch_size == 0)
    throw ConfigError("scoring needs at least one batch of at least one window");
  pruner.expect_model(model);
  const auto order = shuffled_indices(windows.size(), options.seed, 0);
  const std::size_t size = std::min(options.batch_size, order.size());
  const std::size_t batches = std::min(options.batches, order.size() / size);
  WindowBuffer<Scalar> buffer;
  const auto each_batch = [&](auto&& use) {
    pruner.begin_epoch(batches);
    for (std::size_t b = 0; b < batches; ++b) {
      use(Pass{.seed = options.seed, .step = b + 1},
          windows.gather(std::span(order).subspan(b * size, size), buffer));
      pruner.end_step(team);
    }
  };
  if constexpr (Forecaster<Model>) {
    Model scored = model, gradients = zeros_like(model);
    const auto weights = parameters(scored);
    const Packing packing(weights, Purpose::training, team);
    TrainingStep<Model> step(team);
    each_batch([&](const Pass& pass, const auto& batch) {
      (void)step(scored, pass, batch, gradients, pruner);
    });
  } else {
    if (detail::needs_gradients<Scalar>(pruner.prototype()))
      throw ConfigError(
          "this criterion needs gradients, and the model has no backward pass: use a "
          "criterion of forward passes or weights (cosine, block_influence, magnitude), or "
          "leave_one_out");
    typename Model::Cache cache;
    model.prepare(cache, Purpose::training, size, windows.channels());
    each_batch([&](Pass pass, const auto& batch) {
      pass.training = true;
      pass.batch_samples = batch.samples;
      pass.loss_terms = batch.target.size();
      (void)model.forward(ScoredPass(pass, pruner.listener(0)), batch, cache);
    });
  }
  pruner.end_epoch();
}

}  // namespace spat
