// Options that make modules removable: LayerDrop, averaged weights, distillation, and a training
// that continues with fewer modules.
#include <spat/models/patchtst.hpp>
#include <spat/prune/surgery.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/training_state.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace options_tests {

using namespace spat;

namespace {

using Model = ITransformer<double>;
constexpr ITransformerConfig config{.channels = 3,
                                    .lookback = 12,
                                    .horizon = 4,
                                    .width = 8,
                                    .ffn_width = 8,
                                    .heads = 2,
                                    .depth = 3,
                                    .kept = ModuleMask{0b111}};

const example::SyntheticWindows<double>& windows() {
  static const example::SyntheticWindows<double> all(config, 8);
  return all;
}

std::vector<std::vector<double>> values_of(const Model& model) {
  std::vector<std::vector<double>> all;
  for (const auto& parameter : parameters(model))
    all.emplace_back(parameter.values.begin(), parameter.values.end());
  return all;
}

}  // namespace

TEST_CASE("LayerDrop leaves each module out at its rate, and the forecast keeps all of them") {
  std::size_t skipped = 0;
  for (std::uint64_t step = 0; step < 20000; ++step) {
    Pass pass{.training = true, .seed = 3, .step = step, .layer_drop = 0.2};
    skipped += pass.at(step % 4).skips_module();
    pass.training = false;
    CHECK_FALSE(pass.at(step % 4).skips_module());
  }
  CHECK(static_cast<double>(skipped) / 20000 ==
        Approx(0.2).margin(0.012));  // four standard deviations
}

TEST_CASE("LayerDrop decides about each module by itself") {
  std::size_t both = 0;
  for (std::uint64_t step = 0; step < 20000; ++step) {
    const Pass pass{.training = true, .seed = 3, .step = step, .layer_drop = 0.2};
    both += pass.at(0).skips_module() && pass.at(1).skips_module();
  }
  CHECK(static_cast<double>(both) / 20000 ==
        Approx(0.2 * 0.2).margin(0.006));  // four standard deviations
}

TEST_CASE(
    "averaged weights are the average of the steps' weights, and what is validated and kept") {
  for (const Averaging kind : {Averaging::ema, Averaging::swa}) {
    auto model = example::made<Model>({config});
    const std::size_t first = 2;
    Trainer<Model> trainer(model,
                           {.epochs = 3,
                            .batch_size = 16,
                            .rate = 1e-2,
                            .averaging = {.kind = kind, .decay = 0.9, .first_epoch = first}});
    auto twin = example::made<Model>({config});
    Trainer<Model> plain(twin, {.epochs = 3, .batch_size = 16, .rate = 1e-2});
    std::vector<std::vector<double>> average;
    double steps = 0;
    NoObserver nobody;
    for (std::size_t epoch = 1; epoch <= 3; ++epoch) {
      plain.run_epoch(windows().training, windows().validation, nobody, [&](const Progress& p) {
        if (p.finished || p.epoch < first) return;
        const auto now = values_of(twin);
        const double t = ++steps;
        if (average.empty()) average = now;
        const double share =
            kind == Averaging::swa ? 1 / t : (t == 1 ? 1 : 1 - std::min(0.9, (1 + t) / (10 + t)));
        for (std::size_t k = 0; k < now.size(); ++k)
          for (std::size_t i = 0; i < now[k].size(); ++i)
            average[k][i] += share * (now[k][i] - average[k][i]);
      });
      const EpochRecord& report =
          trainer.run_epoch(windows().training, windows().validation, nobody);
      CHECK(values_of(model) == values_of(twin));  // training's own weights are not touched
      if (epoch < first) {
        CHECK(report.validation_mse == plain.history().back().validation_mse);
        continue;
      }
      auto expected = example::made<Model>({config});
      auto list = parameters(expected);
      for (std::size_t k = 0; k < list.size(); ++k)
        std::ranges::copy(average[k], list[k].values.begin());
      CHECK(report.validation_mse ==
            Approx(evaluate(expected, windows().validation).mse).epsilon(1e-10));
      CHECK(report.validation_mse != plain.history().back().validation_mse);
    }
  }
}

