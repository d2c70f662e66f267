// train. Epochs: shuffled batches through Adam, validation after each, the best weights kept.
#pragma once

#include <spat/kernels/reduce.hpp>
#include <spat/train/adam.hpp>
#include <spat/train/early_stopping.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/schedule.hpp>
#include <spat/train/training_step.hpp>
#include <spat/train/weight_average.hpp>

#include <chrono>
#include <functional>

namespace spat::inline SPAT_ABI {

/// Defaults are the reference's (Time-Series-Library): Adam, type1, batches of 32, patience 3.
struct TrainingOptions {
  std::size_t epochs = 10, batch_size = 32, patience = 3;
  double rate = 1e-4;
  RateSchedule schedule = RateSchedule::type1;
  std::uint64_t seed = 1;
  double clip_norm = 0;    // largest norm of the whole gradient; 0: no clipping
  bool drop_last = false;  // leaves out the epoch's last batch when it is short
  AdamOptions adam = {};
  double layer_drop = 0;  // probability that a step leaves an attention module out (LayerDrop)
  AveragingOptions averaging =
      {};  // validation, and the model in the end, have the averaged weights
  double distillation =
      0;  // share of the teacher's forecast in what is learned; see Trainer::set_teacher

  /// Throws ConfigError with the rule and the value.
  void check() const {
    const auto rule = [](bool holds, const char* text) {
      if (!holds) throw ConfigError(text);
    };
    rule(epochs > 0, "epochs must be at least 1");
    rule(batch_size > 0, "the batch size must be at least 1");
    rule(rate > 0 && std::isfinite(rate), "the learning rate must be positive and finite");
    rule(clip_norm >= 0, "the clipping norm must not be negative");
    rule(layer_drop >= 0 && layer_drop < 1, "the probability of LayerDrop must lie in [0, 1)");
    rule(distillation >= 0 && distillation <= 1, "the share of the teacher must lie in [0, 1]");
    rule(averaging.decay >= 0 && averaging.decay < 1,
         "the decay of averaged weights must lie in [0, 1)");
  }
};

struct EpochRecord {
  std::size_t epoch = 0;
  double rate = 0, training_loss = 0, validation_mse = 0, validation_mae = 0, seconds = 0;
  bool best = false;
};

/// Where a training stands; given to the progress callback after each step, and with `finished`
/// after each epoch.
struct Progress {
  std::size_t epoch = 0, epochs = 0, step = 0, steps = 0;  // steps of this epoch
  double loss = 0;                                         // mean over this epoch's steps so far
  double seconds = 0,
         seconds_left = 0;  // since run_epoch began; to the end of all epochs at this pace
  const EpochRecord* finished = nullptr;
};
using ProgressCallback = std::function<void(const Progress&)>;

/// Trains a model in place. Same seed, same bytes: on any number of workers, and after a resume
/// between two epochs.
///
/// An observer hears of every attention backward (see Pruner): listener(i), end_step(),
/// end_epoch(). Errors: NumericError at the first loss or gradient that is not finite, with the
/// parameter and the step.
template <Forecaster Model>
class Trainer {
 public:
  using Scalar = typename Model::Value;
  using Windows = WindowDataset<Scalar>;
  using Teacher = std::function<Rows<const Scalar>(const WindowBatch<Scalar>&)>;

  /// The model must outlive the trainer and not be moved; its weights are what training starts
  /// from.
  Trainer(Model& model, const TrainingOptions& options, Team* team = nullptr)
      : model_(model), options_(options), team_(team), gradients_(zeros_like(model)),
        weights_(parameters(model)), slopes_(parameters(gradients_)), adam_(weights_, options.adam),
        average_(weights_, options.averaging), step_(team) {
    options.check();
    stopping_.patience = options.patience;
    for (const auto& weight : weights_)
      best_.emplace_back(weight.values.begin(), weight.values.end());
    for (const auto& slope : slopes_)
      squares_.resize(squares_.size() + divide_up(slope.values.size(), norm_piece));
    pack_weights(weights_, Purpose::training);
  }

