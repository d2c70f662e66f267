// The sizes of an imported model: by shapes, by records, by the user, and the masks of pruned ones.
#include <spat/models/crossformer.hpp>
#include <spat/models/dlinear.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/patchtst_official.hpp>
#include <spat/models/rlinear.hpp>

#include <tests/models/import_checkpoint.hpp>

namespace import_sizes_tests {

using namespace import_example;

TEST_CASE("what a checkpoint lacks of whole modules is pruned, every mask of three layers") {
  for (std::uint64_t mask = 0; mask < 8; ++mask) {
    INFO(mask);
    const auto model = random<ITransformer<float>>(keeping(small_config(), ModuleMask{mask}));
    const auto file = Checkpoint::of(model).under("module.").file();
    const auto back = imported<ITransformer<float>>(file, options_of({{"heads", 3}}), 3);
    CHECK(back.form.kept() == ModuleMask{mask});
    CHECK(tests::same_parameters(back, model));
  }
  Checkpoint dict = small_dict(0b101);
  dict.tensors["encoder.attn_layers.1.attention.query_projection.bias"] = {{12},
                                                                           std::vector(12, 0.f)};
  CHECK(contains(refusal<FileError>(dict), "7 of the 54 tensors of iTransformer are missing"));
}

TEST_CASE("modules of several attentions are found to be pruned, too") {
  const auto model = random<Crossformer<float>>({.channels = 2,
                                                 .lookback = 24,
                                                 .horizon = 12,
                                                 .width = 4,
                                                 .ffn_width = 6,
                                                 .heads = 2,
                                                 .depth = 2,
                                                 .segment = 6,
                                                 .routers = 3,
                                                 .kept = ModuleMask{0b1'1011'0110'1101}});
  const Given given{{"heads", 2}, {"lookback", 24}, {"horizon", 12}};
  const auto file = Checkpoint::of(model).file();
  const auto back = imported<Crossformer<float>>(file, options_of(given), 2);
  CHECK(back.config() == model.config());
  CHECK(tests::same_parameters(back, model));
}

TEST_CASE("sizes are those of the model that wrote the tensors, and the user is asked for others") {
  const OfficialPatchTSTConfig official{.channels = 2,
                                        .lookback = 41,
                                        .horizon = 5,
                                        .width = 12,
                                        .ffn_width = 10,
                                        .heads = 3,
                                        .depth = 2,
                                        .patch = 4,
                                        .stride = 3,
                                        .kept = ModuleMask{0b11}};
  const auto model = random<OfficialPatchTST<float>>(official);
  Checkpoint dict = Checkpoint::of(model);
  const auto plan_official = [&](const Given& given) {
    const auto file = dict.file();
    return plan_import<OfficialPatchTST<float>>(file, options_of(given));
  };
  CHECK(plan_official({}).asked.size() == 2);  // lookback, heads
  CHECK(contains(plan_official({}).asked[0].hint, "14 patches of 4 rows"));
  CHECK(plan_official({{"stride", 3}}).asked[0].hint == "the rows of history, 40 to 42");
  CHECK(plan_official({{"lookback", 41}, {"heads", 3}}).size("stride") == 3);
  CHECK(plan_official({{"lookback", 41}, {"heads", 3}}).asked.empty());
  CHECK(message_of<ConfigError>([&] {
          plan_official({{"lookback", 43}, {"stride", 3}});
        }) ==
        "lookback 43, patch 4, stride 3: these sizes do not make the 14 patches of checkpoint.pth");
  CHECK(message_of<ConfigError>([&] {
          plan_official({{"lookback", 4}});
        }) == "lookback 4, patch 4: no stride makes the 14 patches of checkpoint.pth");
  CHECK(message_of<ConfigError>([&] {
          plan_official({{"depth", 3}});
        }) == "--depth 3: checkpoint.pth has depth 2, by model.backbone.encoder.layers.1");
  // the heads follow from the scale of the scores, which the authors' files hold
  dict.tensors["model.backbone.encoder.layers.0.self_attn.sdp_attn.scale"] = {{}, {0.5f}};
  CHECK(plan_official({{"lookback", 41}}).size("heads") == 3);
  CHECK(plan_official({{"lookback", 41}}).asked.empty());
  CHECK(contains(message_of<ConfigError>([&] {
                   plan_official({{"heads", 4}});
                 }),
                 "--heads 4: checkpoint.pth has heads 3"));
  {
    const auto file = dict.under("module.").file();
    const auto back = imported<OfficialPatchTST<float>>(file, options_of({{"lookback", 41}}), 2);
    CHECK(back.config() == official);
    CHECK(tests::same_parameters(back, model));
  }
  // saved from the model inside of the model
  Checkpoint inner;
  for (const auto& [name, one] : dict.tensors) inner.tensors[name.substr(6)] = one;
  const auto file = inner.file();
  const auto plan = plan_import<OfficialPatchTST<float>>(file, options_of({{"lookback", 41}}));
  CHECK(plan.prefix.empty());
  CHECK(plan.names.at("model.backbone.W_pos") == "backbone.W_pos");
}

TEST_CASE("a stride that several numbers fit is asked for") {
  const auto model = random<PatchTST<float>>({.channels = 1,
                                              .lookback = 48,
                                              .horizon = 2,
                                              .width = 4,
                                              .ffn_width = 4,
                                              .heads = 2,
                                              .depth = 1,
                                              .patch = 16,
                                              .stride = 8});
  const auto file = Checkpoint::of(model).file();
  const auto plan =
      plan_import<PatchTST<float>>(file, options_of({{"lookback", 48}, {"heads", 2}}));
  REQUIRE(plan.asked.size() == 1);
  CHECK(plan.asked[0].field == "stride");
  CHECK(plan.asked[0].hint == "the rows between patches: 7, 8 fit");
  CHECK(message_of<ConfigError>([&] { plan.expect_complete("x.pth"); }) ==
        "x.pth does not say all sizes. Missing: stride: the rows between patches: 7, 8 fit");
}

TEST_CASE("models of one size and other names: RLinear, and DLinear of neuralforecast") {
  const auto linear = random<RLinear<float>>({.channels = 2, .lookback = 7, .horizon = 3});
  const auto file = Checkpoint::of(linear).under("net.").file();
  const auto back = imported<RLinear<float>>(file, options_of({{"instance_norm", 0}}), 2);
  CHECK(back.config().lookback == 7);
  CHECK(back.config().horizon == 3);
  CHECK_FALSE(back.config().instance_norm);
  CHECK(tests::same_parameters(back, linear));

  const auto decomposed = random<DLinear<float>>({.channels = 1, .lookback = 7, .horizon = 3});
  Checkpoint dict;
  for (const auto& [name, one] : Checkpoint::of(decomposed).tensors)
    dict.tensors[name.starts_with("Linear_Trend") ? "model.linear_trend" + name.substr(12)
                                                  : "model.linear_season" + name.substr(15)] = one;
  dict.records = {{"hyper_parameters.moving_avg_window", "5"},
                  {"hyper_parameters.input_size", "7"},
                  {"hyper_parameters.h", "3"}};
  const auto theirs = dict.file();
  const auto plan = plan_import<DLinear<float>>(theirs, {});
  CHECK(plan.prefix == "model.");
  CHECK(plan.size("kernel") == 5);
  CHECK_FALSE(plan.reads_marks);
  CHECK(tests::same_parameters(imported<DLinear<float>>(theirs, {}, 1), decomposed));
  CHECK(message_of<ConfigError>([&] {
          (void)plan_import<DLinear<float>>(theirs, options_of({{"kernel", 25}}));
        }) == "--kernel 25: checkpoint.pth has hyper_parameters.moving_avg_window = 5");
}

TEST_CASE("Crossformer's rows lie in its segments, and its window in the layer that merges") {
  for (const std::size_t window : {1u, 2u, 3u}) {
    const auto model = random<Crossformer<float>>({.channels = 2,
                                                   .lookback = 36,
                                                   .horizon = 10,
                                                   .width = 4,
                                                   .ffn_width = 6,
                                                   .heads = 2,
                                                   .depth = 2,
                                                   .segment = 6,
                                                   .window = window,
                                                   .routers = 3});
    const auto file = Checkpoint::of(model).file();
    const auto plan = plan_import<Crossformer<float>>(file, {});
    CHECK(plan.size("window") == window);
    CHECK(plan.size("routers") == 3);
    CHECK(plan.size("channels") == 2);
    REQUIRE(plan.asked.size() == 3);
    CHECK(plan.asked[0].hint == "the rows of history, 31 to 36");
    CHECK(plan.asked[1].hint == "the rows to forecast, 7 to 12");
    const auto plan_with = [&](std::size_t rows) {
      return message_of<ConfigError>([&] {
        (void)plan_import<Crossformer<float>>(file, options_of({{"lookback", rows}}));
      });
    };
    CHECK(plan_with(31) == "nothing was thrown");
    CHECK(contains(plan_with(37), "--lookback 37: lookback 37 does not lie in 31 to 36"));
    CHECK(contains(plan_with(30), "--lookback 30: lookback 30 does not lie in 31 to 36"));
  }
}

TEST_CASE("records of a checkpoint say what shapes do not, and what the library cannot") {
  Checkpoint dict = small_dict();
  dict.records = {{"hyper_parameters.n_heads", "3"},
                  {"hyper_parameters.use_norm", "false"},
                  {"hyper_parameters.dropout", "0.25"},
                  {"hyper_parameters.activation", "GELU"}};
  const ImportPlan plan = plan_of(dict, {});
  CHECK(plan.asked.empty());
  CHECK(plan.size("heads") == 3);
  CHECK(plan.size("instance_norm") == 0);
  CHECK(plan.dropout == 0.25);
  CHECK(plan.reads_marks);
  CHECK(refusal<ConfigError>(dict, options_of({{"heads", 4}})) ==
        "--heads 4: checkpoint.pth has hyper_parameters.n_heads = 3");
  dict.records["args.n_heads"] = "4";  // two records that differ say nothing
  CHECK(plan_of(dict, {}).asked.size() == 1);
  dict.records = {{"args.activation", "relu"}};
  CHECK(
      contains(refusal<ConfigError>(dict), "args.activation = relu: the library's model has gelu"));
  dict.records = {{"hyper_parameters.scaler_type", "robust"}};
  CHECK(contains(refusal<ConfigError>(dict), "scaler_type = robust"));
}

}  // namespace import_sizes_tests
