// A training learns, keeps the best weights, clips gradients, and stops at values that are not
// finite with an error that names the cause.
#include <spat/criteria/gate.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace trainer_tests {

using namespace spat;

namespace {

constexpr ITransformerConfig config{.channels = 7,
                                    .marks = 4,
                                    .lookback = 24,
                                    .horizon = 8,
                                    .width = 16,
                                    .ffn_width = 16,
                                    .heads = 2,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};
using Model = ITransformer<float>;

const example::SyntheticWindows<float>& windows() {
  static const example::SyntheticWindows<float> all(config, 4);
  return all;
}

/// The norm of the last gradient, from the first moments after one step: they are (1 - beta1) times
/// the gradient.
double gradient_norm(Trainer<Model>& trainer) {
  const TemporaryFolder folder;
  save_training(folder / "state", trainer, NoObserver{});
  const SafetensorsFile file(folder / "state");
  double squares = 0;
  for (const TensorInfo& tensor : file.tensors())
    if (tensor.name.starts_with("first."))
      for (const float value : file.read<float>(tensor.name))
        squares += double(value) * double(value);
  return std::sqrt(squares) / 0.1;
}

}  // namespace

TEST_CASE("training on the synthetic series lowers both errors") {
  auto model = example::made<Model>({config}, 1, 0.1);
  const double before = evaluate(model, windows().validation).mse;
  Trainer<Model> trainer(model, {.epochs = 5, .rate = 3e-3, .schedule = RateSchedule::constant});
  std::size_t steps = 0, finished = 0;
  trainer.fit(windows().training, windows().validation, [&](const Progress& progress) {
    CHECK(progress.step <= progress.steps);
    if (progress.finished) {
      ++finished;
      CHECK(progress.finished->epoch == progress.epoch);
    } else {
      CHECK(progress.step == steps++ % progress.steps + 1);
    }
  });
  const auto& history = trainer.history();
  REQUIRE(history.size() == 5);
  CHECK(finished == 5);
  CHECK(steps == 5 * divide_up<std::size_t>(windows().training.size(), 32));
  CHECK(history.back().training_loss < 0.7 * history.front().training_loss);
  CHECK(history.back().validation_mse < 0.7 * before);
}

TEST_CASE("after fit the model holds the weights of its best epoch") {
  auto model = example::made<Model>({config});
  Trainer<Model> trainer(model, {.epochs = 4, .patience = 2, .rate = 1e-3});
  NoObserver nobody;
  trainer.run_epoch(windows().training, windows().validation, nobody);
  trainer.run_epoch(windows().training, windows().validation, nobody);
  const auto best = model;
  const double best_mse =
      std::min(trainer.history()[0].validation_mse, trainer.history()[1].validation_mse);
  REQUIRE(trainer.stopping().best_epoch == 2);
  for (const auto& parameter : parameters(model))
    for (float& value : parameter.values) value += 1;  // an accident
  trainer.fit(windows().training, windows().validation);
  CHECK(trainer.history().size() == 4);
  CHECK(trainer.stopping().best_epoch == 2);
  CHECK(trainer.stopping().stops());
  CHECK(trainer.history()[3].validation_mse > best_mse);
  CHECK(evaluate(model, windows().validation).mse == best_mse);
  CHECK(example::same_parameters(model, best));
}

TEST_CASE("a start that counts is kept when training only makes it worse") {
  auto model = example::made<Model>({config});
  {
    Trainer<Model> trainer(model, {.epochs = 3, .rate = 3e-3});
    trainer.fit(windows().training, windows().validation);
  }
  const double before = evaluate(model, windows().validation).mse;
  Trainer<Model> trainer(model, {.epochs = 2, .rate = 0.3, .schedule = RateSchedule::constant});
  trainer.consider_start(windows().training, windows().validation);
  trainer.fit(windows().training, windows().validation);
  CHECK(trainer.stopping().best_epoch == 0);
  CHECK(evaluate(model, windows().validation).mse == before);
}

TEST_CASE("clipping scales the whole gradient to the norm that was asked for") {
  const example::RandomBatch<float> data(config, 16);
  const auto after_one_step = [&](double clip_norm, double& norm) {
    auto model = example::made<Model>({config});
    Trainer<Model> trainer(model, {.clip_norm = clip_norm});
    NoObserver nobody;
    trainer.step(data.batch, 1e-3, nobody);
    norm = gradient_norm(trainer);
    return model;
  };
  double free = 0, clipped = 0, loose = 0;
  auto without = after_one_step(0, free);
  after_one_step(free / 10, clipped);
  auto wide = after_one_step(free * 2, loose);
  CHECK(free > 0.01);
  CHECK(clipped == Approx(free / 10).epsilon(1e-5));
  CHECK(loose == free);
  CHECK(example::same_parameters(without, wide));
}