  /// Goes on where `before` stands, with a model that lost modules since: epochs, rates, steps, and
  /// the moments and averages of what survived, by name. The best epoch is sought anew: earlier
  /// ones were another model's. It has before's team and teacher.
  template <class Before>
  Trainer(Model& model, Trainer<Before>& before) : Trainer(model, before.options_, before.team_) {
    history_ = before.history_, teacher_ = before.teacher_;
    adam_.set_steps(before.adam_.steps()), average_.set_steps(before.average_.steps());
    for (std::size_t p = 0; p < weights_.size(); ++p) {
      const auto found = find_parameter(before.weights_, weights_[p].name);
      if (found == before.weights_.end())
        throw ConfigError("a training can only go on with fewer modules");
      const auto from = static_cast<std::size_t>(found - before.weights_.begin());
      std::ranges::copy(before.adam_.first_moment(from), adam_.first_moment(p).begin());
      std::ranges::copy(before.adam_.second_moment(from), adam_.second_moment(p).begin());
      std::ranges::copy(before.average_.average(from), average_.average(p).begin());
    }
  }

  /// Who options.distillation is about: its forecast of a batch, of the target's shape, valid until
  /// its next call. The loss is then (1 - w) |y - target|^2 + w |y - teacher|^2 up to a constant:
  /// |y - ((1 - w) target + w teacher)|^2 (Hinton et al., 2015, for regression). Steps report the
  /// latter.
  void set_teacher(Teacher teacher) { teacher_ = std::move(teacher); }

  /// Whether another epoch is due.
  [[nodiscard]] bool unfinished() const {
    return history_.size() < options_.epochs && !stopping_.stops();
  }

  template <class Observer>
  const EpochRecord& run_epoch(const Windows& training, const Windows& validation,
                               Observer& observer, const ProgressCallback& progress = {}) {
    const auto start = std::chrono::steady_clock::now();
    const auto elapsed = [&] {
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    EpochRecord report{.epoch = history_.size() + 1};
    report.rate = rate_of_epoch(options_.schedule, options_.rate, report.epoch, options_.epochs);
    const auto order = shuffled_indices(training.size(), options_.seed, report.epoch);
    const std::size_t batch = options_.batch_size;
    const std::size_t steps =
        options_.drop_last ? order.size() / batch : divide_up(order.size(), batch);
    if (steps == 0)
      throw ConfigError(message("dropping the last batch leaves none: windows ", order.size(),
                                ", batch size ", batch));
    double sum = 0;
    for (std::size_t i = 0; i < steps; ++i) {
      const auto indices =
          std::span(order).subspan(i * batch, std::min(batch, order.size() - i * batch));
      sum += step(training.gather(indices, buffer_), report.rate, observer);
      const double done = static_cast<double>(i + 1),
                   left = static_cast<double>((options_.epochs - history_.size()) * steps) - done;
      if (progress)
        progress({report.epoch, options_.epochs, i + 1, steps, sum / done, elapsed(),
                  elapsed() / done * left, nullptr});
    }
    if constexpr (requires { observer.end_epoch(); }) observer.end_epoch();

    report.training_loss = sum / static_cast<double>(steps);
    with_averages([&] {
      const Metrics metrics = evaluate(model_, validation, team_);
      report.validation_mse = metrics.mse, report.validation_mae = metrics.mae;
      report.best = keep_if_best(report.epoch, metrics.mse);
    });
    report.seconds = elapsed();
    history_.push_back(report);
    if (progress)
      progress({report.epoch, options_.epochs, steps, steps, report.training_loss, report.seconds,
                report.seconds * static_cast<double>(options_.epochs - history_.size()),
                &history_.back()});
    return history_.back();
  }

  /// Lets the weights as they are now count as epoch 0: fine-tuning that never improves on them
  /// leaves them. Where training went on from averages it is those.
  void consider_start(const Windows& validation) {
    with_averages([&] { keep_if_best(0, evaluate(model_, validation, team_).mse); });
  }

  /// Calls `what` while the model has the weights that validation sees: the averages, where there
  /// are any.
  template <class What>
  auto with_averages(What&& what) {
    const struct Swapped {
      explicit Swapped(Trainer& owner) : trainer(owner) { trainer.swap_averages(); }
      ~Swapped() { trainer.swap_averages(); }
      Trainer& trainer;
    } swapped(*this);
    return what();
  }

  /// All epochs that are due; then the model holds the weights of the best one.
  template <class Observer>
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
    for (std::size_t p = 0; p < weights_.size(); ++p)
      std::ranges::copy(best_[p], weights_[p].values.begin());
    pack_weights(weights_, Purpose::training);
  }

