// S-Mamba: gradients whole and pruned, forecasts, training, files, dead marks, and refused sizes.
#include <spat/models/smamba.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>

namespace smamba_tests {

using namespace spat;

namespace {

/// Three modules, marks; no size is a multiple of a vector.
constexpr SMambaConfig small{.channels = 3,
                             .marks = 2,
                             .lookback = 11,
                             .horizon = 5,
                             .width = 6,
                             .ffn_width = 10,
                             .depth = 3,
                             .state = 3,
                             .convolution = 3,
                             .expand = 2,
                             .kept = ModuleMask{0b111}};
constexpr SMambaConfig wide{.channels = 7,
                            .marks = 4,
                            .lookback = 48,
                            .horizon = 13,
                            .width = 72,
                            .ffn_width = 1000,
                            .depth = 2,
                            .state = 8,
                            .kept = ModuleMask{0b11}};
constexpr SMambaConfig narrow = [] {
  SMambaConfig config = wide;
  config.ffn_width = 64;  // a batch is one micro-batch: workers inside layers
  return config;
}();

/// The states of an untrained S-Mamba hardly change. Steps near one and larger weights give every
/// tensor a measurable gradient.
void check_gradients(const SMambaConfig& config, double dropout) {
  const auto awake = [](std::string_view name, std::span<double> values) {
    if (name.ends_with("dt_proj.bias"))
      for (double& value : values) value += 4;
    if (name.ends_with("proj.weight") && !name.ends_with("dt_proj.weight"))
      for (double& value : values) value *= 2;
  };
  tests::check_model_gradients<SMamba>(config, dropout, tests::no_name, tests::no_name, 1, awake);
}

}  // namespace

TEST_CASE("S-Mamba's gradients agree with central differences in every parameter") {
  check_gradients(keeping(small, ModuleMask{0b101}), 0.2);
  auto two = small;
  two.depth = 2, two.kept = {0b11};
  check_gradients(two, 0);
  auto plain = small;
  plain.marks = 0, plain.instance_norm = false, plain.depth = 1, plain.kept = {1}, plain.expand = 1;
  check_gradients(plain, 0);
  check_gradients(keeping(small, ModuleMask{}), 0.2);
}

TEST_CASE("a window's forecast by S-Mamba depends only on the window") {
  tests::check_forecasts<SMamba, small>();
  tests::check_forecasts<SMamba, keeping(small, ModuleMask{0b010})>();
  tests::check_forecasts<SMamba, keeping(small, ModuleMask{})>();
  tests::check_forecasts<SMamba, wide>();
  tests::check_forecasts<SMamba, narrow>();
}

TEST_CASE("S-Mamba trains to the same bytes on any number of workers") {
  tests::check_training<SMamba>(wide);
  tests::check_training<SMamba>(narrow);
  tests::check_training<SMamba>(keeping(narrow, ModuleMask{0b10}));
}

TEST_CASE("S-Mamba is restored from files, pruned or not") {
  tests::check_files<SMamba, small>();
  tests::check_files<SMamba, keeping(small, ModuleMask{0b011})>();
}

TEST_CASE(
    "time marks that no Mamba reads are skipped, and the forecast has the bytes of one that "
    "computes them") {
  const auto config = keeping(small, ModuleMask{});
  const auto model = example::made<SMamba<float>>({config});
  const example::RandomBatch<float> data(config, 6);
  SMamba<float>::Cache cache;
  model.prepare(cache, Purpose::training, 6, config.channels);
  const auto y = model.forward(Pass{}, data.batch, cache);
  const std::vector<float> computed(y.flat().begin(), y.flat().end());
  auto without_marks = data.batch;
  without_marks.history_marks = {};
  Predictor predictor(model);
  CHECK(example::same_bits(predictor.forecast(without_marks).flat(), computed));
  CHECK(model.dead_parts() == std::vector<std::string>{"time marks"});

  const auto dense = example::made<SMamba<float>>({small});
  CHECK(dense.dead_parts().empty());
  Predictor needs_marks(dense);
  CHECK_THROWS_AS((void)needs_marks.forecast(without_marks), ConfigError);
  auto fewer_marks = small;
  fewer_marks.marks = 0;
  const auto markless = SMamba<float>({keeping(fewer_marks, ModuleMask{})});
  CHECK(model.multiply_adds(3) == markless.multiply_adds(3));
  CHECK(dense.multiply_adds(3) > SMamba<float>({fewer_marks}).multiply_adds(3));
}

TEST_CASE("an S-Mamba's modules can be pruned by name of the mask, but no criterion ranks them") {
  static_assert(!SMamba<float>::scored);
  auto model = example::made<SMamba<float>>({small});
  Trainer<SMamba<float>> trainer(model, {});
  Pruner<SMamba<float>> pruner(model);
  const example::RandomBatch<float> data(small, 4);
  trainer.step(data.batch, 1e-3, pruner);
  pruner.end_epoch();
  for (const double score : pruner.scores()) CHECK(std::isnan(score));
  CHECK(message_of<NumericError>([&] {
          (void)pruner.choose(DropLowest{1});
        }).find("no finite score") != std::string::npos);
  const auto smaller = pruned(model, ModuleMask{0b101});
  for (const auto& parameter : parameters(smaller))
    CHECK_FALSE(parameter.name.starts_with("encoder.attn_layers.1.attention"));
  CHECK(parameters(model).size() - parameters(smaller).size() == 18);
}

TEST_CASE("an S-Mamba's configuration counts its parameters and refuses what does not fit") {
  for (const std::uint64_t mask : {0b000u, 0b101u, 0b111u})
    tests::check_count<SMamba>(keeping(small, ModuleMask{mask}));
  tests::check_count<SMamba>(wide);
  CHECK(tests::refused<SMamba>(small, [](auto& c) { c.state = 0; }) ==
        "state, convolution and expand must be positive: state 0, convolution 3, expand 2");
  CHECK(tests::refused<SMamba>(small, [](auto& c) { c.width = 0; }) ==
        "width and ffn width must be positive: width 0, ffn width 10");
  CHECK(tests::refused_batch<SMamba>(small, [](auto& c) { c.marks = 3; }) ==
        "S-Mamba: time marks: expected 2, found 3");
  CHECK(tests::refused_batch<SMamba>(small, [](auto& c) {
          c.lookback = 12;
        }).find("lookback: expected") != std::string::npos);
}

}  // namespace smamba_tests
