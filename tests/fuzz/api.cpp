// libFuzzer: whatever calls the bytes stand for, on models, predictors, trainers, pruners and data
// that live side by side, each ends in one of our errors or in a right result: a forecast is the
// forward pass of its model, in double too; a pruned model is its model with silent modules; what
// was saved is loaded; a step that is refused changes no weight; workers change no bit. The choices
// are in api_program.hpp, models and predictors in api_models.hpp.
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
using api::Batch, api::Data, api::Program, api::expect_same, api::moderate, api::numbers_of,
    api::team;
using fuzz::expect, fuzz::succeeds;

/// What lives of one kind of model, and what can be done with it.
template <template <class, class> class Kind, class Config>
class Bench : api::Models<Kind, Config> {
  using Base = api::Models<Kind, Config>;
  using Base::models_, Base::slot, Base::any, Base::any_model, Base::any_service, Base::without;
  using typename Base::Model;
  using Scores = Pruner<Model, AnyCriterion<float>>;

 public:
  void operate(Program& program, Data& data, std::string& file) {
    switch (program.below(16)) {
      case 0:
        return static_cast<void>(slot(models_, program) = Base::made(program));
      case 1:
        return Base::exchange(program);
      case 2:
        return Base::change(program);
      case 3:
        return Base::store(program, file);
      case 4:
        return Base::serve(program);
      case 5:
        return Base::forecast_series(program, data);
      case 6:
        return Base::prune(program, data);
      case 7:
        return score(program, data);
      case 8:
        return rank(program, data);
      case 9:
        return step(program);
      case 10:
        return epoch(program, data);
      case 11:
        return hook(program);
      case 12:
        return pass_on(program, file);
      case 13:
        return compare(program, data);
      default:
        return Base::forecast(program);
    }
  }

 private:
  [[nodiscard]] std::unique_ptr<Scores> observer(Program& program) {
    const Model& model = any_model(program);
    return std::make_unique<Scores>(model, api::any_criterion(program), program.size(1));
  }
  [[nodiscard]] std::unique_ptr<Trainer<Model>> training(Program& program) {
    Model& model = any_model(program);
    const TrainingOptions options = api::any_options(program);
    return std::make_unique<Trainer<Model>>(model, options, team(program));
  }
  Scores& any_pruner(Program& program) {
    return any(pruners_, program, [&] { return observer(program); });
  }
  Trainer<Model>& any_trainer(Program& program) {
    return any(trainers_, program, [&] { return training(program); });
  }
  /// Calls use(observer): a pruner, or nobody.
  template <class Use>
  auto observed(Program& program, Use&& use) {
    NoObserver nobody;
    return program.one_in(2) ? use(any_pruner(program)) : use(nobody);
  }

  void score(Program& program, Data& data) {
    const std::size_t how = program.below(8);
    if (how == 7) return static_cast<void>(slot(pruners_, program) = observer(program));
    Scores& pruner = any_pruner(program);
    const Model& model = any_model(program);
    if (how == 6) return pruner.go_on_with(model);
    if (how == 5) return pruner.begin_epoch(program.size(3)), pruner.end_step(team(program));
    if (how == 4) return pruner.end_epoch();
    const auto& windows = data.windows(program);
    if (how == 3)
      return pruner.hear_losses(
          [&](ModuleMask mask) { return evaluate(without(model, mask, windows), windows).mse; });
    const ScoringOptions options{program.size(3), program.size(4), program.below(4)};
    score_windows(model, windows, pruner, options, team(program));
    pruner.expect_model(model);
  }

  /// Asks a pruner for what it found, and removes what a budget asks for.
  void rank(Program& program, Data& data) {
    Scores& pruner = any_pruner(program);
    const std::size_t epoch = program.size(1);
    succeeds([&] { (void)pruner.scores_after(epoch); });
    succeeds([&] { (void)pruner.spread_after(epoch); });
    succeeds([&] { (void)pruner.ranking(epoch); });
    succeeds([&] { (void)pruner.step_scores(), (void)pruner.spread(); });
    Scores& other = any_pruner(program);
    const auto state = pruner.state(), before = other.state();
    const bool restored = succeeds([&] { other.restore(state); });
    for (const auto& [name, numbers] : other.state())
      expect_same(numbers, (restored ? state : before).at(name));
    const Model& model = any_model(program);
    pruner.expect_model(model);
    const auto& windows = data.windows(program);
    const Budget budget = api::any_budget(program);
    const MeasureOptions options{program.size(2), program.number(0), program.size(1)};
    options.check();
    if (!moderate(std::array{options.latency_seconds}, 0)) return;  // takes that long
    const ModuleMask kept = model.form.kept(), guard = guard_of(model.form);
    Measures measures;
    if (!program.one_in(4))
      measures = measures_of(model, windows, data.windows(program), options, team(program));
    const ModuleMask left = pruner.choose(budget, measures);
    expect(left.is_subset_of(kept) && satisfies(left, kept & guard));
    if (const auto* lowest = std::get_if<DropLowest>(&budget))
      expect(left.count() + lowest->count == kept.count());
    auto& fewer = slot(models_, program);
    if (fewer.get() == &model) return;
    fewer = std::make_unique<Model>(without(model, left, windows));
    pruner.go_on_with(*fewer);
    (void)pruner.scores();
  }

