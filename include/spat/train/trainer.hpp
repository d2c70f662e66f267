// train. Epochs: shuffled batches through the optimizer, validation after each, the best weights
// kept.
#pragma once

#include <spat/autograd/packing.hpp>
#include <spat/core/life.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/begun_epoch.hpp>
#include <spat/train/distillation.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/gradient_norm.hpp>
#include <spat/train/training_hooks.hpp>
#include <spat/train/training_options.hpp>
#include <spat/train/training_parts.hpp>
#include <spat/train/training_step.hpp>

#include <chrono>

namespace spat::inline SPAT_ABI {

/// Trains a model in place. The same seed gives the same bytes, on any number of workers and after
/// a resume between two epochs.
///
/// An observer (see TrainingObserver, and Pruner for one) receives the events of every attention
/// backward pass. Own hooks: set_loss(), set_optimizer(), set_rate_schedule(), set_teacher(), and
/// TrainingOptions::stop. One thread at a time; other threads may forecast with Predictors of the
/// model, which own what they forecast with.
///
/// Throws NumericError, with the parameter and the step, at the first loss or gradient that is not
/// finite; if an epoch's loss shows that the training diverged, with both numbers. Throws Cancelled
/// if options.stop asks for it: the next run_epoch() or fit() goes on where the last whole step
/// left it, to the bytes of a training that never stopped.
template <class Model>
class Trainer {
  static_assert(Forecaster<Model>,
                "spat: a Trainer needs a model with a backward pass (concept Forecaster)");

 public:
  using Scalar = typename Model::Value;
  using Windows = WindowDataset<Scalar>;
  using Teacher = typename TrainingHooks<Scalar>::Teacher;

  Trainer(Model&&, const TrainingOptions&, Team* = nullptr) = delete;  // it trains the model
  /// Starts from the model's weights. The model must outlive the trainer. A model that is gone, was
  /// moved, or was assigned another one, ends in a ConfigError.
  /// Throws ConfigError for invalid options.
  Trainer(Model& model, const TrainingOptions& options, Team* team = nullptr)
      : Trainer(model, options, team, TrainingHooks<Scalar>()) {}
  /// See continued().
  template <class Before>
  Trainer(Model& model, Trainer<Before>& before)
      : Trainer(model, before.options_, before.team_, before.parts()) {}

  /// Replaces options.loss by a loss of one's own. See loss_of() for one that is a function of two
  /// numbers.
  void set_loss(Loss<Scalar> loss) {
    hooks_.loss = std::move(loss);
    hooks_.own_loss = true;
    step_ = TrainingStep<Model>(team_, hooks_.loss);
  }
  /// Replaces options.optimizer by an own one: see TrainingHooks::set_optimizer().
  template <class Own>
  void set_optimizer(Own optimizer) {
    hooks_.set_optimizer(std::move(optimizer));
  }
  /// Replaces options.rate and options.schedule by rate(RatePoint), called for each step.
  void set_rate_schedule(std::function<double(const RatePoint&)> rate) {
    hooks_.rate = std::move(rate);
  }
  /// Sets the teacher for options.distillation = w. It returns its forecast of a batch, in the
  /// target's shape and valid until its next call. The loss is then, up to a constant,
  ///
  ///     (1 - w) |y - target|^2 + w |y - teacher|^2 = |y - ((1 - w) target + w teacher)|^2 + const
  ///
  /// and steps report the squared error on the right (Hinton et al., 2015, for regression).
  void set_teacher(Teacher teacher) { hooks_.teacher = std::move(teacher); }

  /// Replaces options.stop: after Cancelled, an empty token lets the training go on.
  void set_stop(StopToken stop) { options_.stop = std::move(stop); }

  /// Whether another epoch is due.
  [[nodiscard]] bool unfinished() const {
    return history_.size() < options_.epochs && !stopping_.stops();
  }

