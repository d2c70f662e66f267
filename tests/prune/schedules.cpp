// Removal after training, and the promises of every schedule: compared with the same steps by hand,
// with the records, the stopping rules and the errors.
#include <spat/criteria/leave_one_out.hpp>
#include <spat/prune/in_training.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <optional>

namespace schedules_tests {

using namespace spat;
using namespace scheduled;

TEST_CASE("a schedule has a name, and the error for another name lists all") {
  CHECK(parse_pruning_schedule("one-shot") == PruningSchedule::one_shot);
  CHECK(parse_pruning_schedule("iterative") == PruningSchedule::iterative);
  CHECK(parse_pruning_schedule("in-training") == PruningSchedule::in_training);
  CHECK(message_of<ConfigError>([] { (void)parse_pruning_schedule("oneshot"); }) ==
        "unknown pruning schedule \"oneshot\"; expected one-shot, iterative or in-training");
}

TEST_CASE("fine-tuning is by default three epochs at an eighth of the rate, which stays") {
  const TrainingOptions tuning = PruningOptions{}.fine_tuning;
  CHECK(tuning.epochs == 3);
  CHECK(tuning.rate == 1e-4 / 8);
  CHECK(tuning.schedule == RateSchedule::constant);
}

TEST_CASE(
    "a model from which something was removed has the surviving weights, and statistics of its "
    "own") {
  const Example example;
  CHECK(example::same_parameters(
      pruned(example.model, {0b101}, example.data.training, 1, example.data.team),
      pruned(example.model, {0b101})));
  const Example<PatchTST<float>> with_statistics(patches);
  const auto& dense = with_statistics.model;
  CHECK(example::same_parameters(
      pruned(dense, {0b111}, with_statistics.data.training, 1, with_statistics.data.team), dense));
  auto fewer = detail::pruned_as_it_is(dense, {0b101});
  const auto as_dense = fewer;
  reestimate_statistics(fewer, with_statistics.data.training, 4);
  CHECK_FALSE(example::same_parameters(fewer, as_dense));
  CHECK(example::same_parameters(
      pruned(dense, {0b101}, with_statistics.data.training, 4, with_statistics.data.team), fewer));
}

TEST_CASE("fine-tuning is a training that may leave the weights as they are") {
  Example example;
  auto model = example.model, twin = model;
  NoObserver nobody;
  const auto history = fine_tune(model, example.data, tuning, nobody);
  Trainer<Model> trainer(twin, tuning);
  trainer.consider_start(example.data.training, example.data.validation);
  trainer.fit(example.data.training, example.data.validation);
  CHECK(same_epochs(history, trainer.history()));
  CHECK(example::same_parameters(model, twin));

  auto wild = tuning;
  wild.rate = 0.5;
  model = example.model;
  CHECK(fine_tune(model, example.data, wild, nobody).size() == 2);
  CHECK(example::same_parameters(model, example.model));

  auto taught = tuning;
  taught.distillation = 1;
  CHECK_THROWS_AS(fine_tune(model, example.data, taught, nobody), ConfigError);
  Predictor<Model> teacher(
      example.model);  // it knows as much as the model: there is nothing to learn
  model = example.model;
  model.set_dropout(0);
  const auto learned =
      fine_tune(model, example.data, taught, nobody,
                [&](const WindowBatch<float>& batch) { return teacher.forecast(batch); });
  CHECK(learned[0].training_loss < 1e-4);
  CHECK(history[0].training_loss > 1e-2);
}

TEST_CASE("one shot without fine-tuning is choosing and pruning") {
  const Example example;
  const Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  const auto dropped =
      prune_one_shot(example.model, pruner, example.data, by(DropLowest{2}, false));
  CHECK(masks_of(dropped.removals) == std::vector<std::uint64_t>{0b001});
  CHECK(epochs_of(dropped.removals) == std::vector<std::size_t>{0});
  CHECK(dropped.history.empty());
  CHECK(example::same_parameters(dropped.model, pruned(example.model, {0b001})));

  const auto half = cost_of(pruned(example.model, {0b001}), 7).macs,
             dense = cost_of(example.model, 7).macs;
  const double by_two = 1 - static_cast<double>(half) / static_cast<double>(dense);
  for (const auto& [share, mask] :
       {std::pair{by_two - 1e-9, 0b001u}, std::pair{by_two + 1e-9, 0b000u}})
    CHECK(prune_one_shot(example.model, pruner, example.data, by(ReduceMacs{share}, false))
              .model.form.kept()
              .bits == mask);

  const auto nothing =
      prune_one_shot(example.model, pruner, example.data, by(DropLowest{0}, false));
  CHECK(nothing.removals.empty());
  CHECK(example::same_parameters(nothing.model, example.model));
  CHECK(prune_one_shot(example.model, pruner, example.data, by(DropLowest{0})).history.empty());
  CHECK_THROWS_AS((void)prune_one_shot(example.model, pruner, example.data, by(DropLowest{4})),
                  ConfigError);
}

TEST_CASE("one shot fine-tunes what is left, statistics re-estimated") {
  const Example<PatchTST<float>> example(patches);
  const Pruner<PatchTST<float>, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  std::size_t steps = 0;
  const auto result =
      prune_one_shot(example.model, pruner, example.data, by(DropLowest{1}), {},
                     [&](const Progress& progress) { steps += progress.finished == nullptr; });
  auto expected =
      pruned(example.model, {0b101}, example.data.training, tuning.seed, example.data.team);
  NoObserver nobody;
  CHECK(same_epochs(result.history, fine_tune(expected, example.data, tuning, nobody)));
  CHECK(example::same_parameters(result.model, expected));
  CHECK(steps == 2 * divide_up<std::size_t>(example.data.training.size(), 16));
}

TEST_CASE("the iterative schedule removes one module after another, fine-tuned in between") {
  const Example<PatchTST<float>> example(patches);
  Pruner<PatchTST<float>, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  const auto result = prune_iteratively(example.model, pruner, example.data, by(DropLowest{2}));
  CHECK(masks_of(result.removals) == std::vector<std::uint64_t>{0b101, 0b001});
  CHECK(epochs_of(result.removals) ==
        std::vector<std::size_t>{0, 2});  // removed before epochs 1 and 3

  auto expected =
      pruned(example.model, {0b101}, example.data.training, tuning.seed, example.data.team);
  NoObserver nobody;
  auto history = fine_tune(expected, example.data, tuning, nobody);
  expected = pruned(expected, {0b001}, example.data.training, tuning.seed, example.data.team);
  for (EpochRecord epoch : fine_tune(expected, example.data, tuning, nobody))
    epoch.epoch += 2, history.push_back(epoch);
  CHECK(same_epochs(result.history, history));
  CHECK(example::same_parameters(result.model, expected));
  CHECK(pruner.scores() == std::vector<double>{3, 1, 2});  // of `model` again
  CHECK(pruner.trajectory().size() == 4);                  // it has observed every epoch
}

TEST_CASE("the iterative schedule scores again after each removal") {
  const Example example;
  const auto once_more =
      [](std::size_t module,
         std::size_t step) {  // module 2 is needed, until the first epoch is over
        return module == 2 && step >= 6 ? 0.5 : static_cast<double>(module + 1);
      };
  auto watched = example.model;
  Pruner<Model, Played> pruner(watched, Played(once_more), 0);
  Trainer<Model> trainer(watched, training);
  const example::RandomBatch<float> batch(config, 4);
  for (int step = 0; step < 6; ++step) trainer.step(batch.batch, 1e-4, pruner);
  pruner.end_epoch();
  pruner.go_on_with(example.model);
  REQUIRE(pruner.scores() == std::vector<double>{1, 2, 3});
  const auto result = prune_iteratively(example.model, pruner, example.data, by(DropLowest{2}));
  CHECK(masks_of(result.removals) == std::vector<std::uint64_t>{0b110, 0b010});
  CHECK(prune_one_shot(example.model, pruner, example.data, by(DropLowest{0}, false))
            .model.form.kept()
            .bits == 0b111);
}

TEST_CASE("the iterative schedule measures losses again after each removal") {
  bool order_matters = false;
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const Example<Model> example;
    const auto model = example::made<Model>({config}, seed);
    const auto loss = [&](std::uint64_t mask) {
      return evaluate(pruned(model, {mask}), example.data.validation).mse;
    };
    const auto least = [&](std::uint64_t kept) {  // whose removal from `kept` costs least
      std::vector<std::uint64_t> bits;
      for (std::uint64_t bit = 1; bit <= 4; bit *= 2)
        if (kept & bit) bits.push_back(bit);
      return *std::ranges::min_element(bits, {},
                                       [&](std::uint64_t bit) { return loss(kept & ~bit); });
    };
    const std::uint64_t first = least(0b111), second = least(0b111 & ~first);
    Pruner<Model, LeaveOneOut<float>> pruner(model);
    hear_losses(pruner, model, example.data, 1);
    order_matters =
        order_matters || pruner.choose(DropLowest{2}).bits != (0b111 & ~first & ~second);
    const auto result = prune_iteratively(model, pruner, example.data, by(DropLowest{2}, false));
    CHECK(masks_of(result.removals) ==
          std::vector<std::uint64_t>{0b111 & ~first, 0b111 & ~first & ~second});
  }
  CHECK(order_matters);  // with seed 2; otherwise this checks nothing
}

