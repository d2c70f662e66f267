// libFuzzer: whatever calls the bytes stand for, on models, predictors, trainers, pruners and data
// that live side by side, each ends in one of our errors or in a right result: a forecast is the
// forward pass of its model, in double too; a pruned model is its model with silent modules; what
// was saved is loaded; a step has the loss of its batch, and changes no weight if it is refused;
// workers change no bit. The choices are in api_program.hpp, models and predictors in
// api_models.hpp, series and windows in api_data.hpp; api.dict names the operations.
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>
#include <spat/prune/measures.hpp>
#include <spat/prune/score_windows.hpp>
#include <spat/train/training_state.hpp>

#include <tests/fuzz/api_models.hpp>

#include <tuple>

namespace {

using namespace spat;
using namespace api;
using fuzz::expect, fuzz::succeeds;

/// What lives of one kind of model, and what can be done with it.
template <template <class, class> class Kind, class Config>
class Bench : Models<Kind, Config> {
  using Base = Models<Kind, Config>;
  using typename Base::Model;
  using Scores = Pruner<Model, AnyCriterion<float>>;

 public:
  using Base::Base;

  void operate(Program& program) {
    using Operation = void (Bench::*)(Program&);
    static constexpr Operation operations[] = {
        &Bench::forecast, &Bench::make,  &Bench::exchange,        &Bench::change,
        &Bench::store,    &Bench::serve, &Bench::forecast_series, &Bench::prune,
        &Bench::score,    &Bench::rank,  &Bench::begin,           &Bench::step,
        &Bench::epoch,    &Bench::hook,  &Bench::pass_on,         &Bench::compare};
    (this->*program.one_of(operations))(program);
  }

 private:
  using Base::any, Base::slot, Base::any_model, Base::any_service, Base::without, Base::windows;
  using Base::models_, Base::shared_;

  [[nodiscard]] std::unique_ptr<Scores> new_pruner(Program& program) {
    const Model& model = any_model(program);
    return std::make_unique<Scores>(model, any_criterion(program), program.size(1));
  }
  Scores& any_pruner(Program& program) {
    return any(pruners_, program, [&] { return new_pruner(program); });
  }
  [[nodiscard]] std::unique_ptr<Trainer<Model>> new_trainer(Program& program) {
    Model& model = any_model(program);
    const TrainingOptions options = any_options(program);
    return std::make_unique<Trainer<Model>>(model, options, team(program));
  }
  Trainer<Model>& any_trainer(Program& program) {
    return any(trainers_, program, [&] { return new_trainer(program); });
  }
  /// Calls use(observer): a pruner, or nobody.
  template <class Use>
  auto observed(Program& program, Use&& use) {
    NoObserver nobody;
    return program.one_in(2) ? use(any_pruner(program)) : use(nobody);
  }

  void score(Program& program) {
    const std::size_t how = program.below(8);
    if (how == 7) return static_cast<void>(slot(pruners_, program) = new_pruner(program));
    Scores& pruner = any_pruner(program);
    const Model& model = any_model(program);
    if (how == 6) return pruner.go_on_with(model);
    if (how == 5) return pruner.begin_epoch(program.size(3)), pruner.end_step(team(program));
    if (how == 4) return pruner.end_epoch();
    const auto& seen = windows(program);
    if (how == 3)
      return pruner.hear_losses(
          [&](ModuleMask mask) { return evaluate(without(model, mask, seen), seen).mse; });
    const ScoringOptions options{program.size(3), program.size(4), program.below(4)};
    score_windows(model, seen, pruner, options, team(program));
    pruner.expect_model(model);
  }

