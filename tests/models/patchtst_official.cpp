// The official PatchTST: compared to its formulas in plain loops, gradients whole and pruned,
// running statistics, and refused sizes.
#include <spat/models/checkpoint.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/predictor.hpp>
#include <spat/train/batch_statistics.hpp>
#include <spat/train/trainer.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/plain_patchtst.hpp>
#include <tests/models/promises.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

namespace patchtst_official_tests {

using namespace spat;

static_assert(PrunableModel<OfficialPatchTST<float>> && BatchNormalized<OfficialPatchTST<float>>);

namespace {

/// Three modules. The patch does not divide the lookback, and no size is a multiple of a vector.
constexpr OfficialPatchTSTConfig small{.channels = 2,
                                       .lookback = 13,
                                       .horizon = 5,
                                       .width = 6,
                                       .ffn_width = 10,
                                       .heads = 3,
                                       .depth = 3,
                                       .patch = 4,
                                       .stride = 2,
                                       .kept = ModuleMask{0b111}};

/// Moves every tensor away from its initial value.
template <class Model>
Model random_model(const OfficialPatchTSTConfig& config) {
  auto model = example::made<Model>({config}, 11);
  Random random(3);
  for (const auto& parameter : parameters(model))
    for (auto& value : parameter.values) {
      if (parameter.kind == ParameterKind::weight)
        value += static_cast<typename Model::Value>(0.3 * random.normal());
      if (parameter.kind == ParameterKind::buffer)
        value += static_cast<typename Model::Value>(random.uniform(0, 1));
    }
  return model;
}

double largest_difference(std::span<const double> a, std::span<const double> b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst;
}

/// Whether batch statistics cancel a tensor's effect if nothing is dropped. True for a tensor that
/// only shifts the mean of a feature. Also true for one that only scales it, if the block above has
/// no attention that reads it first.
bool normalized_away(const OfficialPatchTSTConfig& config, double dropout, std::string_view name) {
  const std::string layers = "model.backbone.encoder.layers.";
  for (std::size_t l = 0; l < config.depth; ++l) {
    const bool mixed = config.kept.keeps(l);
    if (l > 0 && !mixed && name.starts_with(message(layers, l - 1, ".norm_ffn."))) return true;
    if (l == 0 && !mixed && dropout == 0 && name == "model.backbone.W_P.bias") return true;
  }
  return dropout == 0 && (name.ends_with("to_out.0.bias") || name.ends_with("W_V.bias") ||
                          name.ends_with("ff.3.bias"));
}

}  // namespace

TEST_CASE(
    "the official PatchTST is its formulas in plain loops, for every mask, by running and by batch "
    "statistics") {
  using Model = OfficialPatchTST<double>;
  for (const bool instance_norm : {true, false})
    for (std::uint64_t mask = 0; mask < 8; ++mask)
      for (const bool training : {false, true}) {
        auto config = keeping(small, ModuleMask{mask});
        config.instance_norm = instance_norm;
        INFO("kept " << to_string(config.kept, 3) << ", training " << training);
        auto model = random_model<Model>(config);
        const example::RandomBatch<double> data(config, 3);
        plain::PatchTST expected(model, training);
        const auto forecast = expected.forecast(data.batch);

        typename Model::Cache cache;
        for (const Purpose purpose : {Purpose::training, Purpose::inference}) {
          if (training && purpose == Purpose::inference) continue;
          model.prepare(cache, purpose, 3, config.channels);
          CHECK(largest_difference(
                    model.forward(Pass{.training = training}, data.batch, cache).flat(), forecast) <
                1e-10);
        }
        if (!training) continue;
        model.commit(cache, 0.1);
        for (const auto& [name, values] : expected.running) {
          INFO(name);
          CHECK(largest_difference(find_parameter(parameters(model), name)->values, values) <
                1e-10);
        }
        CHECK(expected.running.size() == 4 * config.depth);
      }
}

TEST_CASE("the official PatchTST's gradients agree with central differences in every parameter") {
  for (const std::uint64_t mask : {0b111u, 0b101u, 0b010u, 0b000u})
    for (const double dropout : {0.2, 0.0}) {
      const auto config = keeping(small, ModuleMask{mask});
      tests::check_model_gradients<OfficialPatchTST>(
          config, dropout, [](std::string_view name) { return name.ends_with("W_K.bias"); },
          [&](std::string_view name) { return normalized_away(config, dropout, name); });
    }
}

TEST_CASE("an official PatchTST's configuration counts its learned values") {
  for (const std::uint64_t mask : {0b000u, 0b101u, 0b111u}) {
    const auto config = keeping(small, ModuleMask{mask});
    const OfficialPatchTST<float> model({config});
    CHECK(config.parameters() == static_cast<double>(spat::parameter_count(parameters(model))));
  }
}

TEST_CASE("an official PatchTST refuses sizes that do not fit together") {
  auto config = small;
  config.lookback = 3;
  CHECK_FALSE(is_valid(config));
  CHECK(message_of<ConfigError>([&] { OfficialPatchTST<float>({config}); }) ==
        "the lookback must hold a patch: lookback 3, patch 4");
  config = small, config.heads = 4;
  CHECK_FALSE(is_valid(config));
  CHECK(message_of<ConfigError>([&] { OfficialPatchTST<float>({config}); }) ==
        "heads must divide width: heads 4, width 6");
  const OfficialPatchTST<float> model({small});
  OfficialPatchTST<float>::Cache cache;
  model.prepare(cache, Purpose::inference, 2, small.channels);
  config = small, config.lookback = 14;
  const example::RandomBatch<float> data(config, 2);
  CHECK(message_of<ShapeError>([&] { model.forward(Pass{}, data.batch, cache); }) ==
        "PatchTST: lookback: expected 13, found 14");
}

TEST_CASE(
    "scores pass from the nearest attention that is kept to the next, and nobody else keeps any") {
  const auto links = [](std::uint64_t mask) {
    std::string text;
    const OfficialPatchTST<float> model({keeping(small, ModuleMask{mask})});
    for (const auto& layer : model.encoder.blocks)
      text += !layer.attention                   ? "-"
              : layer.attention->takes_scores    ? layer.attention->hands_on_scores ? "b" : "t"
              : layer.attention->hands_on_scores ? "h"
                                                 : "a";
    return text;
  };
  CHECK(links(0b111) == "hbt");
  CHECK(links(0b110) == "-ht");
  CHECK(links(0b101) == "h-t");
  CHECK(links(0b011) == "ht-");
  CHECK(links(0b010) == "-a-");
  CHECK(links(0b000) == "---");
}

TEST_CASE("an official PatchTST names its tensors as its authors do") {
  const OfficialPatchTST<double> model({keeping(small, ModuleMask{0b001})});
  const auto list = parameters(model);
  std::vector<std::string> names;
  for (const auto& parameter : list) names.push_back(parameter.name);
  const std::string layer = "model.backbone.encoder.layers.";
  std::vector<std::string> expected{"model.backbone.W_pos", "model.backbone.W_P.weight",
                                    "model.backbone.W_P.bias"};
  for (const std::string& part : std::vector<std::string>{"W_Q", "W_K", "W_V", "to_out.0"})
    for (const char* tensor : {".weight", ".bias"})
      expected.push_back(layer + "0.self_attn." + part + tensor);
  expected.push_back(layer + "0.self_attn.sdp_attn.scale");
  for (const char* l : {"0", "1", "2"}) {
    const auto norm = [&](const char* which) {
      for (const char* tensor :
           {"weight", "bias", "running_mean", "running_var", "num_batches_tracked"})
        expected.push_back(layer + l + "." + which + ".1." + tensor);
    };
    norm("norm_attn");
    for (const char* tensor : {"ff.0.weight", "ff.0.bias", "ff.3.weight", "ff.3.bias"})
      expected.push_back(layer + l + "." + tensor);
    norm("norm_ffn");
  }
  expected.insert(expected.end(), {"model.head.linear.weight", "model.head.linear.bias"});
  CHECK(names == expected);
  CHECK(find_parameter(list, "model.backbone.W_pos")->shape == std::vector<std::size_t>{6, 6});
  CHECK(find_parameter(list, layer + "0.ff.0.weight")->shape == std::vector<std::size_t>{10, 6});
}

TEST_CASE("positions start within 0.02, as in the authors' code") {
  const auto model = example::made<OfficialPatchTST<float>>({small});
  double largest = 0;
  for (const float value : model.positions.table.flat())
    largest = std::max(largest, std::abs(double(value)));
  CHECK((largest > 0.01 && largest <= 0.02));
}

TEST_CASE(
    "the scale of the scores is a number without dimensions in files, which need not have it") {
  using Model = OfficialPatchTST<float>;
  const TemporaryFolder folder;
  const auto model = random_model<Model>(keeping(small, ModuleMask{0b110}));
  save_model(folder / "model", model);
  const SafetensorsFile file(folder / "model");
  const std::string scale = model.module_name(1) + ".sdp_attn.scale";
  CHECK(file.at(scale).shape.empty());
  CHECK(file.read<float>(scale) == std::vector<float>{1 / std::sqrt(2.0f)});
  CHECK_FALSE(file.contains(model.module_name(0) + ".sdp_attn.scale"));
  auto back = load_model<Model>(folder / "model");
  CHECK(example::same_parameters(back, model));

  SafetensorsWriter writer;
  for (const auto& parameter : parameters(model)) {
    const auto count = static_cast<std::int64_t>(
        parameter.kind == ParameterKind::counter ? parameter.values[0] : 0);
    if (parameter.kind == ParameterKind::counter)
      writer.add(parameter.name, parameter.shape, std::span(&count, 1));
    else if (parameter.kind != ParameterKind::constant)
      writer.add(parameter.name, parameter.shape, parameter.values);
  }
  auto lacking = example::made<Model>({model.config()}, 99);
  CHECK(load_tensors(lacking, SafetensorsFile::from_bytes(writer.to_bytes(), "without constants"))
            .empty());
  CHECK(example::same_parameters(lacking, model));
}

TEST_CASE(
    "an official PatchTST's forecast has the same bytes alone, in any batch, with any number of "
    "workers") {
  for (const std::uint64_t mask : {0b111u, 0b101u, 0b000u}) {
    auto config = keeping(small, ModuleMask{mask});
    config.width = 48, config.ffn_width = 400;
    const auto model = random_model<OfficialPatchTST<float>>(config);
    const example::RandomBatch<float> data(config, 30);
    const std::size_t size = config.horizon * config.channels;
    Predictor one_by_one(model);
    std::vector<float> alone;
    for (std::size_t b = 0; b < 30; ++b)
      for (const float value : one_by_one.forecast(data.batch.middle(b, 1)).flat())
        alone.push_back(value);
    for (const std::size_t workers : {1u, 3u}) {
      Team team(workers);
      Predictor predictor(model, &team);
      for (const std::size_t samples : {1u, 2u, 7u, 30u})
        CHECK(
            example::same_bits(predictor.forecast(data.batch.middle(30 - samples, samples)).flat(),
                               std::span(alone).subspan((30 - samples) * size, samples * size)));
    }
  }
}

TEST_CASE("1 and 3 workers train an official PatchTST to the same bytes, statistics included") {
  auto config = keeping(small, ModuleMask{0b101});
  config.ffn_width = 700;
  const example::SyntheticWindows<float> windows(config, 8);
  const auto trained = [&](std::size_t workers) {
    Team team(workers);
    auto model = example::made<OfficialPatchTST<float>>({config}, 7, 0.1);
    Trainer<OfficialPatchTST<float>> trainer(
        model, {.epochs = 1, .batch_size = 16, .rate = 1e-3, .seed = 7}, &team);
    NoObserver nobody;
    trainer.run_epoch(windows.training, windows.validation, nobody);
    return model;
  };
  const auto one = trained(1), start = example::made<OfficialPatchTST<float>>({config}, 7, 0.1);
  CHECK(example::same_parameters(trained(3), one));
  CHECK_FALSE(example::same_parameters(start, one));
}

TEST_CASE(
    "a step from which LayerDrop removes modules is a step of the official PatchTST without them") {
  tests::check_layer_drop<OfficialPatchTST>(small);
  tests::check_layer_drop<OfficialPatchTST>(keeping(small, ModuleMask{0b101}));
}

TEST_CASE("every criterion that receives events scores every module of an official PatchTST") {
  tests::check_scores<OfficialPatchTST>(small);
  tests::check_scores<OfficialPatchTST>(keeping(small, ModuleMask{0b101}));
}

}  // namespace patchtst_official_tests