  void step(Program& program) {
    if (program.one_in(4)) slot(trainers_, program) = training(program);
    Trainer<Model>& trainer = any_trainer(program);
    std::optional<std::vector<float>> before;
    succeeds([&] { before = numbers_of(trainer.model()); });
    const Batch<float> batch(program,
                             before ? trainer.model().config() : any_model(program).config());
    const double rate = program.number(0.01);
    double loss = 0;
    const bool done = succeeds([&] {
      loss = observed(program,
                      [&](auto& observer) { return trainer.step(batch.windows, rate, observer); });
    });
    if (!done && before) expect_same(numbers_of(trainer.model()), *before);
    if (!done) return;
    expect(before && batch.windows.samples > 0 && std::isfinite(loss) && std::isfinite(rate));
    const auto& options = trainer.options();
    if (batch.tame && moderate(*before, 10) &&
        moderate(std::array{rate, options.optimizer.weight_decay}, 1))
      expect(moderate(numbers_of(trainer.model()), std::numeric_limits<float>::max()));
  }

  void epoch(Program& program, Data& data) {
    Trainer<Model>& trainer = any_trainer(program);
    const auto &training = data.windows(program), &validation = data.windows(program);
    const std::size_t how = program.below(8);
    observed(program, [&](auto& observer) {
      if (how == 0) return trainer.take_best();
      if (how == 1) return trainer.consider_start(training, validation);
      if (how == 2) return trainer.fit(training, validation, observer);
      if (how == 3)
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
    std::stop_source stop;
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
            [teacher = any_service(program).predictor](const auto& windows) mutable {
              return teacher.forecast(windows);
            });
      case 4:
        return trainer.set_stop({});
      default:
        stop.request_stop();
        return trainer.set_stop(stop.get_token());
    }
  }

  /// Ends and moves trainers, and hands their trainings on: to smaller models, and by their state.
  void pass_on(Program& program, std::string& file) {
    auto &to = slot(trainers_, program), &from = slot(trainers_, program);
    const std::size_t how = program.below(8);
    if (how == 0) from.reset();
    if (!from) return;
    observed(program, [&](auto& observer) {
      const auto state = [&](auto& trainer) {
        return detail::training_writer(trainer, observer).to_bytes();
      };
      if (how == 1) file = state(*from);
      if (how > 2) return;
      const std::string before = state(*from);
      const bool done = succeeds(
          [&] { restore_training(SafetensorsFile::from_bytes(file, "memory"), *from, observer); });
      expect(state(*from) == (done ? file : before));
    });
    if (how == 3) to = std::make_unique<Trainer<Model>>(continued(any_model(program), *from));
    if (how == 4 && to != from) to = std::make_unique<Trainer<Model>>(std::move(*from));
    if (how == 5 && to && to != from) *to = std::move(*from);
  }

  /// What must not depend on workers and batches.
  void compare(Program& program, Data& data) {
    const auto &training = data.windows(program), &validation = data.windows(program);
    Model model = any_model(program), other = model;
    std::array<std::optional<Metrics>, 2> found;
    for (auto& one : found)
      succeeds([&] { one = evaluate(model, validation, team(program), program.size(3)); });
    if (found[0] && found[1])
      expect(found[0]->mse == found[1]->mse && found[0]->mae == found[1]->mae);
    if (found[0]) {
      const auto profile = error_profile(model, validation).by_window;
      const double mse = std::accumulate(profile.begin(), profile.end(), 0.0) /
                         static_cast<double>(profile.size());
      expect(std::abs(mse - found[0]->mse) <= 1e-9 * mse);
    }
    const TrainingOptions options = api::any_options(program);
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

/// What lives during a program.
struct World {
  Data data;
  std::string file;
  std::tuple<Bench<ITransformer, ITransformerConfig>, Bench<PatchTST, PatchTSTConfig>,
             Bench<Transformer, TransformerConfig>, Bench<TimeXer, TimeXerConfig>,
             Bench<Crossformer, CrossformerConfig>, Bench<DLinear, DLinearConfig>>
      benches;
  std::size_t kind = 0;  // of model

  void operate(Program& program) {
    const std::size_t choice = program.below(32);
    if (choice == 31) kind = program.below(std::tuple_size_v<decltype(benches)>);
    if (choice == 30) return api::try_team(program);
    if (choice >= 27) return data.operate(program);
    std::apply(
        [&](auto&... bench) {
          std::size_t i = 0;
          ((i++ == kind ? bench.operate(program, data, file) : void()), ...);
        },
        benches);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  Program program(bytes, size);
  World world;
  for (int operations = 0; operations < 24 && program.next(); ++operations)
    succeeds([&] { world.operate(program); });
  return 0;
}