  /// Asks a pruner for what it found, gives it to another one, and removes what a budget asks for.
  void rank(Program& program) {
    Scores &pruner = any_pruner(program), &other = any_pruner(program);
    const std::size_t epoch = program.size(1);
    succeeds([&] { (void)pruner.scores_after(epoch); });
    succeeds([&] { (void)pruner.spread_after(epoch); });
    succeeds([&] { (void)pruner.ranking(epoch); });
    succeeds([&] { (void)pruner.step_scores(), (void)pruner.spread(); });
    const auto state = pruner.state(), before = other.state();
    const bool restored = succeeds([&] { other.restore(state); });
    for (const auto& [name, numbers] : other.state())
      expect_same(numbers, (restored ? state : before).at(name));
    const Model& model = any_model(program);
    pruner.expect_model(model);
    const auto &training = windows(program), &validation = windows(program);
    const Budget budget = any_budget(program);
    const MeasureOptions options{program.size(2), program.number(0), program.size(1)};
    options.check();
    if (options.latency_seconds > 0) return;  // takes that long
    Measures measures;
    if (!program.one_in(4))
      measures = measures_of(model, training, validation, options, team(program));
    const ModuleMask kept = model.form.kept(), guard = guard_of(model.form),
                     left = pruner.choose(budget, measures);
    expect(left.is_subset_of(kept) && satisfies(left, kept & guard));
    if (const auto* lowest = std::get_if<DropLowest>(&budget))
      expect(left.count() + lowest->count == kept.count());
    auto& fewer = slot(models_, program);
    if (fewer.get() == &model) return;
    fewer = std::make_unique<Model>(without(model, left, training));
    pruner.go_on_with(*fewer);
    (void)pruner.scores();
  }

  void begin(Program& program) { slot(trainers_, program) = new_trainer(program); }

  void step(Program& program) {
    Trainer<Model>& trainer = any_trainer(program);
    std::optional<std::vector<float>> before;
    succeeds([&] { before = numbers_of(trainer.model()); });
    const Batch<float> batch(program, (before ? trainer.model() : any_model(program)).config());
    const double rate = program.number(0.01);
    const TrainingOptions& options = trainer.options();
    double loss = 0, plain = std::nan("");  // what the loss should be, where that is easily said
    if constexpr (!BatchNormalized<Model>)
      succeeds([&] {
        if (before && batch.right && batch.tame && moderate(*before, 4) &&
            trainer.model().dropout() == 0 && options.layer_drop == 0 &&
            options.distillation == 0 && options.loss.rule == LossRule::mse &&
            !trainer.parts().hooks.own_loss)
          plain = mean_squared_error(trainer.model(), batch.windows);
      });
    const bool done = succeeds([&] {
      loss = observed(program,
                      [&](auto& observer) { return trainer.step(batch.windows, rate, observer); });
    });
    if (!done && before) expect_same(numbers_of(trainer.model()), *before);
    if (!done) return;
    expect(before && batch.windows.samples > 0 && std::isfinite(loss) && std::isfinite(rate));
    expect(std::isnan(plain) || std::abs(loss - plain) <= 1e-5 * (1 + plain));
    if (batch.tame && moderate(*before, 10) && std::abs(rate) <= 1 &&
        options.optimizer.weight_decay <= 1)
      expect(finite(numbers_of(trainer.model())));
  }

  void epoch(Program& program) {
    Trainer<Model>& trainer = any_trainer(program);
    const auto &training = windows(program), &validation = windows(program);
    const std::size_t how = program.below(8);
    observed(program, [&](auto& observer) {
      if (how == 7) return trainer.take_best();
      if (how == 6) return trainer.consider_start(training, validation);
      if (how == 5) return trainer.fit(training, validation, observer);
      if (how == 4)
        return trainer.with_averages(training,
                                     [&] { (void)evaluate(trainer.model(), validation); });
      const EpochRecord& record = trainer.run_epoch(training, validation, observer);
      expect(std::isfinite(record.training_loss) && std::isfinite(record.validation_loss));
      expect(record.validation_mse >= 0 && record.validation_mae >= 0);
      expect(record.epoch == trainer.history().size() && !trainer.within_epoch());
    });
  }

  void hook(Program& program) {
    Trainer<Model>& trainer = any_trainer(program);
    const double number = program.number(0.01);
    StopSource stop;
    switch (program.below(6)) {
      case 0:
        return trainer.set_loss(loss_of<float>([number](double y, double target) {
          return LossTerm{number * (y - target) * (y - target) / 2, number * (y - target)};
        }));
      case 1:
        return trainer.set_optimizer(
            [](const auto& weights, const auto& gradients, double rate, Team*) {
              for (std::size_t p = 0; p < weights.size(); ++p)
                for (std::size_t i = 0; i < weights[p].values.size(); ++i)
                  if (weights[p].kind == ParameterKind::weight)
                    weights[p].values[i] -= static_cast<float>(rate) * gradients[p].values[i];
            });
      case 2:
        return trainer.set_rate_schedule([number](const RatePoint&) { return number; });
      case 3:
        return trainer.set_teacher(
            [teacher = any_service(program).predictor](const auto& batch) mutable {
              return teacher.forecast(batch);
            });
      case 4:
        return trainer.set_stop({});
      default:
        stop.request_stop();
        return trainer.set_stop(stop.get_token());
    }
  }