TEST_CASE("the iterative schedule continues until a budget of costs is met, and no further") {
  const Example example;
  for (const double share : {0.05, 0.25, 0.45}) {
    Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
    const auto result =
        prune_iteratively(example.model, pruner, example.data, by(ReduceMacs{share}, false));
    const auto macs = [&](ModuleMask mask) {
      return static_cast<double>(cost_of(pruned(example.model, mask), 7).macs);
    };
    const double limit = (1 - share) * macs({0b111});
    REQUIRE_FALSE(result.removals.empty());
    for (std::size_t i = 0; i + 1 < result.removals.size(); ++i)
      CHECK(macs(result.removals[i].mask) > limit);
    CHECK(macs(result.removals.back().mask) <= limit);
    CHECK(result.model.form.kept() == result.removals.back().mask);
    CHECK(epochs_of(result.removals) == std::vector<std::size_t>(result.removals.size(), 0));
  }
}

TEST_CASE("the iterative schedule takes back the removal that exceeds a budget of losses") {
  const Example example;
  auto options = by(LossAtMost{});
  options.fine_tuning.rate = 1e-7;  // too low to make up for a removal
  const auto limited = [&](double increase) {
    options.budget = LossAtMost{increase};
    Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
    auto result = prune_iteratively(example.model, pruner, example.data, options);
    CHECK(pruner.scores() == std::vector<double>{3, 1, 2});
    return result;
  };
  // The cost of each removal after fine-tuning, and the remaining models.
  const auto before = error_profile(example.model, example.data.validation).by_window;
  NoObserver nobody;
  std::vector<Model> models{example.model};
  std::vector<double> costs{0};
  for (const std::uint64_t mask : {0b101u, 0b001u, 0b000u}) {
    models.push_back(
        pruned(models.back(), {mask}, example.data.training, tuning.seed, example.data.team));
    fine_tune(models.back(), example.data, options.fine_tuning, nobody);
    const Estimate change =
        loss_change(before, error_profile(models.back(), example.data.validation).by_window);
    costs.push_back(change.mean + change.error);
  }
  REQUIRE((0 < costs[1] && costs[1] < costs[2]));
  const double highest = *std::ranges::max_element(costs);
  for (const auto& [limit, left] : {std::pair{costs[1] - 1e-6, 0u},
                                    {costs[1] + 1e-6, 1u},
                                    {costs[2] - 1e-6, 1u},
                                    {highest + 1e-6, 3u}}) {
    INFO("limit " << limit << ", " << left << " removals");
    const auto result = limited(limit);
    CHECK(result.removals.size() == left);
    CHECK(example::same_parameters(result.model, models[left]));
    CHECK(result.history.size() ==
          2 * std::min<std::size_t>(left + 1, 3));  // the undone removal was fine-tuned as well
  }
  Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  CHECK(message_of<ConfigError>([&] {
          (void)prune_iteratively(example.model, pruner, example.data, by(LossAtMost{-0.9}));
        }).starts_with("no removal meets a loss of -90.0 %: after the first it is "));
}

