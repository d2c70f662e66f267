// train. Epochs: shuffled batches through Adam, validation after each, the best weights kept.
#pragma once

#include <spat/autograd/packing.hpp>
#include <spat/kernels/reduce.hpp>
#include <spat/train/early_stopping.hpp>
#include <spat/train/epoch_record.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/training_options.hpp>
#include <spat/train/training_step.hpp>

#include <chrono>
#include <functional>

namespace spat::inline SPAT_ABI {

/// The state of a training, by position in the list of parameters. training_state.hpp writes it
/// into a file, and continued() hands it to a smaller model.
template <class Scalar>
struct TrainingParts {
  const ParameterList<Scalar>& weights;
  std::vector<AlignedBuffer<Scalar>>& best;  // weights of the best epoch
  Adam<Scalar>& adam;
  WeightAverage<Scalar>& average;
  EarlyStopping& stopping;
  std::vector<EpochRecord>& history;
};

/// Trains a model in place. The same seed gives the same bytes, on any number of workers and after
/// a resume between two epochs.
///
/// An observer (see Pruner) receives the events of every attention backward pass through
/// listener(i), and is notified by end_step() and end_epoch(). Throws NumericError, with the
/// parameter and the step, at the first loss or gradient that is not finite.
template <class Model>
class Trainer {
  static_assert(Forecaster<Model>,
                "spat: a Trainer needs a model with a backward pass (concept Forecaster)");

 public:
  using Scalar = typename Model::Value;
  using Windows = WindowDataset<Scalar>;
  using Teacher = std::function<Rows<const Scalar>(const WindowBatch<Scalar>&)>;

  /// Starts from the model's weights. The model must outlive the trainer. A model that was moved,
  /// or assigned another one, ends in a ConfigError at the next epoch, or at the next step if its
  /// form is another one.
  /// Throws ConfigError for invalid options.
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
  }

  /// Sets the teacher for options.distillation = w. It returns its forecast of a batch, in the
  /// target's shape and valid until its next call. The loss is then, up to a constant,
  ///
  ///     (1 - w) |y - target|^2 + w |y - teacher|^2 = |y - ((1 - w) target + w teacher)|^2 + const
  ///
  /// and steps report the squared error on the right (Hinton et al., 2015, for regression).
  void set_teacher(Teacher teacher) { teacher_ = std::move(teacher); }

  /// Whether another epoch is due.
  [[nodiscard]] bool unfinished() const {
    return history_.size() < options_.epochs && !stopping_.stops();
  }

  /// Trains one epoch and validates it. Throws ConfigError if dropping the last batch leaves none.
  template <class Observer>
  const EpochRecord& run_epoch(const Windows& training, const Windows& validation,
                               Observer& observer, const ProgressCallback& progress = {}) {
    expect_same_model();
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
      report.validation_mse = metrics.mse;
      report.validation_mae = metrics.mae;
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

  /// Records the present weights as epoch 0: fine-tuning that never improves on them leaves them as
  /// they are. If training continues from averages, these are the averages.
  void consider_start(const Windows& validation) {
    expect_same_model();
    with_averages([&] { keep_if_best(0, evaluate(model_, validation, team_).mse); });
  }

  /// Calls `what` while the model holds the weights that validation uses: the averages, if there
  /// are any.
  template <class What>
  auto with_averages(What&& what) {
    const struct Swapped {
      explicit Swapped(Trainer& owner) : trainer(owner) { trainer.average_.swap(trainer.weights_); }
      ~Swapped() { trainer.average_.swap(trainer.weights_); }
      Trainer& trainer;
    } swapped(*this);
    return what();
  }

  /// Trains all epochs that are due. The model then holds the weights of the best one.
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
    expect_same_model();
    for (std::size_t p = 0; p < weights_.size(); ++p)
      std::ranges::copy(best_[p], weights_[p].values.begin());
  }

  /// Updates the weights from one batch. Returns its mean squared error.
  template <class Observer>
  double step(const WindowBatch<Scalar>& batch, double rate, Observer& observer) {
    expect_same_form();
    if (!slopes_are_zero_) set_zero(slopes_);  // the last step threw
    slopes_are_zero_ = false;
    const std::uint64_t number = adam_.steps() + 1;
    const Pass pass{.seed = options_.seed, .step = number, .layer_drop = options_.layer_drop};
    const double loss = [&] {
      const Packing packing(weights_, Purpose::training, team_);
      return step_(model_, pass, options_.distillation > 0 ? taught(batch) : batch, gradients_,
                   observer);
    }();
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
  [[nodiscard]] const Model& model() const { return model_; }
  /// The state, between two epochs.
  [[nodiscard]] TrainingParts<Scalar> parts() {
    return {weights_, best_, adam_, average_, stopping_, history_};
  }

 private:
  template <Forecaster After, Forecaster Before>
  friend Trainer<After> continued(After& model, Trainer<Before>& before);

  /// See continued().
  Trainer(Model& model, const TrainingOptions& options, Team* team, Teacher teacher,
          TrainingParts<Scalar> before)
      : Trainer(model, options, team) {
    teacher_ = std::move(teacher);
    history_ = before.history;
    adam_.set_steps(before.adam.steps());
    average_.set_steps(before.average.steps());
    for (std::size_t p = 0; p < weights_.size(); ++p) {
      const auto found = find_parameter(before.weights, weights_[p].name);
      if (found == before.weights.end())
        throw ConfigError("a training can only go on with fewer modules");
      const auto from = static_cast<std::size_t>(found - before.weights.begin());
      std::ranges::copy(before.adam.first_moment(from), adam_.first_moment(p).begin());
      std::ranges::copy(before.adam.second_moment(from), adam_.second_moment(p).begin());
      std::ranges::copy(before.average.average(from), average_.average(p).begin());
    }
  }

  /// The trainer holds views of the model's tensors.
  void expect_same_model() const {
    const auto now = parameters(model_);
    if (!std::ranges::equal(now, weights_, [](const auto& a, const auto& b) {
          return a.values.data() == b.values.data() && a.values.size() == b.values.size();
        }))
      refuse_changed_model();
  }
  /// The part of expect_same_model() that allocates nothing.
  void expect_same_form() const {
    if constexpr (requires { model_.form == gradients_.form; })
      if (!(model_.form == gradients_.form)) refuse_changed_model();
  }
  [[noreturn]] static void refuse_changed_model() {
    throw ConfigError(
        "the model of a Trainer was moved or assigned another one: make a new Trainer");
  }

  /// The batch with (1 - w) target + w teacher as its target.
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
  // the weight of a batch in running statistics: PyTorch's momentum
  static constexpr double running_weight = 0.1;

  Model& model_;
  TrainingOptions options_;
  Team* team_;
  Model gradients_;
  ParameterList<Scalar> weights_, slopes_;
  bool slopes_are_zero_ = true;  // as Adam leaves them
  std::vector<double> squares_;  // one sum per piece of the gradient
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

/// Continues the training `before` with a model that has lost modules since. Epochs, rates, steps,
/// team and teacher are those of `before`. So are the moments and averages of the remaining
/// parameters, matched by name. The best epoch is sought anew, because earlier ones belong to
/// another model. Throws ConfigError if the model has a parameter that `before` lacks.
template <Forecaster Model, Forecaster Before>
[[nodiscard]] Trainer<Model> continued(Model& model, Trainer<Before>& before) {
  return Trainer<Model>(model, before.options_, before.team_, before.teacher_, before.parts());
}

}  // namespace spat