TEST_CASE("distillation learns from the blend of target and teacher") {
  auto teacher = example::made<Model>({config}, 5);
  Predictor<Model> predictor(teacher);
  const auto learned = [&](double share, bool has_teacher) {
    auto model = example::made<Model>({config}, 2);
    Trainer<Model> trainer(model, {.epochs = 1, .distillation = share});
    if (has_teacher)
      trainer.set_teacher(
          [&](const WindowBatch<double>& batch) { return predictor.forecast(batch); });
    const example::RandomBatch<double> data{config, 5};
    NoObserver nobody;
    return trainer.step(data.batch, 1e-3, nobody);
  };
  const example::RandomBatch<double> data{config, 5};
  auto model = example::made<Model>({config}, 2);
  Predictor<Model> own(model);
  const auto y = own.forecast(data.batch), t = predictor.forecast(data.batch);
  double expected = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double goal = 0.3 * t.data()[i] + 0.7 * data.batch.target.data()[i];
    expected += (y.data()[i] - goal) * (y.data()[i] - goal) / static_cast<double>(y.size());
  }
  CHECK(learned(0.3, true) == Approx(expected).epsilon(1e-12));
  CHECK(learned(0, true) == learned(0, false));
  CHECK(message_of<ConfigError>([&] { (void)learned(0.3, false); }) ==
        "distillation needs a teacher: call set_teacher()");
}

TEST_CASE(
    "a training goes on with fewer modules: rates, steps, moments and averages as they were") {
  const TrainingOptions options{.epochs = 4,
                                .batch_size = 16,
                                .rate = 1e-2,
                                .averaging = {.kind = Averaging::ema, .decay = 0.9}};
  auto model = example::made<Model>({config});
  Trainer<Model> before(model, options);
  NoObserver nobody;
  before.run_epoch(windows().training, windows().validation, nobody);
  before.run_epoch(windows().training, windows().validation, nobody);

  // Nothing is dropped: the same bytes as a training that was never interrupted.
  auto copy = model;
  auto same = continued(copy, before);
  CHECK(same.history().size() == 2);
  const EpochRecord goes_on = same.run_epoch(windows().training, windows().validation, nobody);
  Model small = pruned(model, {0b010});
  auto fewer = continued(small, before);
  const EpochRecord report = fewer.run_epoch(windows().training, windows().validation, nobody);
  const EpochRecord straight = before.run_epoch(windows().training, windows().validation, nobody);
  CHECK(goes_on.validation_mse == straight.validation_mse);
  CHECK(values_of(copy) == values_of(model));
  CHECK((report.epoch == 3 && report.rate == straight.rate && report.best));

  auto dense = example::made<Model>({config});
  CHECK(message_of<ConfigError>([&] { (void)continued(dense, fewer); }) ==
        "a training can only go on with fewer modules");
}

TEST_CASE(
    "a training of batch statistics goes on with fewer modules: statistics are the smaller "
    "model's, all else "
    "survives") {
  using Normalized = PatchTST<double>;
  constexpr PatchTSTConfig patches{.channels = 7,
                                   .lookback = 12,
                                   .horizon = 4,
                                   .width = 8,
                                   .ffn_width = 8,
                                   .heads = 2,
                                   .depth = 2,
                                   .patch = 4,
                                   .stride = 2,
                                   .kept = ModuleMask{0b11}};
  const example::SyntheticWindows<double> series(patches, 8);
  const TrainingOptions options{.epochs = 3,
                                .batch_size = 16,
                                .rate = 1e-2,
                                .averaging = {.kind = Averaging::ema, .decay = 0.9}};
  NoObserver nobody;
  auto model = example::made<Normalized>({patches}, 2, 0.1);
  Trainer<Normalized> before(model, options);
  before.run_epoch(series.training, series.validation, nobody);

  auto copy = model;
  auto same = continued(copy, before);
  auto fewer = detail::pruned_as_it_is(model, {0b10});
  reestimate_statistics(fewer, series.training, 1, nullptr, 3, 16);
  const auto statistics = fewer.norm.running_mean;
  auto smaller = continued(fewer, before);
  CHECK(example::same_bits(fewer.norm.running_mean.flat(), statistics.flat()));
  CHECK(fewer.norm.batches.data()[0] == model.norm.batches.data()[0] + 3);

  const double goes_on = same.run_epoch(series.training, series.validation, nobody).validation_mse;
  const EpochRecord report = smaller.run_epoch(series.training, series.validation, nobody);
  CHECK(before.run_epoch(series.training, series.validation, nobody).validation_mse == goes_on);
  CHECK(example::same_parameters(copy, model));
  CHECK((report.epoch == 2 && report.best && std::isfinite(report.validation_mse)));
  CHECK_FALSE(example::same_bits(fewer.norm.running_mean.flat(), statistics.flat()));
}