  /// Trains one epoch and validates it. Throws ConfigError if dropping the last batch leaves none.
  template <TrainingObserver Observer>
  const EpochRecord& run_epoch(const Windows& training, const Windows& validation,
                               Observer& observer, const ProgressCallback& progress = {}) {
    expect_same_model();
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    EpochRecord report{.epoch = history_.size() + 1};
    const auto order = shuffled_indices(training.size(), options_.seed, report.epoch);
    const std::size_t batch = options_.batch_size;
    const std::size_t steps =
        options_.drop_last ? order.size() / batch : divide_up(order.size(), batch);
    if (steps == 0)
      throw ConfigError(message("dropping the last batch leaves none: windows ", order.size(),
                                ", batch size ", batch));
    if constexpr (requires { observer.begin_epoch(steps); })
      if (!within_epoch()) observer.begin_epoch(steps);
    while (begun_.steps < steps) {
      const std::size_t i = begun_.steps;
      if (options_.stop.stop_requested())
        throw Cancelled(message("the training was asked to stop, in epoch ", report.epoch,
                                " after step ", i, " of ", steps));
      const auto indices =
          std::span(order).subspan(i * batch, std::min(batch, order.size() - i * batch));
      report.rate = hooks_.rate_at({report.epoch, options_.epochs, i + 1, steps}, options_);
      const WindowBatch<Scalar> gathered = training.gather(indices, buffer_);
      begun_.add(step(gathered, report.rate, observer), gathered.target);
      const double done = static_cast<double>(begun_.steps),
                   left = static_cast<double>((options_.epochs - history_.size()) * steps) - done;
      if (progress)
        progress({report.epoch, options_.epochs, begun_.steps, steps, begun_.mean_loss(), elapsed(),
                  elapsed() / done * left, nullptr});
    }
    if (!hooks_.own_loss)  // which may be of any size
      begun_.expect_no_divergence(report.epoch);
    if constexpr (requires { observer.end_epoch(); }) observer.end_epoch();

    report.training_loss = begun_.mean_loss();
    with_averages(training, [&] {
      const Validation found = validate(*model_, validation, validation_loss(), team_);
      report.validation_loss = found.loss;
      report.validation_mse = found.metrics.mse;
      report.validation_mae = found.metrics.mae;
      report.best = keep_if_best(report.epoch, found.loss);
    });
    begun_ = {};
    report.seconds = elapsed();
    history_.push_back(report);
    if constexpr (requires { observer.end_epoch(history_.back()); })
      observer.end_epoch(history_.back());
    if (progress)
      progress({report.epoch, options_.epochs, steps, steps, report.training_loss, report.seconds,
                report.seconds * static_cast<double>(options_.epochs - history_.size()),
                &history_.back()});
    return history_.back();
  }

  /// Records the present weights as epoch 0: fine-tuning that never improves on them leaves them as
  /// they are. If training continues from averages, these are the averages.
  void consider_start(const Windows& training, const Windows& validation) {
    expect_same_model();
    with_averages(training, [&] {
      keep_if_best(0, validate(*model_, validation, validation_loss(), team_).loss);
    });
  }

  /// Calls `what` while the model holds the weights that validation uses: the averages, if there
  /// are any. Batch statistics are then those of the averages: re-estimated on `training`.
  template <class What>
  auto with_averages(const Windows& training, What&& what) {
    expect_same_model();
    if (!average_.active()) return what();
    const AveragesInPlace<Scalar> in_place(weights_, average_);
    reestimate_statistics(*model_, training, options_.seed, team_);
    return what();
  }

  /// Trains all epochs that are due. The model then holds the weights of the best one.
  template <TrainingObserver Observer>
  void fit(const Windows& training, const Windows& validation, Observer& observer,
           const ProgressCallback& progress = {}) {
    while (unfinished()) run_epoch(training, validation, observer, progress);
    take_best();
  }
  void fit(const Windows& training, const Windows& validation,
           const ProgressCallback& progress = {}) {
    NoObserver nobody;
    fit(training, validation, nobody, progress);
  }

  /// Puts the weights of the best epoch into the model.
  void take_best() {
    expect_same_model();
    for (std::size_t p = 0; p < weights_.size(); ++p)
      std::ranges::copy(best_[p], weights_[p].values.begin());
  }

  /// Updates the weights from one batch. Returns its mean loss.
  template <TrainingObserver Observer>
  double step(const WindowBatch<Scalar>& batch, double rate, Observer& observer) {
    const Exclusive::Hold hold(calls_, "a Trainer serves one thread at a time");
    expect_same_form();
    if (!std::isfinite(rate))
      throw NumericError(message("the learning rate of a step is not finite: ", rate));
    if constexpr (requires { observer.expect_model(*model_); }) observer.expect_model(*model_);
    if (!slopes_are_zero_) set_zero(slopes_);  // the last step threw
    slopes_are_zero_ = false;
    const std::uint64_t number = optimizer_.steps() + 1;
    const Pass pass{.seed = options_.seed, .step = number, .layer_drop = options_.layer_drop};
    const double loss = [&] {
      const Packing packing(weights_, Purpose::training, team_);
      const bool distils = options_.distillation > 0;
      return step_(
          *model_, pass,
          distils ? distillation_.mixed(batch, hooks_.teacher, options_.distillation) : batch,
          gradients_, observer);
    }();
    if (!std::isfinite(loss))
      throw NumericError(message("the loss is not finite at step ", number));
    if constexpr (requires { observer.end_step(team_); })
      observer.end_step(team_);
    else if constexpr (requires { observer.end_step(); })
      observer.end_step();
    const double norm = norm_(slopes_, number, team_);
    const bool clips = options_.clip_norm > 0 && norm > options_.clip_norm;
    hooks_.optimize(optimizer_, weights_, slopes_, rate, clips ? options_.clip_norm / norm : 1,
                    team_);
    step_.commit(*model_, running_weight);
    average_.add(weights_, history_.size() + 1, team_);
    slopes_are_zero_ = true;
    return loss;
  }

