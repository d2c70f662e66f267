// Transformer: gradients whole and pruned, parts that inference skips, forecasts and training by
// any division of a batch, and refused sizes.
#include <spat/models/checkpoint.hpp>
#include <spat/models/predictor.hpp>
#include <spat/models/transformer.hpp>
#include <spat/prune/pruner.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace transformer_tests {

using namespace spat;

static_assert(PrunableModel<Transformer<float>>);

namespace {

/// Two layers each, so six modules; no size is a multiple of a vector.
constexpr TransformerConfig small{.channels = 2,
                                  .marks = 3,
                                  .lookback = 7,
                                  .horizon = 4,
                                  .label = 3,
                                  .width = 6,
                                  .ffn_width = 8,
                                  .heads = 2,
                                  .depth = 2,
                                  .decoder_depth = 2,
                                  .kept = ModuleMask{0b111111}};

/// About the proportions of a real model: batches of one micro-batch, divided inside the layers,
/// and of several.
constexpr TransformerConfig wide{.channels = 3,
                                 .marks = 4,
                                 .lookback = 36,
                                 .horizon = 12,
                                 .label = 18,
                                 .width = 40,
                                 .ffn_width = 96,
                                 .heads = 4,
                                 .depth = 2,
                                 .decoder_depth = 1,
                                 .kept = ModuleMask{0b1111}};

std::vector<float> copied(Rows<const float> y) { return {y.flat().begin(), y.flat().end()}; }

}  // namespace

TEST_CASE("Transformer's gradients agree with central differences in every parameter") {
  const auto check = [](const TransformerConfig& config, double dropout) {
    const auto dead = Transformer<float>({config}).dead_parts();
    const bool unread = std::ranges::find(dead, "encoder") != dead.end(),
               all_zero = config.label == 0;
    tests::check_model_gradients<Transformer>(config, dropout, [&](std::string_view name) {
      return tests::key_bias(name) || (unread && name.starts_with("enc")) ||
             (all_zero && name.starts_with("dec_embedding.value"));
    });
  };
  check(small, 0.2);
  check(keeping(small, ModuleMask{0b101110}), 0);
  check(keeping(small, ModuleMask{0b010101}), 0.2);  // no cross-attention
  check(keeping(small, ModuleMask{0b001001}), 0);    // no self-attention in the decoder
  auto shallow = small;
  shallow.depth = 1, shallow.decoder_depth = 1, shallow.label = 0, shallow.kept = {0b100};
  check(shallow, 0.2);
}

TEST_CASE("a Transformer's configuration counts its learned values") {
  for (const std::uint64_t mask : {0b000000u, 0b101101u, 0b111111u}) {
    const auto config = keeping(small, ModuleMask{mask});
    const Transformer<float> model({config});
    CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
  }
  // The Time-Series-Library's defaults on ETTh1.
  CHECK(TransformerConfig{.channels = 7}.parameters() == 10'540'039);
}

TEST_CASE("a saved Transformer is restored to the last bit, with its positions computed") {
  const TemporaryFolder folder;
  const auto model =
      example::made<Transformer<float>>({keeping(small, ModuleMask{0b011011})}, 3, 0.25);
  save_model(folder / "model", model);
  const auto back = load_model<Transformer<float>>(folder / "model");
  CHECK(back.config() == model.config());
  CHECK(example::same_parameters(back, model));
  const SafetensorsFile file(folder / "model");
  CHECK(file.at("dec_embedding.position_embedding.pe").shape ==
        std::vector<std::size_t>{1, 5000, 6});
}

TEST_CASE("a Transformer names its modules in forward order") {
  const Transformer<float> model({small});
  CHECK(model.module_name(1) == "encoder.attn_layers.1.attention");
  CHECK(model.module_name(2) == "decoder.layers.0.self_attention");
  CHECK(model.module_name(5) == "decoder.layers.1.cross_attention");
}

