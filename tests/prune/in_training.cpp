// Removal during training: when it is due, the same steps by hand, stop and resume, and errors.
#include <spat/criteria/any_criterion.hpp>
#include <spat/criteria/leave_one_out.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/in_training.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace in_training_tests {

using namespace spat;
using namespace scheduled;

TEST_CASE("a ranking has settled when the pieces of an epoch rank alike") {
  using Steps = std::vector<std::vector<double>>;
  const Steps same(6, {1, 2, 3});
  CHECK(settled(same, {}));
  CHECK(settled(Steps(3, {1, 2, 3}), {}));
  CHECK_FALSE(settled(Steps(2, {1, 2, 3}), {}));  // not a step for each piece
  CHECK_FALSE(settled({}, {}));
  // Means of pieces of two: 1 2 3, then the first two swapped, tau = 1/3.
  const Steps swapped{{0, 2, 3}, {2, 2, 3}, {1, 0, 3}, {1, 1, 3}, {1, 0, 3}, {1, 0, 3}};
  CHECK_FALSE(settled(swapped, {}));
  CHECK(settled(swapped, {.window = 3, .threshold = 0.3}));
  CHECK(settled(swapped, {.window = 2}) == false);  // 1 4/3 3 and 1 0 3
  const double nan = std::nan("");
  CHECK(settled({{1, nan, 3}, {1, nan, 3}, {nan, nan, 3}, {2, nan, 2.5}},
                {.window = 2}));  // silent steps do not count
  // Seven steps in three pieces: [0, 2), [2, 4), [4, 7).
  Steps seven(7, {1, 2});
  seven[6] = {9, 0};
  CHECK_FALSE(settled(seven, {}));
  seven[6] = {3.9, 2};  // the mean of its piece is (1.97, 2)
  CHECK(settled(seven, {}));
}

TEST_CASE(
    "in training, modules go as soon as the ranking has settled, at the latest when they have to") {
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  const Example example;
  const auto removal_of = [&](Played::Of of, std::size_t latest,
                              TrainingOptions options = training) {
    Pruner<Model, Played> pruner(fresh, Played(of));
    auto when = by(DropLowest{1});
    when.latest_epoch = latest;
    const auto result = prune_in_training(fresh, pruner, example.data, options, when);
    CHECK(result.history.size() == options.epochs);
    for (std::size_t e = 0; e < result.history.size(); ++e) CHECK(result.history[e].epoch == e + 1);
    REQUIRE(result.removals.size() == 1);
    CHECK(result.model.form.kept() == result.removals[0].mask);
    CHECK(result.removals[0].mask.count() == 2);
    CHECK(pruner.scores().size() == 3);
    for (const double score : pruner.scores()) CHECK(std::isfinite(score));  // of `model` again
    return result.removals[0].epoch;
  };
  CHECK(removal_of(settling, 0) == 2);
  CHECK(removal_of(settling, 1) == 1);
  CHECK(removal_of(restless, 0) == 2);  // half of five
  CHECK(removal_of(restless, 3) == 3);
  CHECK(removal_of(restless, 9) == 5);  // the training is over
  auto longer = training;
  longer.epochs = 8;
  CHECK(removal_of(restless, 0, longer) == 4);
  CHECK(removal_of(settling, 0, longer) == 2);
}

TEST_CASE("modules removed in the warm-up keep their scores from the warm-up") {
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  const Example<Model> example;
  Pruner<Model> pruner(fresh);  // SEND, with one epoch of warm-up
  auto when = by(DropLowest{1});
  when.latest_epoch = 1;
  const auto result = prune_in_training(fresh, pruner, example.data, training, when);
  REQUIRE(epochs_of(result.removals) == std::vector<std::size_t>{1});
  for (std::size_t i = 0; i < 3; ++i) {
    INFO("module " << i);
    const bool stayed = result.removals[0].mask.keeps(i);
    CHECK(std::isfinite(pruner.scores()[i]));
    CHECK((pruner.scores()[i] == pruner.trajectory().front()[i]) != stayed);
  }
}