  [[nodiscard]] const std::vector<EpochRecord>& history() const { return history_; }
  [[nodiscard]] const TrainingOptions& options() const { return options_; }
  [[nodiscard]] const EarlyStopping& stopping() const { return stopping_; }
  [[nodiscard]] const Model& model() const { return *model_; }
  /// The state, between two epochs.
  [[nodiscard]] TrainingParts<Scalar> parts() {
    expect_same_model();
    return {weights_, best_, optimizer_, average_, stopping_, history_, hooks_};
  }
  /// Whether an epoch was begun and not finished: it was cancelled, or ended in an error.
  [[nodiscard]] bool within_epoch() const { return begun_.steps > 0; }

 private:
  template <class Other>
  friend class Trainer;

  Trainer(Model& model, const TrainingOptions& options, Team* team, TrainingHooks<Scalar> hooks)
      : model_(model, "Trainer"), options_(options), team_(team), hooks_(std::move(hooks)),
        gradients_(zeros_like(model)), weights_(parameters(model)), slopes_(parameters(gradients_)),
        norm_(slopes_), optimizer_(weights_, options.optimizer),
        average_(weights_, options.averaging) {
    options.check();
    if (!hooks_.loss) hooks_.loss = options.loss.template function<Scalar>();
    step_ = TrainingStep<Model>(team, hooks_.loss);
    stopping_.patience = options.patience;
    for (const auto& weight : weights_)
      best_.emplace_back(weight.values.begin(), weight.values.end());
  }

  /// See continued().
  Trainer(Model& model, const TrainingOptions& options, Team* team, TrainingParts<Scalar> before)
      : Trainer(model, options, team, before.hooks) {
    parts().take_over(before);
  }

  /// The trainer holds views of the model's tensors.
  void expect_same_model() const {
    const auto now = parameters(*model_);
    if (!std::ranges::equal(now, weights_, [](const auto& a, const auto& b) {
          return a.values.data() == b.values.data() && a.values.size() == b.values.size();
        }))
      refuse_changed_model();
  }
  /// The part of expect_same_model() that allocates nothing.
  void expect_same_form() const {
    model_.expect_alive();
    if constexpr (requires { model_->form == gradients_.form; })
      if (!(model_->form == gradients_.form)) refuse_changed_model();
  }
  [[noreturn]] static void refuse_changed_model() {
    throw ConfigError(
        "the model of a Trainer was moved or assigned another one: make a new Trainer");
  }

  /// The loss that chooses the best epoch; none for the mean squared error, which is known anyway.
  [[nodiscard]] Loss<Scalar> validation_loss() const {
    const bool squared = !hooks_.own_loss && options_.loss.rule == LossRule::mse;
    return squared ? Loss<Scalar>() : hooks_.loss;
  }

  bool keep_if_best(std::size_t epoch, double loss) {
    if (!stopping_.improves(epoch, loss)) return false;
    for (std::size_t p = 0; p < weights_.size(); ++p)
      std::ranges::copy(weights_[p].values, best_[p].begin());
    return true;
  }

  // the weight of a batch in running statistics: PyTorch's momentum
  static constexpr double running_weight = 0.1;

  Borrowed<Model> model_;
  TrainingOptions options_;
  Team* team_;
  TrainingHooks<Scalar> hooks_;
  Model gradients_;
  ParameterList<Scalar> weights_, slopes_;
  bool slopes_are_zero_ = true;  // as the optimizer leaves them
  GradientNorm<Scalar> norm_;
  Optimizer<Scalar> optimizer_;
  WeightAverage<Scalar> average_;
  TrainingStep<Model> step_;
  WindowBuffer<Scalar> buffer_;
  Distillation<Scalar> distillation_;
  EarlyStopping stopping_;
  std::vector<AlignedBuffer<Scalar>> best_;
  std::vector<EpochRecord> history_;
  BegunEpoch begun_;
  Exclusive calls_;
};

/// Continues the training `before` with a model that has lost modules since. Epochs, rates, steps,
/// team and hooks are those of `before`. So are the moments and averages of the remaining
/// parameters, matched by name. The best epoch is sought anew, because earlier ones belong to
/// another model. Throws ConfigError if the model has a parameter that `before` lacks.
template <Forecaster Model, Forecaster Before>
[[nodiscard]] Trainer<Model> continued(Model& model, Trainer<Before>& before) {
  return Trainer<Model>(model, before);
}

}  // namespace spat