TEST_CASE("a Transformer refuses sizes that do not fit together") {
  const auto refused = [](auto&& change) {
    auto config = small;
    change(config);
    CHECK_FALSE(is_valid(config));
    return message_of<ConfigError>([&] { Transformer<float>({config}); });
  };
  CHECK(refused([](auto& c) { c.label = 8; }) ==
        "the decoder's known steps must lie in the lookback: label 8, lookback 7");
  CHECK(refused([](auto& c) { c.marks = 0; }) == "Transformer needs time marks: marks 0");
  CHECK(refused([](auto& c) { c.channels = 0; }) ==
        "there must be at least one channel: channels 0");
  CHECK(refused([](auto& c) { c.heads = 4; }) == "heads must divide width: heads 4, width 6");
  CHECK(
      refused([](auto& c) { c.horizon = std::size_t(-1); }).starts_with("sequences are too long"));
  CHECK(refused([](auto& c) {
          c.decoder_depth = 32;
        }).ends_with("encoder layers 2, decoder layers 32"));
  CHECK(refused([](auto& c) { c.depth = std::size_t(-1); }).starts_with("attentions"));
}

TEST_CASE("a Transformer refuses a batch without marks, of other channels or of other sizes") {
  const auto model = example::made<Transformer<float>>({small});
  Predictor predictor(model);
  const example::RandomBatch<float> data(small, 2);
  const auto with = [&](auto&& change) {
    auto batch = data.batch;
    change(batch);
    return [&predictor, batch] { (void)predictor.forecast(batch); };
  };
  CHECK(message_of<ConfigError>(with([](auto& b) { b.history_marks = {}; })) ==
        "Transformer needs 3 time marks a row, the batch has none");
  CHECK(message_of<ConfigError>(with([](auto& b) { b.future_marks = {}; })) ==
        "Transformer needs 3 future time marks a row, the batch has none");
  auto other = small;
  other.channels = 5;
  const example::RandomBatch<float> five(other, 2);
  CHECK(message_of<ShapeError>(with([&](auto& b) { b.history = five.batch.history; })) ==
        "Transformer: channels: expected 2, found 5");
  other = small, other.lookback = 8;
  const example::RandomBatch<float> longer(other, 2);
  CHECK(message_of<ShapeError>(with([&](auto& b) {
          b.history = longer.batch.history;
        })).find("times lookback") != std::string::npos);
  other = small, other.marks = 4;
  const example::RandomBatch<float> more(other, 2);
  CHECK(message_of<ShapeError>(with([&](auto& b) { b.future_marks = more.batch.future_marks; })) ==
        "Transformer: future time marks: expected 3, found 4");
  CHECK_NOTHROW(with([](auto&) {})());
}

TEST_CASE(
    "inference leaves out what nobody reads, and the forecast has the bytes of one that computes "
    "it") {
  for (std::uint64_t mask = 0; mask < 16; ++mask) {
    INFO(to_string(ModuleMask{mask}, 4));
    const auto config = keeping(wide, ModuleMask{mask});
    const auto model = example::made<Transformer<float>>({config});
    const example::RandomBatch<float> data(config, 3);
    Transformer<float>::Cache cache;
    model.prepare(cache, Purpose::training, 3, config.channels);
    const auto computed = copied(model.forward(Pass{}, data.batch, cache));
    Predictor predictor(model);
    CHECK(example::same_bits(predictor.forecast(data.batch).flat(), computed));

    const bool self = mask & 0b0100, cross = mask & 0b1000;
    std::vector<std::string> dead;
    if (!cross) dead.emplace_back("encoder");
    if (!self) dead.emplace_back("tokens of the known steps");
    if (!self && !cross) dead.emplace_back("time marks of the history");
    CHECK(model.dead_parts() == dead);
    auto without_marks = data.batch;
    without_marks.history_marks = {};
    if (!self && !cross)
      CHECK(example::same_bits(predictor.forecast(without_marks).flat(), computed));
    else
      CHECK_THROWS_AS((void)predictor.forecast(without_marks), ConfigError);
  }
}