TEMPLATE_TEST_CASE(
    "in training, all is a plain training until modules go, and one that goes on with fewer from "
    "there",
    "", ITransformer<float>, PatchTST<float>) {
  constexpr bool batch_normalized = BatchNormalized<TestType>;
  const auto own = [] {
    if constexpr (batch_normalized)
      return patches;
    else
      return config;
  }();
  const auto fresh = example::made<TestType>({own}, 3, 0.1);
  const Example<TestType> example(own);
  auto when = by(DropLowest{2});
  when.latest_epoch = 3;
  Pruner<TestType, Played> pruner(fresh, Played(restless));
  const auto result = prune_in_training(fresh, pruner, example.data, training, when);
  REQUIRE(epochs_of(result.removals) == std::vector<std::size_t>{3});

  auto dense = fresh;
  Trainer<TestType> plain(dense, training);
  NoObserver nobody;
  for (int epoch = 0; epoch < 3; ++epoch)
    plain.run_epoch(example.data.training, example.data.validation, nobody);
  auto fewer = pruned(dense, result.removals[0].mask, example.data.training, training.seed,
                      example.data.team);
  auto rest = continued(fewer, plain);
  rest.fit(example.data.training, example.data.validation);
  CHECK(same_epochs(result.history, rest.history()));
  CHECK(example::same_parameters(result.model, fewer));

  for (const std::size_t workers : {1u, 2u}) {
    Team team(workers);
    Pruner<TestType, Played> other(fresh, Played(restless));
    const PruningData<float> data{example.data.training, example.data.validation, &team};
    const auto same = prune_in_training(fresh, other, data, training, when);
    CHECK(same_epochs(same.history, result.history));
    CHECK(example::same_parameters(same.model, result.model));
    CHECK(masks_of(same.removals) == masks_of(result.removals));
  }
}

TEST_CASE("in training by SEND, the bytes are the same on any number of workers") {
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  const Example example;
  const auto pruned_by = [&](std::size_t workers) {
    Team team(workers);
    Pruner<Model> pruner(fresh);
    return prune_in_training(fresh, pruner, {example.data.training, example.data.validation, &team},
                             training, by(ReduceParameters{0.2}));
  };
  const auto one = pruned_by(1), two = pruned_by(2), again = pruned_by(1);
  CHECK(one.removals[0].mask.count() < 3);
  for (const auto* other : {&two, &again}) {
    CHECK(example::same_parameters(other->model, one.model));
    CHECK(same_epochs(other->history, one.history));
    CHECK(epochs_of(other->removals) == epochs_of(one.removals));
  }
}

TEST_CASE("in training, a budget that asks for nothing is a plain training that removes nothing") {
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  const Example example;
  Pruner<Model, Played> pruner(fresh, Played(settling));
  const auto result = prune_in_training(fresh, pruner, example.data, training, by(DropLowest{0}));
  auto plain = fresh;
  Trainer<Model> trainer(plain, training);
  trainer.fit(example.data.training, example.data.validation);
  CHECK(result.removals.empty());
  CHECK(same_epochs(result.history, trainer.history()));
  CHECK(example::same_parameters(result.model, plain));
}

TEST_CASE("in training, early stopping continues with the smaller model") {
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  const Example example;
  auto hasty = training;
  hasty.epochs = 6, hasty.patience = 1, hasty.rate = 0.1, hasty.schedule = RateSchedule::constant;
  auto plain = fresh;
  Trainer<Model> trainer(plain, hasty);
  trainer.fit(example.data.training, example.data.validation);
  const std::size_t stopped = trainer.history().size();
  REQUIRE(stopped < 5);
  auto when = by(DropLowest{1});
  when.latest_epoch = 6;
  Pruner<Model, Played> pruner(fresh, Played(restless));
  const auto result = prune_in_training(fresh, pruner, example.data, hasty, when);
  CHECK(epochs_of(result.removals) == std::vector<std::size_t>{stopped});
  CHECK(result.history.size() > stopped);
}

TEST_CASE(
    "in training with averaged weights, modules that go after the last epoch leave averages") {
  const auto fresh = example::made<Model>({config}, 3);
  const Example example;
  auto averaging = training;
  averaging.epochs = 2, averaging.averaging = {.kind = Averaging::swa};
  auto when = by(DropLowest{1});
  when.latest_epoch = 2;
  Pruner<Model, Played> pruner(fresh, Played(settling));
  const auto result = prune_in_training(fresh, pruner, example.data, averaging, when);
  auto dense = fresh;
  Trainer<Model> trainer(dense, averaging);
  trainer.fit(example.data.training, example.data.validation);
  REQUIRE(trainer.stopping().best_epoch == 2);
  CHECK(example::same_parameters(result.model, pruned(dense, result.removals.at(0).mask)));
}