TEST_CASE("a training continues from its averages if it has any") {
  auto model = example::made<Model>({config});
  const TrainingOptions options{.epochs = 1,
                                .batch_size = 16,
                                .rate = 1e-2,
                                .averaging = {.kind = Averaging::ema, .decay = 0.9}};
  Trainer<Model> before(model, options);
  NoObserver nobody;
  const double averaged =
      before.run_epoch(windows().training, windows().validation, nobody).validation_mse;
  auto same = continued(model, before);
  same.consider_start(windows().training, windows().validation);
  CHECK(same.stopping().best == averaged);
  same.take_best();
  CHECK(evaluate(model, windows().validation).mse == averaged);
}

TEST_CASE("a resumed training has its averages") {
  const TemporaryFolder folder;
  const TrainingOptions options{.epochs = 3,
                                .batch_size = 16,
                                .rate = 1e-2,
                                .layer_drop = 0.3,
                                .averaging = {.kind = Averaging::swa, .first_epoch = 2}};
  NoObserver nobody;
  auto straight = example::made<Model>({config});
  Trainer<Model> all(straight, options);
  all.run_epoch(windows().training, windows().validation, nobody);
  all.run_epoch(windows().training, windows().validation, nobody);
  save_training(folder / "state", all, nobody);
  const double expected =
      all.run_epoch(windows().training, windows().validation, nobody).validation_mse;

  auto model = example::made<Model>({config}, 9);
  Trainer<Model> resumed(model, options);
  restore_training(folder / "state", resumed, nobody);
  CHECK(resumed.run_epoch(windows().training, windows().validation, nobody).validation_mse ==
        expected);
  CHECK(values_of(model) == values_of(straight));

  Trainer<Model> other(model, {.epochs = 3, .batch_size = 16, .rate = 1e-2});
  CHECK(message_of<ConfigError>([&] {
          restore_training(folder / "state", other, nobody);
        }).find("averaging") != std::string::npos);
}

TEST_CASE("options that no training can have are refused") {
  auto model = example::made<Model>({config});
  CHECK_THROWS_AS(Trainer<Model>(model, {.layer_drop = 1}), ConfigError);
  CHECK_THROWS_AS(Trainer<Model>(model, {.distillation = 1.1}), ConfigError);
  CHECK_THROWS_AS(Trainer<Model>(model, {.averaging = {.decay = 1}}), ConfigError);
  CHECK_THROWS_AS(parse_averaging("mean"), ConfigError);
}

TEST_CASE(
    "training options are by default those of the reference, and their limits can be reached") {
  const TrainingOptions usual;
  CHECK((usual.epochs == 10 && usual.batch_size == 32 && usual.patience == 3));
  CHECK((usual.rate == 1e-4 && usual.distillation == 0 && usual.clip_norm == 0));
  CHECK((usual.optimizer.beta1 == 0.9 && usual.optimizer.beta2 == 0.999));
  CHECK((usual.optimizer.epsilon == 1e-8 && usual.optimizer.weight_decay == 0));
  CHECK_NOTHROW(TrainingOptions{.distillation = 1}.check());
  CHECK_THROWS_AS(TrainingOptions{.distillation = 1.01}.check(), ConfigError);
  CHECK_THROWS_AS(TrainingOptions{.distillation = -0.01}.check(), ConfigError);
}

}  // namespace options_tests
