// train. Forward, loss and backward of one batch, in micro-batches shared among workers; bytes do
// not depend on the workers.
#pragma once

#include <spat/autograd/microbatch_plan.hpp>
#include <spat/models/cache_layout.hpp>
#include <spat/train/counted_target.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/observer.hpp>

#include <array>
#include <memory>

namespace spat::inline SPAT_ABI {

/// Computes the gradient of the mean loss of a batch, by default of the mean squared error. Filled
/// cells of the target have no error.
///
/// Micro-batches go through in waves (see MicrobatchPlan). In the first phase of a wave each worker
/// computes forward, loss and backward_input of its micro-batches. The weight gradients are a
/// second phase, divided by output tiles: the worker of a tile walks all micro-batches in order. A
/// gradient is therefore one chain of sums over the rows of the batch, independent of the workers
/// and of the size of a wave. Memory is that of the activations of one wave. After the first batch
/// of a size nothing is allocated.
///
/// If samples share batch statistics (BatchNormalized), the whole batch is one wave of at most
/// most_at_once micro-batches, and goes through stage by stage.
template <Forecaster Model>
class TrainingStep {
 public:
  using Scalar = typename Model::Value;

  explicit TrainingStep(Team* team = nullptr, Loss<Scalar> loss = LossOptions{}.function<Scalar>())
      : team_(team), loss_(std::move(loss)) {}

  /// Adds to `gradients` and returns the mean loss. `pass` gives the seed and the step. An observer
  /// that is not Listening receives nothing. Throws ShapeError for a batch whose views contradict
  /// it, without a target, or that the model cannot take.
  template <class Observer>
  double operator()(const Model& model, Pass pass, const WindowBatch<Scalar>& batch,
                    Model& gradients, Observer& observer) {
    batch.check();
    if (batch.target.size() == 0) throw ShapeError("a training step needs a batch with a target");
    if constexpr (requires { model.form == gradients.form; })
      if (!(model.form == gradients.form))
        throw ConfigError("the gradients of a training step have another form than its model");
    const MicrobatchPlan plan = plan_of(model, batch);
    const double count = static_cast<double>(batch.target.size());
    pass.batch_samples = batch.samples;
    pass.loss_terms = batch.target.size();
    const std::size_t workers = team_ ? team_->size() : 1,
                      wave = in_stages ? plan.microbatches : plan.wave(workers);
    double sum = 0;
    for (std::size_t done = 0; done < plan.microbatches; done += wave) {
      const auto caches =
          prepared(model, plan, done, std::min(wave, plan.microbatches - done), batch);
      const auto each = [&](auto&& use) {  // use(pass of the micro-batch, its samples, its memory)
        each_microbatch(
            plan, done, pass, batch,
            [&](const Pass& own_pass, const WindowBatch<Scalar>& piece, std::size_t i) {
              if constexpr (!Listening<Observer>)
                use(own_pass, piece, *works_[i]);
              else
                use(ScoredPass(own_pass, observer.listener((done + i) % plan.most_at_once)), piece,
                    *works_[i]);
            });
      };
      if constexpr (in_stages) {
        const std::size_t last = model.stages() - 1;
        for (std::size_t s = 0; s < last; ++s) forward_stage(model, s, caches, each);
        each([&](const auto& own_pass, const auto& piece, Work& work) {
          take_loss(model.forward_stage(own_pass, last, piece, work.cache), piece, count, work);
          model.backward_stage(own_pass, last, work.slope(), work.cache);
        });
        for (std::size_t s = last; s-- > 0;) {
          model.reduce_backward(s, caches);
          each([&](const auto& own_pass, const auto&, Work& work) {
            model.backward_stage(own_pass, s, work.slope(), work.cache);
          });
        }
      } else {
        each([&](const auto& own_pass, const auto& piece, Work& work) {
          take_loss(model.forward(own_pass, piece, work.cache), piece, count, work);
          model.backward_input(own_pass, work.slope(), work.cache);
        });
      }
      for (std::size_t i = 0; i < std::min(wave, plan.microbatches - done); ++i)
        sum += works_[i]->loss;
      Pass weights = pass;
      weights.training = true;
      weights.team = nullptr;
      over_workers(workers, workers > 1, [&](std::size_t worker, std::size_t) {
        Share share(worker, workers);
        model.backward_weights(weights, caches, gradients, share);
      });
    }
    return sum / count;
  }