TEST_CASE(
    "the iterative schedule says before the work that a budget cannot be met, and the pruner keeps "
    "its model") {
  const Example example;
  Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  std::size_t steps = 0;
  const auto run = [&](Budget budget, const PruningOptions& options) {
    auto mine = options;
    mine.budget = budget;
    (void)prune_iteratively(example.model, pruner, example.data, mine, {},
                            [&](const Progress&) { ++steps; });
  };
  CHECK(message_of<ConfigError>([&] { run(DropLowest{4}, by({})); }) ==
        "cannot drop 4 modules: the model has 3");
  CHECK_THROWS_AS(run(ReduceMacs{0.99}, by({})), ConfigError);
  CHECK(steps == 0);
  auto diverging = by({});
  diverging.fine_tuning.rate = 1e30;
  CHECK_THROWS_AS(run(DropLowest{2}, diverging), NumericError);
  CHECK(steps > 0);
  CHECK(pruner.scores() == std::vector<double>{3, 1, 2});
  CHECK(pruner.choose(DropLowest{1}).bits == 0b101);
}

TEST_CASE("the iterative schedule drops every score below a threshold, as choosing does") {
  const Example example;
  Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  for (const auto& [threshold, mask] :
       {std::pair{0.5, 0b111u}, {1.5, 0b101u}, {2.0, 0b101u}, {2.5, 0b001u}, {9.0, 0u}})
    CHECK(prune_iteratively(example.model, pruner, example.data, by(DropBelow{threshold}, false))
              .model.form.kept()
              .bits == mask);

  // Module 0 is below the threshold but cannot be told apart from module 1, which is above it and
  // is removed first by depth.
  const auto unsure = [](std::size_t module, std::size_t step) {
    return module == 0 ? (step / 2 % 2 ? -1 : 1.2) : module == 1 ? 0.3 : 9.0;
  };
  auto watched = example.model;
  Pruner<Model, Played> listener(watched, Played(unsure), 0);
  Trainer<Model> trainer(watched, training);
  const example::RandomBatch<float> batch(config, 4);
  for (int step = 0; step < 8; ++step) trainer.step(batch.batch, 1e-4, listener);
  listener.go_on_with(example.model);
  REQUIRE(drop_order({0b111}, listener.scores(), {}, listener.spread()->standard_error)[0] == 1);
  REQUIRE(listener.choose(DropBelow{0.2}).bits == 0b110);
  CHECK(prune_iteratively(example.model, listener, example.data, by(DropBelow{0.2}, false))
            .model.form.kept()
            .bits == 0b110);
}