TEST_CASE(
    "in training leave-one-out hears its losses when modules are to go, and an unreachable budget "
    "is said before the "
    "work") {
  const example::SyntheticWindows<float> windows(config, 8);
  const PruningData<float> data{windows.training, windows.validation};
  const auto dense = example::made<Model>({config});
  Pruner<Model, LeaveOneOut<float>> pruner(dense);
  const TrainingOptions training{.epochs = 2, .batch_size = 16, .rate = 1e-3};
  const auto result = prune_in_training(dense, pruner, data, training, {.budget = DropLowest{1}});
  CHECK(result.model.form.kept().count() == 2);
  std::size_t steps = 0;
  CHECK(message_of<ConfigError>([&] {
          (void)prune_in_training(dense, pruner, data, training, {.budget = ReduceMacs{0.999}},
                                  [&](const Progress&) { ++steps; });
        }).starts_with("no mask meets MACs"));
  CHECK(steps == 0);
}

TEST_CASE("in training with averaged weights, a budget of losses is measured on the averages") {
  const auto fresh = example::made<Model>({config}, 3);
  const Example<Model> example;
  auto averaging = training;
  averaging.epochs = 3, averaging.averaging = {.kind = Averaging::swa};
  auto when = by(DropLowest{1});
  when.latest_epoch = 2;
  Pruner<Model, LeaveOneOut<float>> pruner(fresh);
  (void)prune_in_training(fresh, pruner, example.data, averaging, when);
  auto dense = fresh;  // as it is after two epochs
  Trainer<Model> trainer(dense, averaging);
  NoObserver nobody;
  for (int epoch = 0; epoch < 2; ++epoch)
    trainer.run_epoch(example.data.training, example.data.validation, nobody);
  const auto rises = [&] {
    Pruner<Model, LeaveOneOut<float>> judge(dense);
    hear_losses(judge, dense, example.data, averaging.seed);
    return judge.scores();
  };
  CHECK(pruner.scores() == trainer.with_averages(example.data.training, rises));
  CHECK(pruner.scores() != rises());
}

TEMPLATE_TEST_CASE(
    "in training, a run that stopped goes on to the same bytes, before and after modules went", "",
    ITransformer<float>, PatchTST<float>) {
  const auto own = [] {
    if constexpr (BatchNormalized<TestType>)
      return patches;
    else
      return config;
  }();
  const auto fresh = example::made<TestType>({own}, 3, 0.1);
  const Example<TestType> example(own);
  using Pruning = InTrainingPruning<TestType, Send<float>>;
  using TestedPruner = Pruner<TestType>;
  auto when = by(DropLowest{2});
  when.latest_epoch = 2;
  const TemporaryFolder folder;
  const std::string file = folder / "state.safetensors", again = folder / "again.safetensors";

  TestedPruner whole_pruner(fresh);
  Pruning whole(fresh, whole_pruner, example.data, training, when);
  while (whole.unfinished()) whole.run_epoch();
  whole.save(again);
  const auto expected = whole.result();
  REQUIRE(epochs_of(expected.removals) == std::vector<std::size_t>{2});

  for (const std::size_t stop : {1u, 2u, 3u, 4u}) {
    INFO("stopped after epoch " << stop);
    {
      TestedPruner pruner(fresh);
      Pruning pruning(fresh, pruner, example.data, training, when);
      for (std::size_t epoch = 0; epoch < stop; ++epoch) pruning.run_epoch();
      pruning.save(file);
    }
    TestedPruner pruner(fresh);
    Pruning pruning(fresh, pruner, example.data, training, when);
    pruning.restore(file);
    CHECK(pruning.history().size() == stop);
    while (pruning.unfinished()) pruning.run_epoch();
    pruning.save(file);
    CHECK(content_of(file) == content_of(again));
    const auto result = pruning.result();
    CHECK(example::same_parameters(result.model, expected.model));
    CHECK(masks_of(result.removals) == masks_of(expected.removals));
    CHECK(epochs_of(result.removals) == std::vector<std::size_t>{2});
    CHECK(example::same_bits(pruner.scores(), whole_pruner.scores()));
  }
}

TEST_CASE(
    "a pruner out of a finished training's state is as sure of its scores as it was, and chooses "
    "the same") {
  const Example<Model> example;
  const TemporaryFolder folder;
  const std::string file = folder / "state.safetensors";
  const auto fresh = example::made<Model>({config}, 3, 0.1);
  auto model = fresh;
  Pruner<Model> pruner(model);
  Trainer<Model> trainer(model, training);
  trainer.fit(example.data.training, example.data.validation, pruner);
  save_training(file, trainer, pruner);

  auto other = fresh;
  Pruner<Model> restored(other);
  Trainer<Model> again(other, training);
  restore_training(file, again, restored);
  REQUIRE(pruner.spread());
  REQUIRE(restored.spread());
  CHECK(restored.spread()->standard_error == pruner.spread()->standard_error);
  for (std::size_t count = 0; count < 3; ++count)
    CHECK(restored.choose(DropLowest{count}) == pruner.choose(DropLowest{count}));

  // The numbers of another criterion are not a state of this one.
  Pruner<Model, AnyCriterion<float>> entropy(model, make_criterion<float>("entropy"));
  save_training(file, trainer, entropy);
  const auto scores = restored.scores();
  CHECK_THROWS_AS(restore_training(file, again, restored), FileError);
  CHECK(restored.scores() == scores);
}