  /// Computes the batch statistics of a batch for commit(), with the forward stages alone.
  void observe(const Model& model, const Pass& pass,
               const WindowBatch<Scalar>& batch) requires BatchNormalized<Model> {
    batch.check();
    const MicrobatchPlan plan = plan_of(model, batch);
    const auto caches = prepared(model, plan, 0, plan.microbatches, batch);
    const auto each = [&](auto&& use) {
      each_microbatch(plan, 0, pass, batch,
                      [&](const Pass& own_pass, const auto& piece, std::size_t i) {
                        use(own_pass, piece, *works_[i]);
                      });
    };
    for (std::size_t s = 0; s + 1 < model.stages(); ++s) forward_stage(model, s, caches, each);
  }

  /// Moves running statistics by `weight` towards those of the last batch. Does nothing for a model
  /// without running statistics.
  void commit([[maybe_unused]] Model& model, [[maybe_unused]] double weight) {
    if constexpr (in_stages) model.commit(works_[0]->cache, static_cast<Scalar>(weight));
  }

 private:
  static constexpr bool in_stages = BatchNormalized<Model>;

  struct Work {
    typename Model::Cache cache;
    AlignedBuffer<Scalar> dforecast, counted;
    CacheLayout<Model> layout;
    double loss = 0;  // its sum over the micro-batch
    Rows<const Scalar> forecast;

    /// d loss / d forecast.
    [[nodiscard]] Rows<Scalar> slope() {
      return {dforecast.data(), forecast.rows(), forecast.cols()};
    }
  };

  static MicrobatchPlan plan_of(const Model& model, const WindowBatch<Scalar>& batch) {
    return {batch.samples, model.activation_size(batch.channels()), in_stages};
  }

  /// Prepares memory for micro-batches [done, done + size) of the plan.
  Caches<typename Model::Cache> prepared(const Model& model, const MicrobatchPlan& plan,
                                         std::size_t done, std::size_t size,
                                         const WindowBatch<Scalar>& batch) {
    while (works_.size() < size) works_.push_back(std::make_unique<Work>());
    Caches<typename Model::Cache> caches;
    for (std::size_t i = 0; i < size; ++i) {
      Work& work = *works_[i];
      const auto piece = batch.middle(plan.first(done + i), plan.size(done + i));
      const CacheLayout<Model> layout(model, piece.samples, piece.channels());
      if (work.layout != layout) {
        work.layout = {};  // if prepare() throws, the cache is laid out for nothing
        model.prepare(work.cache, Purpose::training, piece.samples, piece.channels());
        work.layout = layout;
      }
      work.dforecast.resize(piece.target.size());  // allocates if the batch is larger
      caches.push_back(work.cache);
    }
    in_wave_ = size;
    return caches;
  }

  /// Calls use(pass, samples, index in the wave) for each micro-batch of the wave, shared among
  /// workers.
  template <class Use>
  void each_microbatch(const MicrobatchPlan& plan, std::size_t done, const Pass& pass,
                       const WindowBatch<Scalar>& batch, Use&& use) {
    over_workers(in_wave_, plan.microbatches > 1, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) {
        Pass own_pass = pass;
        own_pass.training = true;
        own_pass.team = plan.microbatches == 1 ? team_ : nullptr;
        own_pass.first_sample = plan.first(done + i);
        use(own_pass, batch.middle(plan.first(done + i), plan.size(done + i)), i);
      }
    });
  }

  /// Runs one stage of all micro-batches and reduces their statistics.
  template <class Each>
  static void forward_stage(const Model& model, std::size_t stage,
                            Caches<typename Model::Cache> caches, Each&& each) {
    each([&](const auto& own_pass, const auto& piece, Work& work) {
      (void)model.forward_stage(own_pass, stage, piece, work.cache);
    });
    model.reduce(stage, caches);
  }

  void take_loss(Rows<const Scalar> forecast, const WindowBatch<Scalar>& piece, double count,
                 Work& work) const {
    if (forecast.rows() != piece.target.rows())
      throw ShapeError(message("the forecast has ", forecast.rows() / piece.samples,
                               " steps, the target ", piece.horizon));
    if (forecast.cols() != piece.target.cols())
      throw ShapeError(message("the forecast has ", forecast.cols(), " channels, the target ",
                               piece.target.cols()));
    work.forecast = forecast;
    work.loss =
        loss_(forecast, detail::counted_target(piece, forecast, work.counted), count, work.slope());
  }

  template <class Use>
  void over_workers(std::size_t count, bool split, Use&& use) {
    if (team_ && split)
      team_->for_shares(count, use);
    else
      use(std::size_t{0}, count);
  }

  Team* team_;
  Loss<Scalar> loss_;
  std::vector<std::unique_ptr<Work>> works_;
  std::size_t in_wave_ = 0;  // micro-batches that are in memory
};

}  // namespace spat