TEST_CASE(
    "the iterative schedule says when scores have changed so that the budget is out of reach") {
  const Example<Crossformer<float>> example(guarded);
  const auto fickle =
      [](std::size_t module,
         std::size_t step) {  // at first 7 goes before 4; scale 1 is then read by nobody
        return module == 4 && step >= 3 ? -100.0 : module == 4 ? 9.0 : static_cast<double>(module);
      };
  auto watched = example.model;
  Pruner<Crossformer<float>, Played> pruner(watched, Played(fickle), 0);
  Trainer<Crossformer<float>> trainer(watched, training);
  const example::RandomBatch<float> batch(guarded, 4);
  for (int step = 0; step < 3; ++step) trainer.step(batch.batch, 1e-4, pruner);
  pruner.go_on_with(example.model);
  const auto macs = [&](std::uint64_t mask) {
    return static_cast<double>(cost_of(pruned(example.model, {mask}), 7).macs);
  };
  REQUIRE(macs(0b0001'0000) < macs(0b1000'0000));
  const auto least = by(ReduceMacs{1 - macs(0b0001'0000) / macs(0xff) - 1e-9});
  CHECK(prune_one_shot(example.model, pruner, example.data, least).model.form.kept().bits ==
        0b0001'0000);
  CHECK(message_of<ConfigError>([&] {
          (void)prune_iteratively(example.model, pruner, example.data, least);
        }).starts_with("the model without all removable modules does not meet MACs -"));
}

TEST_CASE("one of the guarded modules stays by every schedule") {
  const Example<Crossformer<float>> example(guarded);
  using TestedPruner = Pruner<Crossformer<float>, Scripted>;
  TestedPruner pruner(example.model, Scripted({8, 7, 6, 5, 1, 4, 3, 2}));
  const auto seven = by(DropLowest{7}, false);
  CHECK(prune_one_shot(example.model, pruner, example.data, seven).model.form.kept().bits ==
        0b1000'0000);
  CHECK(prune_iteratively(example.model, pruner, example.data, seven).model.form.kept().bits ==
        0b1000'0000);
  auto two_epochs = training;
  two_epochs.epochs = 2;
  CHECK(prune_in_training(example.model, pruner, example.data, two_epochs, seven)
            .model.form.kept()
            .bits == 0b1000'0000);
  CHECK_THROWS_AS(
      (void)prune_in_training(example.model, pruner, example.data, two_epochs, by(DropLowest{8})),
      ConfigError);
  CHECK(pruner.scores().size() == 8);
  CHECK(pruner.scores()[3] == 5);
}

}  // namespace schedules_tests