TEST_CASE("a loss that is not finite stops training at its step") {
  auto model = example::made<Model>({config});
  Trainer<Model> trainer(model, {});
  NoObserver nobody;
  const example::RandomBatch<float> good(config, 8);
  trainer.step(good.batch, 1e-3, nobody);
  example::RandomBatch<float> bad(config, 8);
  bad.target[17] = std::numeric_limits<float>::infinity();
  const auto before = model;
  CHECK(message_of<NumericError>([&] { trainer.step(bad.batch, 1e-3, nobody); }) ==
        "the loss is not finite at step 2");
  CHECK(example::same_parameters(model, before));

  model.norm.bias.flat()[1] = std::numeric_limits<float>::quiet_NaN();
  CHECK(message_of<NumericError>([&] { trainer.step(good.batch, 1e-3, nobody); }) ==
        "the loss is not finite at step 2");
}

TEST_CASE("a step that threw leaves nothing behind for the next one") {
  const example::RandomBatch<float> good(config, 8);
  example::RandomBatch<float> bad(config, 8, 3);
  bad.target[5] = std::numeric_limits<float>::infinity();
  NoObserver nobody;
  auto model = example::made<Model>({config}), untouched = model;
  Trainer<Model> trainer(model, {}), other(untouched, {});
  CHECK_THROWS_AS(trainer.step(bad.batch, 1e-3, nobody), NumericError);
  CHECK(trainer.step(good.batch, 1e-3, nobody) == other.step(good.batch, 1e-3, nobody));
  CHECK(example::same_parameters(model, untouched));
}

TEST_CASE("a gradient that is not finite stops training and is named") {
  auto model = example::made<Model>({config});
  Trainer<Model> trainer(model, {});
  example::RandomBatch<float> data(config, 8);
  for (float& value : data.history)
    value *= 1e17f;  // the loss is summed in double and stays finite
  for (float& value : data.target) value = 3e38f;
  NoObserver nobody;
  const auto before = model;
  const std::string text =
      message_of<NumericError>([&] { trainer.step(data.batch, 1e-3, nobody); });
  CHECK(contains(text,
                 "the gradient of enc_embedding.value_embedding.weight is not finite at step 1"));
  CHECK(example::same_parameters(model, before));

  Pruner<Model> pruner(model);
  CHECK(contains(message_of<NumericError>([&] { trainer.step(data.batch, 1e-3, pruner); }),
                 "module "));
}

TEST_CASE("options that cannot be are refused with their rule") {
  auto model = example::made<Model>({config});
  const auto refused = [&](const TrainingOptions& options, const char* what) {
    CHECK(contains(message_of<ConfigError>([&] { Trainer<Model>(model, options); }), what));
  };
  refused({.epochs = 0}, "epochs");
  refused({.batch_size = 0}, "batch size");
  refused({.rate = 0}, "learning rate");
  refused({.rate = std::nan("")}, "learning rate");
  refused({.clip_norm = -1}, "clipping norm");
}

TEST_CASE("dropping the last batch leaves out a short one, and refuses to leave nothing") {
  const std::size_t count = windows().training.size();
  const auto steps = [&](std::size_t batch_size, bool drop_last) {
    auto model = example::made<Model>({config});
    Trainer<Model> trainer(model, {.epochs = 1, .batch_size = batch_size, .drop_last = drop_last});
    std::size_t seen = 0;
    trainer.fit(windows().training, windows().validation,
                [&](const Progress& progress) { seen = progress.steps; });
    return seen;
  };
  REQUIRE(count % 32 != 0);
  CHECK(steps(32, true) == count / 32);
  CHECK(steps(32, false) == count / 32 + 1);
  CHECK(steps(count, true) == 1);
  CHECK(steps(count + 1, false) == 1);
  const std::string text = message_of<ConfigError>([&] { steps(count + 1, true); });
  CHECK(contains(text, std::to_string(count).c_str()));
  CHECK(contains(text, std::to_string(count + 1).c_str()));
}

TEST_CASE("a target of another shape is an error") {
  auto model = example::made<Model>({config});
  Trainer<Model> trainer(model, {});
  NoObserver nobody;
  const example::RandomBatch<float> data(config, 4);
  auto batch = data.batch;
  batch.target = {data.target.data(), 4 * config.horizon, 1};
  CHECK(message_of<ShapeError>([&] { trainer.step(batch, 1e-3, nobody); }) ==
        message("the forecast has ", config.channels, " channels, the target 1"));
  auto longer = config;
  longer.horizon += 2;
  const example::RandomBatch<float> more(longer, 4);
  CHECK(message_of<ShapeError>([&] { trainer.step(more.batch, 1e-3, nobody); }) ==
        message("the forecast has ", config.horizon, " steps, the target ", longer.horizon));
}