TEST_CASE("a pruned Transformer costs what is left of it") {
  const auto cost = [](std::uint64_t mask) {
    return Transformer<float>({keeping(wide, ModuleMask{mask})}).multiply_adds(3);
  };
  const std::size_t c = 3, m = 4, l = 36, t = 12, n = 18 + 12, d = 40, f = 96;
  const auto attention = [&](std::size_t lq, std::size_t lk) {
    return 2 * (lq + lk) * d * d + 2 * lq * lk * d;
  };
  const auto others = [&](std::size_t rows, std::size_t layers) {
    return rows * (3 * c + m) * d + layers * rows * 2 * d * f;
  };
  CHECK(cost(0b1111) == others(l, 2) + 2 * attention(l, l) + others(n, 1) + attention(n, n) +
                            attention(n, l) + t * d * c);
  CHECK(cost(0b1111) - cost(0b1110) == attention(l, l));
  CHECK(cost(0b0111) == others(n, 1) + attention(n, n) + t * d * c);  // no encoder
  CHECK(cost(0b1000) == others(l, 2) + others(t, 1) + attention(t, l) + t * d * c);
  CHECK(cost(0b0011) == others(t, 1) + t * d * c);
}

TEST_CASE(
    "a window's Transformer forecast has the same bytes alone, in any batch, with any number of "
    "workers") {
  for (const std::uint64_t mask : {0b1111u, 0b0110u, 0b1001u}) {
    const auto model = example::made<Transformer<float>>({keeping(wide, ModuleMask{mask})}, 3, 0.2);
    const example::RandomBatch<float> data(wide, 33);
    const std::size_t size = wide.horizon * wide.channels;
    std::vector<float> alone;
    Predictor one_by_one(model);
    for (std::size_t b = 0; b < 33; ++b)
      for (const float value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
        alone.push_back(value);
    for (const std::size_t workers : {1u, 3u}) {
      Team team(workers);
      Predictor predictor(model, &team);
      for (const std::size_t batch : {1u, 2u, 5u, 33u}) {
        INFO(workers << " workers, " << batch << " samples, kept "
                     << to_string(ModuleMask{mask}, 4));
        const auto y = predictor.forecast(data.batch.middle(33 - batch, batch));
        CHECK(example::same_bits(y.flat(), std::span(alone).last(batch * size)));
      }
    }
  }
}

TEST_CASE("1 and 3 workers train the same Transformer and score its modules alike") {
  auto config = wide;
  config.channels = 7;
  const example::SyntheticWindows<float> windows(config, 24);
  using Model = Transformer<float>;
  const auto trained = [&](std::size_t workers, std::vector<double>& scores) {
    Team team(std::max<std::size_t>(workers, 1));
    auto model = example::made<Model>({config}, 7, 0.1);
    Pruner<Model> pruner(model);
    Trainer<Model> trainer(model, {.epochs = 1, .batch_size = 16, .rate = 1e-3, .seed = 7},
                           workers ? &team : nullptr);
    trainer.run_epoch(windows.training, windows.validation, pruner);
    scores = pruner.scores();
    return model;
  };
  std::vector<double> alone, one, three;
  const auto model = trained(0, alone);
  CHECK(example::same_parameters(trained(1, one), model));
  CHECK(example::same_parameters(trained(3, three), model));
  CHECK(alone.size() == 4);
  for (const double score : alone) CHECK(score > 0);
  CHECK((one == alone && three == alone));
}

TEST_CASE("a step from which LayerDrop removes modules is a step of the Transformer without them") {
  tests::check_layer_drop<Transformer>(small);
  tests::check_layer_drop<Transformer>(keeping(small, ModuleMask{0b101111}));
}

TEST_CASE("every criterion that receives events scores every module of a Transformer") {
  tests::check_scores<Transformer>(small);
  tests::check_scores<Transformer>(keeping(small, ModuleMask{0b101111}));
}

}  // namespace transformer_tests
