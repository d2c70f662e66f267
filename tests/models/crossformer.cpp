// Crossformer: gradients whole and pruned, unread scales, training, forecasts, and refused sizes.
#include <spat/models/crossformer.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>
#include <tests/support/errors.hpp>

namespace crossformer_tests {

using namespace spat;

namespace {

/// Eighteen modules. The segment divides neither lookback nor horizon, a merge repeats segments,
/// and no size is a multiple of a vector.
constexpr CrossformerConfig small{.channels = 2,
                                  .lookback = 19,
                                  .horizon = 7,
                                  .width = 6,
                                  .ffn_width = 10,
                                  .heads = 3,
                                  .depth = 3,
                                  .segment = 4,
                                  .window = 2,
                                  .routers = 2,
                                  .kept = ModuleMask::first(18)};
/// Has all channels of the synthetic series. A batch of 32 is divided into several micro-batches.
constexpr CrossformerConfig blocks{.channels = 7,
                                   .lookback = 24,
                                   .horizon = 12,
                                   .width = 16,
                                   .ffn_width = 320,
                                   .heads = 2,
                                   .depth = 2,
                                   .segment = 6,
                                   .kept = ModuleMask::first(13)};
using Model = Crossformer<float>;
static_assert(PrunableModel<Model> && PrunableModel<Crossformer<float, Static<blocks>>>);
static_assert(is_valid(small) && small.modules() == 18 &&
              blocks.guard().bits == 0b100'100'100'00'00);

/// The mask of digits as in a report: the first module first.
constexpr ModuleMask mask_of(std::string_view digits) {
  ModuleMask mask{};
  for (std::size_t i = 0; i < digits.size(); ++i) mask = digits[i] == '1' ? mask.with(i) : mask;
  return mask;
}

}  // namespace

TEST_CASE("Crossformer's gradients agree with central differences in every parameter") {
  const auto check = [](const CrossformerConfig& config, double dropout) {
    const auto dead = Crossformer<double>({config}).dead_parts();
    const auto silent = [&](std::string_view name) {
      return tests::key_bias(name) ||
             std::ranges::any_of(dead, [&](const auto& part) { return name.starts_with(part); });
    };
    const auto enlarge = [](std::string_view name, std::span<double> values) {
      // If all routers are alike, the receivers' choice has no gradient.
      const auto has = [name](std::string_view part) { return name.find(part) != name.npos; };
      const double by = has("router") || has("dim_sender")                     ? 2
                        : has("dim_receiver.query") || has("dim_receiver.key") ? 4
                                                                               : 1;
      for (double& value : values) value *= by;
    };
    tests::check_model_gradients<Crossformer>(config, dropout, silent, tests::no_name, 2, enlarge);
  };
  auto config = small;
  config.channels = 3, config.depth = 2, config.kept = ModuleMask::first(13);
  check(config, 0.2);
  check(keeping(config, mask_of("0110010001111")), 0.2);
  check(keeping(config, mask_of("1011101100010")), 0);
}

TEST_CASE("a Crossformer's configuration counts its learned values") {
  for (const ModuleMask mask : {ModuleMask::all(), mask_of("011010010001101111"), ModuleMask{}}) {
    const auto config = keeping(small, mask);
    const Model model({config});
    CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
  }
}

TEST_CASE("a Crossformer refuses sizes that do not fit together") {
  const auto refused = [](const auto& change) {
    auto config = small;
    change(config);
    CHECK_FALSE(is_valid(config));
    return message_of<ConfigError>([&] { Model({config}); });
  };
  CHECK(refused([](auto& c) { c.depth = 13; }) ==
        "too few or too many layers: layers 13, least 1, most 12");
  CHECK(refused([](auto& c) { c.window = 11; }) ==
        "too few segments to merge: segments 5, window 11");
  CHECK(refused([](auto& c) { c.segment = 0; }) ==
        "segment, window and routers must be positive: segment 0, window 2, routers 2");
  CHECK(refused([](auto& c) { c.heads = 4; }) == "heads must divide width: heads 4, width 6");
}

TEST_CASE("a Crossformer forecasts the channels that it has positions for, and no others") {
  const auto model = example::made<Model>({small});
  auto config = small;
  config.channels = 3;
  const example::RandomBatch<float> other(config, 2), good(small, 2);
  Predictor predictor(model);
  CHECK(message_of<ShapeError>([&] { (void)predictor.forecast(other.batch); }) ==
        "Crossformer: channels: expected 2, found 3");
  CHECK(predictor.forecast(good.batch).rows() == 2 * small.horizon);
  config = small, config.lookback = 20;
  const example::RandomBatch<float> longer(config, 2);
  CHECK(message_of<ShapeError>([&] { (void)predictor.forecast(longer.batch); }) ==
        "Crossformer: lookback: expected 19, found 20");
}

TEST_CASE(
    "scales that nobody reads are left out, named and not counted, and the forecast keeps its "
    "bytes") {
  const auto dense = example::made<Model>({small});
  const example::RandomBatch<float> data(small, 3);
  const auto check = [&](std::string_view digits, const std::vector<std::string>& dead) {
    INFO(digits);
    const auto model = converted<Model>(dense, {keeping(small, mask_of(digits))});
    Model::Cache cache;
    model.prepare(cache, Purpose::training, 3, small.channels);
    const auto y = model.forward(Pass{}, data.batch, cache);
    const std::vector<float> computed(y.flat().begin(), y.flat().end());
    Predictor predictor(model);
    CHECK(example::same_bits(predictor.forecast(data.batch).flat(), computed));
    CHECK(model.dead_parts() == dead);
    return model.multiply_adds(small.channels);
  };
  const std::size_t c = small.channels, d = small.width;
  const auto linear = [&](std::size_t rows) { return rows * d * d; };
  // attention of two tokens, those of the forecast or of the last block, to m
  const auto attention = [&](std::size_t m) {
    return 2 * linear(2) + 2 * linear(m) + 2 * 2 * m * d;
  };
  const std::size_t all = check("111111111111111111", {}),
                    three = check("111111111111111110", {"encoder.encode_blocks.2"});
  const std::size_t perceptrons = 2 * 2 * 2 * d * small.ffn_width, merging = 2 * linear(2),
                    routing = 2 * 2 * attention(c);
  CHECK(all - three == c * attention(2) + c * (merging + attention(2) + perceptrons) + routing);
  CHECK(check("111111111111110110", {"encoder.encode_blocks.1", "encoder.encode_blocks.2"}) <
        three - c * attention(3));
  check("111111111110110110",
        {"encoder.encode_blocks.0", "encoder.encode_blocks.1", "encoder.encode_blocks.2"});
  check("000000110110110110",
        {"enc_value_embedding", "enc_pos_embedding", "pre_norm", "encoder.encode_blocks.0",
         "encoder.encode_blocks.1", "encoder.encode_blocks.2"});
}

TEST_CASE("one cross-attention of a Crossformer has to stay, and pruning leaves it") {
  const auto dense = example::made<Model>({blocks});
  CHECK(message_of<ConfigError>([&] { (void)pruned(dense, mask_of("1111110110110")); }) ==
        "one of these modules has to stay: 0000001001001, asked for 1111110110110");
  const std::vector<double> scores(13, 1.0);
  const auto left = choose(blocks.kept, scores, DropLowest{12}, guard_of(dense.form));
  CHECK((left.count() == 1 && left.is_subset_of(blocks.guard())));
}

TEST_CASE("a Crossformer's modules are named as in the reference's state_dict") {
  const Model model({blocks});
  CHECK(model.module_name(0) == "encoder.encode_blocks.0.encode_layers.0.time_attention");
  CHECK(model.module_name(3) == "encoder.encode_blocks.1.encode_layers.0.dim_receiver");
  CHECK(model.module_name(7) == "decoder.decode_layers.1.self_attention.time_attention");
  CHECK(model.module_name(12) == "decoder.decode_layers.2.cross_attention");
  const auto list = parameters(model);
  for (std::size_t i = 0; i < 13; ++i)
    CHECK(find_parameter(list, model.module_name(i) + ".out_projection.weight") != list.end());
}

TEST_CASE(
    "a window's forecast by a Crossformer has the same bytes alone, in any batch, with any number "
    "of workers") {
  for (const ModuleMask mask : {blocks.kept, mask_of("1001110111010")}) {
    const auto model = example::made<Model>({keeping(blocks, mask)}, 3, 0.2);
    const example::RandomBatch<float> data(blocks, 40);
    const std::size_t size = blocks.horizon * blocks.channels;
    std::vector<float> alone;
    Predictor one_by_one(model);
    for (std::size_t b = 0; b < 40; ++b)
      for (const float value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
        alone.push_back(value);
    for (const std::size_t workers : {1u, 3u}) {
      Team team(workers);
      Predictor predictor(model, &team);
      for (const std::size_t batch : {1u, 2u, 5u, 40u})
        CHECK(example::same_bits(predictor.forecast(data.batch.middle(40 - batch, batch)).flat(),
                                 std::span(alone).subspan((40 - batch) * size, batch * size)));
    }
  }
}

TEST_CASE("1 and 3 workers train the same bytes of a Crossformer and give the same scores") {
  const example::SyntheticWindows<float> windows(blocks, 16);
  CHECK(MicrobatchPlan(32, example::made<Model>({blocks}).activation_size(7)).microbatches > 1);
  const auto trained = [&](std::size_t workers) {
    Team team(std::max<std::size_t>(workers, 1));
    auto model = example::made<Model>({keeping(blocks, mask_of("1101111110111"))}, 7, 0.1);
    Pruner<Model> pruner(model, Send<float>(), 0);
    Trainer<Model> trainer(model, {.epochs = 1, .batch_size = 32, .rate = 1e-3, .seed = 7},
                           workers ? &team : nullptr);
    trainer.fit(windows.training, windows.validation, pruner);
    return std::pair(std::move(model), pruner.scores());
  };
  const auto alone = trained(0);
  CHECK_FALSE(std::isnan(alone.second[1]));
  CHECK(std::isnan(alone.second[2]));
  for (const std::size_t workers : {1u, 3u}) {
    const auto shared = trained(workers);
    CHECK(example::same_parameters(shared.first, alone.first));
    CHECK(example::same_bits(shared.second, alone.second));
  }
}

TEST_CASE("a step from which LayerDrop removes modules is a step of the Crossformer without them") {
  tests::check_layer_drop<Crossformer>(small);
  tests::check_layer_drop<Crossformer>(keeping(blocks, mask_of("1101111110111")));
}

TEST_CASE("every criterion that receives events scores every module of a Crossformer") {
  tests::check_scores<Crossformer>(small);
  tests::check_scores<Crossformer>(keeping(blocks, mask_of("1101111110111")));
}

}  // namespace crossformer_tests