TEST_CASE("a training step refuses a batch without the target's rows") {
  auto model = example::made<Model>({config});
  Trainer<Model> trainer(model, {});
  NoObserver nobody;
  for (const std::size_t samples : {1u, 64u, 500u}) {
    INFO(samples << " samples");
    const example::RandomBatch<float> data(config, samples);
    auto batch = data.batch;
    batch.target = {data.target.data(), samples * config.horizon / 2, config.channels};
    CHECK(contains(message_of<ShapeError>([&] { trainer.step(batch, 1e-3, nobody); }),
                   "target: expected samples times horizon"));
    batch.target = {};
    CHECK_THROWS_AS(trainer.step(batch, 1e-3, nobody), ShapeError);
    CHECK(std::isfinite(trainer.step(data.batch, 1e-3, nobody)));
  }
}

TEST_CASE("a criterion of the summed loss sees all terms of the batch's mean") {
  const std::size_t samples = 5;
  const example::RandomBatch<float> data(config, samples);
  const auto scores = [&](LossReduction reduction) {
    auto model = example::made<Model>({config});
    Pruner<Model, Gate<float>> pruner(model, Gate<float>({.reduction = reduction}));
    Trainer<Model> trainer(model, {});
    trainer.step(data.batch, 1e-3, pruner);
    return pruner.scores();
  };
  const auto mean = scores(LossReduction::mean), sum = scores(LossReduction::sum);
  for (std::size_t i = 0; i < mean.size(); ++i)
    CHECK(sum[i] == Approx(mean[i] * double(samples * config.horizon * config.channels)));
}

TEST_CASE("dropout that is switched on between two steps has room in the caches") {
  auto model = example::made<Model>({config}), same = model;
  const example::RandomBatch<float> data(config, 64);
  Trainer<Model> trainer(model, {.seed = 3}), fresh(same, {.seed = 3});
  NoObserver nobody;
  trainer.step(data.batch, 1e-3, nobody);
  fresh.step(data.batch, 1e-3, nobody);
  model.set_dropout(0.3);
  const double loss = trainer.step(data.batch, 1e-3, nobody);
  same.set_dropout(0.3);
  CHECK(loss == fresh.step(data.batch, 1e-3, nobody));
  CHECK(std::isfinite(loss));
}

TEST_CASE("a model that is assigned another form under its trainer is an error") {
  auto model = example::made<Model>({config});
  const example::RandomBatch<float> data(config, 4);
  Trainer<Model> trainer(model, {});
  NoObserver nobody;
  trainer.step(data.batch, 1e-3, nobody);
  auto wide = config;
  wide.width = 32;
  model = example::made<Model>({wide});
  CHECK_THROWS_AS(trainer.step(data.batch, 1e-3, nobody), ConfigError);
  CHECK_THROWS_AS(trainer.fit(windows().training, windows().validation), ConfigError);
  CHECK_THROWS_AS(trainer.take_best(), ConfigError);
  auto moved = example::made<Model>({config});
  Trainer<Model> left(moved, {});
  moved = example::made<Model>({config}, 9);  // the same form, other memory
  CHECK_THROWS_AS(left.fit(windows().training, windows().validation), ConfigError);
}

TEST_CASE("a rate or an epsilon that no step can be made with is an error") {
  auto model = example::made<Model>({config});
  const auto before = model;
  const example::RandomBatch<float> data(config, 4);
  NoObserver nobody;
  Trainer<Model> trainer(model, {});
  for (const double rate : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK_THROWS_AS(trainer.step(data.batch, rate, nobody), NumericError);
  CHECK(example::same_parameters(model, before));
  TrainingOptions tiny;
  tiny.optimizer.epsilon = 1e-50;  // 0 in float
  CHECK_THROWS_AS(Trainer<Model>(model, tiny), ConfigError);
  auto moved = example::made<Model>({config});
  Trainer<Model> left(moved, {});
  moved = example::made<Model>({config}, 9);
  CHECK_THROWS_AS(left.parts(), ConfigError);
  CHECK_THROWS_AS(left.step(data.batch, 1e-3, nobody), ConfigError);
}

TEST_CASE("an index that is no window is an error") {
  WindowBuffer<float> buffer;
  const std::size_t beyond = windows().training.size();
  CHECK(contains(message_of<ShapeError>([&] {
                   (void)windows().training.gather({&beyond, 1}, buffer);
                 }),
                 std::to_string(beyond).c_str()));
}

}  // namespace trainer_tests