  /// One update from one batch; returns its mean squared error.
  template <class Observer>
  double step(const WindowBatch<Scalar>& batch, double rate, Observer& observer) {
    if (!slopes_are_zero_) set_zero(slopes_);  // the last step threw
    slopes_are_zero_ = false;
    const std::uint64_t number = adam_.steps() + 1;
    const Pass pass{.seed = options_.seed, .step = number, .layer_drop = options_.layer_drop};
    const double loss = step_(model_, pass, options_.distillation > 0 ? taught(batch) : batch,
                              gradients_, observer);
    if (!std::isfinite(loss)) not_finite("the loss", number);
    if constexpr (requires { observer.end_step(team_); })
      observer.end_step(team_);
    else if constexpr (requires { observer.end_step(); })
      observer.end_step();
    const double norm = gradient_norm(number);
    const bool clips = options_.clip_norm > 0 && norm > options_.clip_norm;
    adam_.step(weights_, slopes_, rate, clips ? options_.clip_norm / norm : 1, team_);
    step_.commit(model_, running_weight);
    average_.add(weights_, history_.size() + 1, team_);
    slopes_are_zero_ = true;
    return loss;
  }

  [[nodiscard]] const std::vector<EpochRecord>& history() const { return history_; }
  [[nodiscard]] const TrainingOptions& options() const { return options_; }
  [[nodiscard]] const EarlyStopping& stopping() const { return stopping_; }

 private:
  template <class>
  friend struct TrainingState;
  template <Forecaster>
  friend class Trainer;

  /// Between the weights that are trained and their averages; packed forms follow.
  void swap_averages() {
    if (!average_.active()) return;
    average_.swap(weights_);
    pack_weights(weights_, Purpose::training);
  }

  /// The batch with (1 - w) target + w teacher to learn from.
  WindowBatch<Scalar> taught(const WindowBatch<Scalar>& batch) {
    if (!teacher_) throw ConfigError("distillation needs a teacher: call set_teacher()");
    const Rows<const Scalar> forecast = teacher_(batch);
    if (forecast.rows() != batch.target.rows() || forecast.cols() != batch.target.cols())
      throw ShapeError("the teacher's forecast has another shape than the target");
    lesson_.resize(batch.target.size());
    const auto w = static_cast<Scalar>(options_.distillation);
    for (std::size_t i = 0; i < lesson_.size(); ++i) {
      const Scalar target = batch.target.data()[i];
      lesson_[i] = multiply_add(w, forecast.data()[i] - target, target);
    }
    WindowBatch<Scalar> result = batch;
    result.target = {lesson_.data(), batch.target.rows(), batch.target.cols()};
    return result;
  }

  bool keep_if_best(std::size_t epoch, double validation_mse) {
    if (!stopping_.improves(epoch, validation_mse)) return false;
    for (std::size_t p = 0; p < weights_.size(); ++p)
      std::ranges::copy(weights_[p].values, best_[p].begin());
    return true;
  }

  /// The Euclidean norm of the whole gradient. Throws NumericError, with the parameter's name, if
  /// it is not finite.
  double gradient_norm(std::uint64_t step) {
    const auto sum_pieces = [&](Share share) {
      std::size_t place = 0;
      for (const auto& slope : slopes_)
        for (std::size_t i = 0; i < slope.values.size(); i += norm_piece, ++place)
          if (share.takes())
            squares_[place] = kernels::sum_of_squares(
                slope.values.data() + i, std::min(norm_piece, slope.values.size() - i));
    };
    if (team_)
      team_->for_each_worker([&](std::size_t worker) { sum_pieces(Share(worker, team_->size())); });
    else
      sum_pieces(Share());
    double total = 0;
    std::size_t place = 0;
    for (const auto& slope : slopes_)
      for (std::size_t i = 0; i < slope.values.size(); i += norm_piece) {
        if (!std::isfinite(squares_[place]))
          not_finite(message("the gradient of ", slope.name), step);
        total += squares_[place++];
      }
    return std::sqrt(total);
  }

  [[noreturn]] static void not_finite(std::string what, std::uint64_t step) {
    throw NumericError(what.append(" is not finite at step ").append(std::to_string(step)));
  }

  static constexpr std::size_t norm_piece = 65536;
  static constexpr double running_weight =
      0.1;  // of a batch in running statistics: PyTorch's momentum

  Model& model_;
  TrainingOptions options_;
  Team* team_;
  Model gradients_;
  ParameterList<Scalar> weights_, slopes_;
  bool slopes_are_zero_ = true;  // as Adam leaves them
  std::vector<double> squares_;  // of the gradient, by pieces
  Adam<Scalar> adam_;
  WeightAverage<Scalar> average_;
  TrainingStep<Model> step_;
  WindowBuffer<Scalar> buffer_;
  Teacher teacher_;
  AlignedBuffer<Scalar> lesson_;  // what distillation learns from
  EarlyStopping stopping_;
  std::vector<AlignedBuffer<Scalar>> best_;
  std::vector<EpochRecord> history_;
};

}  // namespace spat
