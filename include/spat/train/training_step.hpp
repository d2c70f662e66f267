// train. Forward, loss and backward of one batch, in blocks of samples over workers; bytes do not depend on the workers.
#pragma once

#include <spat/models/block_plan.hpp>
#include <spat/models/concepts.hpp>
#include <spat/train/loss.hpp>

#include <array>
#include <memory>

namespace spat::inline SPAT_ABI {

/// Who listens to nothing.
struct NoScoring {};

/// The gradient of the mean squared error of a batch.
///
/// Blocks go through in waves (see BlockPlan). In a wave each worker takes forward, loss and backward_input of its blocks;
/// then the weight gradients are a second phase, cut over output tiles, in which a tile's worker walks all blocks in order. So a
/// gradient is one chain of sums over the rows of the batch, whoever computes it and however large a wave is, and memory is
/// the activations of one wave. After the first batch of a size nothing is allocated.
template <Forecaster Model>
class TrainingStep {
 public:
  using Scalar = typename Model::Value;

  explicit TrainingStep(Team* team = nullptr) : team_(team) {}

  /// Adds to `gradients` and returns the mean squared error. `run` says seed and step. `observer` is NoScoring, or has
  /// slot(i), i < BlockPlan::most_at_once, each a criterion that hears from one block at a time, in order; merging them is
  /// its own affair.
  template <class Observer>
  double operator()(const Model& model, Run run, const WindowBatch<Scalar>& batch, Model& gradients,
                    Observer& observer) {
    const BlockPlan plan(batch.samples, model.activation_size(batch.channels()));
    const double count = static_cast<double>(batch.target.size());
    run.training = true;
    run.team = plan.blocks == 1 ? team_ : nullptr;
    const std::size_t workers = team_ ? team_->size() : 1, wave = plan.wave(workers);
    while (works_.size() < std::min(plan.blocks, wave)) works_.push_back(std::make_unique<Work>());
    double sum = 0;
    for (std::size_t done = 0; done < plan.blocks; done += wave) {
      const std::size_t size = std::min(wave, plan.blocks - done);
      over_workers(size, plan.blocks > 1, [&](std::size_t first, std::size_t last) {
        for (std::size_t i = first; i < last; ++i) {
          Run block = run;
          block.first_sample = plan.first(done + i);
          const auto piece = batch.middle(plan.first(done + i), plan.count(done + i));
          Work& work = *works_[i];
          fit(model, work, piece);
          if constexpr (std::is_same_v<Observer, NoScoring>)
            pass(model, block, piece, count, work);
          else
            pass(model, Scored(block, observer.slot((done + i) % plan.at_once)), piece, count, work);
        }
      });
      Blocks<typename Model::Cache> caches;
      for (std::size_t i = 0; i < size; ++i) sum += works_[i]->squared_error, caches.push_back(works_[i]->cache);
      Run weights = run;
      weights.team = nullptr;
      over_workers(workers, workers > 1, [&](std::size_t worker, std::size_t) {
        Share share(worker, workers);
        model.backward_weights(weights, caches, gradients, share);
      });
    }
    return sum / count;
  }

 private:
  struct Work {
    typename Model::Cache cache;
    AlignedBuffer<Scalar> dforecast;
    std::size_t samples = 0, channels = 0;
    double squared_error = 0;
  };

  static void fit(const Model& model, Work& work, const WindowBatch<Scalar>& piece) {
    if (work.samples == piece.samples && work.channels == piece.channels()) return;
    model.prepare(work.cache, Purpose::training, piece.samples, piece.channels());
    work.dforecast.resize(piece.target.size());
    work.samples = piece.samples, work.channels = piece.channels();
  }

  template <class RunType>
  static void pass(const Model& model, const RunType& run, const WindowBatch<Scalar>& piece, double count, Work& work) {
    const auto forecast = model.forward(run, piece, work.cache);
    if (forecast.rows() != piece.target.rows() || forecast.cols() != piece.target.cols())
      throw ShapeError("the batch's target has another shape than the forecast");
    const Batch<Scalar> dforecast(work.dforecast.data(), forecast.rows(), forecast.cols());
    work.squared_error = squared_error<Scalar>(forecast, piece.target, count, dforecast);
    model.backward_input(run, dforecast, work.cache);
  }

  template <class Use>
  void over_workers(std::size_t count, bool split, Use&& use) {
    if (team_ && split)
      team_->for_shares(count, use);
    else
      use(std::size_t{0}, count);
  }

  Team* team_;
  std::vector<std::unique_ptr<Work>> works_;
};

}  // namespace spat