  /// Ends and moves trainers, and hands their trainings on: by their state, and to other models.
  void pass_on(Program& program) {
    auto &to = slot(trainers_, program), &from = slot(trainers_, program);
    const std::size_t how = program.below(8);
    if (how == 7) from.reset();
    if (!from) return;
    if (how == 6) to = std::make_unique<Trainer<Model>>(continued(any_model(program), *from));
    if (how == 5 && to != from) to = std::make_unique<Trainer<Model>>(std::move(*from));
    if (how == 4 && to && to != from) *to = std::move(*from);
    if (how > 3) return;
    observed(program, [&]<class Observer>(Observer& observer) {
      const auto state = [&] { return detail::training_writer(*from, observer).to_bytes(); };
      if (how == 0 || shared_.file.empty()) return static_cast<void>(shared_.file = state());
      const bool heard = shared_.file.find("\"observer.") != std::string::npos;
      std::string before;
      succeeds([&] { before = state(); });
      const bool done = succeeds([&] {
        restore_training(SafetensorsFile::from_bytes(shared_.file, "memory"), *from, observer);
      });
      if (!done) return expect(before.empty() || state() == before);
      expect(!from->within_epoch());
      expect(heard != Listening<Observer> || state() == shared_.file);
    });
  }

  /// What must not depend on workers and batches.
  void compare(Program& program) {
    const auto &training = windows(program), &validation = windows(program);
    Model model = any_model(program), other = model;
    std::array<std::optional<Metrics>, 2> found;
    for (auto& one : found)
      succeeds([&] { one = evaluate(model, validation, team(program), program.size(3)); });
    if (found[0] && found[1])
      expect(found[0]->mse == found[1]->mse && found[0]->mae == found[1]->mae);
    if (found[0]) {
      const auto errors = error_profile(model, validation).by_window;
      const double sum = std::accumulate(errors.begin(), errors.end(), 0.0);
      expect(std::abs(sum / static_cast<double>(errors.size()) - found[0]->mse) <=
             1e-9 * found[0]->mse);
    }
    const TrainingOptions options = any_options(program);
    const auto train = [&](Model& trained, Team* workers) {
      NoObserver nobody;
      return succeeds([&] {
        Trainer<Model>(trained, options, workers).run_epoch(training, validation, nobody);
      });
    };
    expect(train(model, nullptr) == train(other, team(program)));
    expect_same(numbers_of(model), numbers_of(other));
  }

  typename Base::template Slots<Scores> pruners_;
  typename Base::template Slots<Trainer<Model>> trainers_;
};

/// What lives during a program. One kind of model at a time is worked on.
struct World {
  Shared shared;
  std::tuple<Bench<ITransformer, ITransformerConfig>, Bench<PatchTST, PatchTSTConfig>,
             Bench<Transformer, TransformerConfig>, Bench<TimeXer, TimeXerConfig>,
             Bench<Crossformer, CrossformerConfig>, Bench<DLinear, DLinearConfig>>
      benches{shared, shared, shared, shared, shared, shared};
  std::size_t kind = 0;

  void operate(Program& program) {
    const std::size_t choice = program.below(32);
    if (choice == 31) kind = program.below(std::tuple_size_v<decltype(benches)>);
    if (choice == 30) return try_team(program);
    if (choice >= 27) return shared.data.operate(program);
    std::apply(
        [&](auto&... bench) {
          std::size_t i = 0;
          ((i++ == kind ? bench.operate(program) : void()), ...);
        },
        benches);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Program program(bytes, size);
  World world;
  for (int operations = 0; operations < 16 && program.next(); ++operations)
    succeeds([&] { world.operate(program); });
  return 0;
}