TEST_CASE("in training, the teacher counts from the first epoch on, and after the removal") {
  const Example<Model> example;
  const auto fresh = example::made<Model>({config}, 4, 0.1);
  auto distilling = training;
  distilling.epochs = 3, distilling.distillation = 1;
  std::size_t asked = 0;
  Predictor<Model> predictor(example.model);
  const auto teacher = [&](const WindowBatch<float>& batch) {
    return ++asked, predictor.forecast(batch);
  };
  Pruner<Model> pruner(fresh);
  const auto result =
      prune_in_training(fresh, pruner, example.data, distilling, by(DropLowest{1}), {}, teacher);
  CHECK(result.history.size() == 3);
  CHECK(asked == 3 * divide_up<std::size_t>(example.data.training.size(), 16));
}

TEST_CASE("in training, the state of another training is refused") {
  const auto fresh = example::made<Model>({config}, 3);
  const Example<Model> example;
  const TemporaryFolder folder;
  const std::string file = folder / "state.safetensors";
  Pruner<Model> pruner(fresh);
  InTrainingPruning<Model, Send<float>> pruning(fresh, pruner, example.data, training,
                                                by(DropLowest{1}));
  CHECK_THROWS_AS(pruning.restore(file), FileError);  // there is none

  auto dense = fresh;
  Trainer<Model> plain(dense, training);
  Pruner<Model> watching(dense);
  save_training(file, plain, watching);
  CHECK(message_of<ConfigError>([&] {
          pruning.restore(file);
        }).ends_with("is the state of a training that removes no modules"));

  // A removal after an epoch that does not exist or is no number: the row is as it is in the file.
  auto when = by(DropLowest{1});
  when.latest_epoch = 1;
  Pruner<Model> of_early(fresh);
  InTrainingPruning<Model, Send<float>> early(fresh, of_early, example.data, training, when);
  early.run_epoch();
  early.save(file);
  const std::string bytes = content_of(file);
  const ModuleMask left = early.result().removals.at(0).mask;
  const auto row = [&](double epoch) {
    const double numbers[]{1, epoch, left.keeps(0) ? 1.0 : 0, left.keeps(1) ? 1.0 : 0,
                           left.keeps(2) ? 1.0 : 0};
    return std::string(reinterpret_cast<const char*>(numbers), sizeof numbers);
  };
  const std::size_t at = bytes.find(row(1));
  REQUIRE(at != std::string::npos);
  for (const double epoch : {2.0, 0.0, -1.0, 1e300, std::nan("")}) {
    INFO("epoch " << epoch);
    std::string other = bytes;
    (void)folder.put("state.safetensors", other.replace(at, row(epoch).size(), row(epoch)));
    CHECK_THROWS_AS(early.restore(file), FileError);
  }
  (void)folder.put("state.safetensors", bytes);
  CHECK_NOTHROW(early.restore(file));

  // The refused files changed nothing: the training continues as if there had been none.
  auto faster = training;
  faster.rate *= 2;
  Pruner<Model> of_faster(fresh);
  InTrainingPruning<Model, Send<float>> another(fresh, of_faster, example.data, faster,
                                                by(DropLowest{1}));
  another.save(file);
  CHECK_THROWS_AS(early.restore(file), ConfigError);
  early.save(file, "drop 1");
  CHECK(message_of<ConfigError>([&] {
          early.restore(file, "drop 2");
        }).ends_with("was written by a training of \"drop 1\", this one is of \"drop 2\""));
  CHECK(early.history().size() == 1);
  early.save(file);
  CHECK(content_of(file) == bytes);
  CHECK(early.result().removals.at(0).mask == left);

  pruning.run_epoch();
  pruning.save(file);
  constexpr ITransformerConfig shallow = [] {
    ITransformerConfig two = config;
    two.depth = 2, two.kept = ModuleMask::first(2);
    return two;
  }();
  const auto other = example::made<Model>({shallow}, 3);
  Pruner<Model> of_other(other);
  InTrainingPruning<Model, Send<float>> smaller(other, of_other, example.data, training,
                                                by(DropLowest{1}));
  CHECK_THROWS_AS(smaller.restore(file), ShapeError);
  smaller.run_epoch();  // it is unchanged and continues
  CHECK(smaller.history().size() == 1);
}

}  // namespace in_training_tests
