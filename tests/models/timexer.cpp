// TimeXer: gradients whole and pruned; training and forecasts of all variates and of one; refused
// sizes.
#include <spat/models/predictor.hpp>
#include <spat/models/timexer.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>
#include <tests/support/errors.hpp>

namespace timexer_tests {

using namespace spat;

namespace {

/// Four modules. The patch does not divide the lookback, and no size is a multiple of a vector.
constexpr TimeXerConfig all{.channels = 3,
                            .marks = 2,
                            .targets = 3,
                            .lookback = 14,
                            .horizon = 5,
                            .width = 6,
                            .ffn_width = 10,
                            .heads = 3,
                            .depth = 2,
                            .patch = 4,
                            .kept = ModuleMask{0b1111}};

/// The same configuration, forecasting only the last `targets` variates.
constexpr TimeXerConfig forecasting(std::size_t targets, TimeXerConfig config = all) {
  config.targets = targets;
  return config;
}

/// The seven channels and four marks of the synthetic series, in micro-batches of a few samples; a
/// batch of four is one micro-batch.
constexpr TimeXerConfig blocks{.channels = 7,
                               .marks = 4,
                               .targets = 7,
                               .lookback = 24,
                               .horizon = 8,
                               .width = 16,
                               .ffn_width = 512,
                               .heads = 2,
                               .depth = 2,
                               .patch = 6,
                               .kept = ModuleMask{0b1111}};
constexpr TimeXerConfig layers = [](TimeXerConfig config) {
  return config.width = 48, config.ffn_width = 64, config.heads = 4, config;
}(blocks);

using Model = TimeXer<float>;
static_assert(Forecaster<Model> && PrunableModel<Model> && !BatchNormalized<Model>);
static_assert(PrunableModel<TimeXer<double, Static<all>>>);

bool ex_embedding(std::string_view name) { return name.starts_with("ex_embedding."); }

std::vector<float> copied(Rows<const float> y) { return {y.flat().begin(), y.flat().end()}; }

}  // namespace

TEST_CASE("TimeXer's gradients agree with central differences in every parameter") {
  tests::check_model_gradients<TimeXer>(all, 0.2);
  tests::check_model_gradients<TimeXer>(forecasting(1), 0.2);
  tests::check_model_gradients<TimeXer>(forecasting(2), 0);
  tests::check_model_gradients<TimeXer>(keeping(all, ModuleMask{0b0110}), 0.2);
  const auto silent = [](std::string_view name) {
    return tests::key_bias(name) || ex_embedding(name);
  };
  tests::check_model_gradients<TimeXer>(keeping(all, ModuleMask{0b0101}), 0, silent);
  tests::check_model_gradients<TimeXer>(keeping(forecasting(1), ModuleMask{}), 0.2, silent);
  auto plain = forecasting(1);
  plain.marks = 0, plain.instance_norm = false, plain.depth = 1, plain.kept = {0b10};
  tests::check_model_gradients<TimeXer>(plain, 0);
}

TEST_CASE("a TimeXer's configuration counts its learned values and the forecast variates") {
  for (const std::uint64_t mask : {0b0000u, 0b0110u, 0b1111u})
    for (const std::size_t targets : {0u, 1u, 2u, 3u}) {
      const auto config = keeping(forecasting(targets), ModuleMask{mask});
      CHECK(is_valid(config));
      const Model model({config});
      CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
      CHECK(model.target_channels(3) == (targets ? targets : 3));
    }
  CHECK(forecasting(0).endogenous() == 3);  // all of them
  CHECK(forecasting(0).exogenous() == 3);
  CHECK(forecasting(3).exogenous() == 3);
  CHECK(forecasting(1).exogenous() == 2);
  const Model model({forecasting(0)});
  const auto list = parameters(model);
  CHECK(find_parameter(list, "en_embedding.glb_token")->shape ==
        std::vector<std::size_t>{1, 3, 1, 6});
  CHECK(model.module_name(0) == "encoder.layers.0.self_attention");
  CHECK(model.module_name(3) == "encoder.layers.1.cross_attention");
}

TEST_CASE("global tokens start from the standard normal distribution") {
  auto config = all;
  config.width = 600;
  const auto model = example::made<Model>({config});
  double sum = 0, squares = 0;
  for (const float token : model.endogenous.global_tokens.flat()) {
    const auto value = static_cast<double>(token);
    sum += value, squares += value * value;
  }
  CHECK(std::abs(sum / 1800) < 0.1);
  CHECK(squares / 1800 == Approx(1).epsilon(0.15));
}

TEST_CASE("a TimeXer refuses sizes that do not fit together") {
  const auto refused = [](const auto& change) {
    auto config = all;
    change(config);
    CHECK_FALSE(is_valid(config));
    return message_of<ConfigError>([&] { Model({config}); });
  };
  CHECK(refused([](auto& c) { c.lookback = 3; }) ==
        "the lookback must hold a patch: lookback 3, patch 4");
  CHECK(refused([](auto& c) { c.targets = 4; }) ==
        "targets are the last of the channels: targets 4, channels 3");
  CHECK(refused([](auto& c) { c.patch = 0; }) == "the patch must be positive: patch 0");
  CHECK(refused([](auto& c) { c.depth = 33; }) ==
        "too few or too many layers: layers 33, least 1, most 32");
  CHECK(refused([](auto& c) { c.heads = 4; }) == "heads must divide width: heads 4, width 6");
  CHECK(refused([](auto& c) { c.channels = 0, c.targets = 0; }).find("channel") !=
        std::string::npos);
}

TEST_CASE(
    "a TimeXer refuses batches of other channels and without the marks it needs, and continues to "
    "work") {
  const auto model = example::made<Model>({all});
  Predictor predictor(model);
  const example::RandomBatch<float> good(all, 2);
  const auto before = copied(predictor.forecast(good.batch));
  auto wider = all;
  wider.channels = 4;
  const std::string fixed = "TimeXer: channels: expected 3, found 4";
  const example::RandomBatch<float> bad(wider, 2);
  CHECK(message_of<ShapeError>([&] { (void)predictor.forecast(bad.batch); }) == fixed);
  Model::Cache cache;
  model.prepare(cache, Purpose::inference, 2, 3);
  CHECK(message_of<ShapeError>([&] { (void)model.forward(Pass{}, bad.batch, cache); }) == fixed);

  auto without_marks = good.batch;
  without_marks.history_marks = {};
  CHECK(message_of<ConfigError>([&] { (void)predictor.forecast(without_marks); }) ==
        "TimeXer needs 2 time marks a row, the batch has none");
  auto other_marks = all;
  other_marks.marks = 3;
  const example::RandomBatch<float> three(other_marks, 2);
  CHECK(message_of<ShapeError>([&] { (void)predictor.forecast(three.batch); }) ==
        "TimeXer: time marks: expected 2, found 3");
  auto longer = all;
  longer.lookback = 15;
  const example::RandomBatch<float> late(longer, 2);
  CHECK_THROWS_AS((void)predictor.forecast(late.batch), ShapeError);
  CHECK(example::same_bits(predictor.forecast(good.batch).flat(), before));
}

TEST_CASE(
    "a TimeXer without cross-attention leaves its memory out, and forecasts the bytes of one that "
    "computes it") {
  for (const std::size_t targets : {1u, 3u})
    for (const std::uint64_t mask : {0b0000u, 0b0101u, 0b0010u}) {
      const auto config = keeping(forecasting(targets), ModuleMask{mask});
      const bool dead = !config.crosses();
      const auto model = example::made<Model>({config});
      const example::RandomBatch<float> data(config, 3);
      Model::Cache cache;
      model.prepare(cache, Purpose::training, 3, config.channels);
      const auto computed = copied(model.forward(Pass{}, data.batch, cache));
      Predictor predictor(model);
      auto without_marks = data.batch;
      without_marks.history_marks = {};
      CHECK(example::same_bits(predictor.forecast(data.batch).flat(), computed));
      if (dead)
        CHECK(example::same_bits(predictor.forecast(without_marks).flat(), computed));
      else
        CHECK_THROWS_AS((void)predictor.forecast(without_marks), ConfigError);
      CHECK(model.dead_parts() == (dead ? std::vector<std::string>{"ex_embedding", "time marks"}
                                        : std::vector<std::string>{}));
      // Of one window: patches, memory, blocks and head.
      const std::size_t d = config.width, s = config.endogenous(), n = 4,
                        m = config.memory_tokens();
      std::size_t work =
          s * 3 * 4 * d + 2 * s * n * 2 * d * config.ffn_width + s * n * d * config.horizon;
      work += static_cast<std::size_t>(std::popcount(mask & 0b0101)) * s *
              (4 * n * d * d + 2 * n * n * d);
      if (!dead) work += m * config.lookback * d + 2 * (s + m) * d * d + 2 * s * m * d;
      CHECK(model.multiply_adds(config.channels) == work);
    }
  auto unmarked = keeping(all, ModuleMask{});
  unmarked.marks = 0;
  CHECK(Model({unmarked}).dead_parts() == std::vector<std::string>{"ex_embedding"});
}

TEST_CASE("if only the last variate is forecast, the others are read through cross-attention") {
  const auto last = forecasting(1);
  for (const std::uint64_t mask : {0b1111u, 0b0101u}) {
    const auto model = example::made<Model>({keeping(last, ModuleMask{mask})});
    Predictor predictor(model);
    example::RandomBatch<float> data(last, 1);
    const auto before = copied(predictor.forecast(data.batch));
    for (std::size_t l = 0; l < last.lookback; ++l) data.history[l * 3] = static_cast<float>(l * l);
    CHECK(example::same_bits(predictor.forecast(data.batch).flat(), before) == (mask == 0b0101));
  }
}

TEST_CASE(
    "a window's forecast by a TimeXer has the same bytes alone, in any batch, with any number of "
    "workers") {
  for (const std::size_t targets : {7u, 1u})
    for (const TimeXerConfig& config :
         {forecasting(targets, blocks), forecasting(targets, layers)}) {
      const auto model = example::made<Model>({config}, 3, 0.2);
      const example::RandomBatch<float> data(config, 40);
      const std::size_t size = config.horizon * targets;
      std::vector<float> alone;
      Predictor one_by_one(model);
      for (std::size_t b = 0; b < 40; ++b)
        for (const float value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
          alone.push_back(value);
      for (const std::size_t workers : {1u, 2u, 3u}) {
        Team team(workers);
        Predictor predictor(model, &team);
        for (const std::size_t batch : {1u, 2u, 5u, 13u, 40u}) {
          INFO(targets << " targets, " << workers << " workers, " << batch << " samples");
          const auto y = predictor.forecast(data.batch.middle(40 - batch, batch));
          CHECK((y.rows() == batch * config.horizon && y.cols() == targets));
          CHECK(example::same_bits(y.flat(),
                                   std::span(alone).subspan((40 - batch) * size, batch * size)));
        }
      }
    }
}

TEST_CASE(
    "a TimeXer trains from windows of features M and MS, the same bytes on any number of workers") {
  for (const std::size_t targets : {7u, 1u})
    for (const auto& [config, batch] : {std::pair{forecasting(targets, blocks), 32u},
                                        std::pair{forecasting(targets, layers), 4u}}) {
      const example::SyntheticWindows<float> windows(config, 8);
      CHECK(windows.training.target_channels() == targets);
      std::optional<Model> first;
      std::vector<std::vector<double>> trajectory;
      for (const std::size_t workers : {0u, 1u, 3u}) {
        INFO(targets << " targets, batches of " << batch << ", " << workers << " workers");
        Team team(std::max<std::size_t>(workers, 1));
        auto model = example::made<Model>({config}, 7, 0.1);
        Pruner<Model> pruner(model);
        Trainer<Model> trainer(model, {.epochs = 2, .batch_size = batch, .rate = 1e-3, .seed = 7},
                               workers ? &team : nullptr);
        trainer.consider_start(windows.training, windows.validation);
        const double before = trainer.stopping().best;
        trainer.fit(windows.training, windows.validation, pruner);
        CHECK(trainer.stopping().best < before);
        if (!first) first = model, trajectory = pruner.trajectory();
        CHECK(example::same_parameters(model, *first));
        CHECK(pruner.trajectory() == trajectory);
      }
      CHECK(trajectory.back().size() == 4);
      for (const double score : trajectory.back()) CHECK(score != 0);
    }
}

TEST_CASE("a step from which LayerDrop removes modules is a step of the TimeXer without them") {
  tests::check_layer_drop<TimeXer>(all);
  tests::check_layer_drop<TimeXer>(keeping(forecasting(1), ModuleMask{0b1110}));
}

TEST_CASE("every criterion that receives events scores every module of a TimeXer") {
  tests::check_scores<TimeXer>(all);
  tests::check_scores<TimeXer>(keeping(forecasting(1), ModuleMask{0b1110}));
}

}  // namespace timexer_tests
