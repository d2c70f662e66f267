// The graph of each model forecasts what the model forecasts.
#include <tests/export/lower_support.hpp>
#include <tests/support/errors.hpp>

namespace lower_tests {

using namespace spat;
using lowered::count, lowered::each_mask, lowered::check_forecast, lowered::random_model;

using Names = std::vector<std::string>;

constexpr std::size_t per_module = 4;  // linear maps of an attention

TEST_CASE("an iTransformer's graph forecasts as it does, for every mask, with and without marks") {
  for (const std::size_t marks : {0u, 2u})
    for (const bool norm : {true, false}) {
      ITransformerConfig config = example::small;
      config.marks = marks, config.instance_norm = norm;
      each_mask<ITransformer<float>>(config, [&](ModuleMask mask, const ForecastGraph& graph) {
        CHECK(count(graph, GraphOp::attention) == mask.count());
        CHECK(count(graph, GraphOp::linear) == per_module * mask.count() + 2 * config.depth + 2);
        CHECK(lowered::inputs(graph) ==
              (marks > 0 && !mask.empty() ? Names{"history", "history_marks"} : Names{"history"}));
      });
    }
}

TEST_CASE("a static model's graph is that of the dynamic one") {
  constexpr auto config = keeping(example::small, ModuleMask{0b010});
  const auto fixed = check_forecast(random_model<ITransformer<float, Static<config>>>(config));
  const auto dynamic = check_forecast(random_model<ITransformer<float>>(config));
  REQUIRE(fixed.values.size() == dynamic.values.size());
  for (std::size_t i = 0; i < fixed.values.size(); ++i) {
    CHECK(fixed.values[i].name == dynamic.values[i].name);
    CHECK(fixed.values[i].numbers == dynamic.values[i].numbers);
  }
}

TEST_CASE("a graph of a model in double has its numbers rounded to float") {
  const auto model = random_model<ITransformer<double>>(example::small);
  const auto graph = forecast_graph(model, DataDescription{}, true);
  lowered::check_graph(graph);
  const auto list = parameters(model);
  const auto bias = find_parameter(list, "projection.bias");
  const auto found = std::ranges::find(graph.values, "projection.bias", &GraphValue::name);
  REQUIRE(found != graph.values.end());
  for (std::size_t i = 0; i < found->numbers.size(); ++i)
    CHECK(found->numbers[i] == static_cast<float>(bias->values[i]));
}

TEST_CASE("the parameters of an iTransformer's graph have the names and numbers of its file") {
  const auto model = random_model<ITransformer<float>>(example::small);
  const auto graph = forecast_graph(model, DataDescription{}, true);
  const auto list = parameters(model);
  for (const auto& parameter : list) {
    INFO(parameter.name);
    const auto found = std::ranges::find(graph.values, parameter.name, &GraphValue::name);
    REQUIRE(found != graph.values.end());
    CHECK(std::ranges::equal(found->numbers, parameter.values));
  }
}

TEST_CASE("the graphs of the models without attention forecast as they do") {
  for (const bool norm : {true, false})
    check_forecast(random_model<RLinear<float>>(
        {.channels = 3, .lookback = 11, .horizon = 5, .instance_norm = norm}));
  for (const std::size_t kernel : {1u, 5u, 25u, 51u}) {
    const auto graph = check_forecast(random_model<DLinear<float>>(
        {.channels = 3, .lookback = 11, .horizon = 5, .kernel = kernel}));
    CHECK(count(graph, GraphOp::linear) == 1);
    CHECK(graph.nodes.size() == 3);
  }
  const auto mixer = check_forecast(random_model<TSMixer<float>>(
      {.channels = 3, .lookback = 11, .horizon = 5, .width = 7, .depth = 3}));
  CHECK(count(mixer, GraphOp::linear) == 3 * 4 + 1);
}

constexpr PatchTSTConfig patches{.channels = 3,
                                 .lookback = 19,
                                 .horizon = 5,
                                 .width = 12,
                                 .ffn_width = 10,
                                 .heads = 3,
                                 .depth = 3,
                                 .patch = 6,
                                 .stride = 4};

TEST_CASE("a PatchTST's graph forecasts as it does, for every mask") {
  each_mask<PatchTST<float>>(patches, [](ModuleMask mask, const ForecastGraph& graph) {
    CHECK(count(graph, GraphOp::attention) == mask.count());
    CHECK(count(graph, GraphOp::linear) == per_module * mask.count() + 2 * patches.depth + 2);
  });
  auto plain = patches;
  plain.instance_norm = false, plain.stride = 6, plain.patch = 3;  // rows between patches
  check_forecast(random_model<PatchTST<float>>(plain));
}

TEST_CASE("an official PatchTST's graph forecasts as it does, for every mask") {
  OfficialPatchTSTConfig config{.channels = 3,
                                .lookback = 19,
                                .horizon = 5,
                                .width = 12,
                                .ffn_width = 10,
                                .heads = 3,
                                .depth = 4,
                                .patch = 6,
                                .stride = 4};
  each_mask<OfficialPatchTST<float>>(config, [&](ModuleMask mask, const ForecastGraph& graph) {
    CHECK(count(graph, GraphOp::attention) == mask.count());
    CHECK(count(graph, GraphOp::linear) == per_module * mask.count() + 2 * config.depth + 2);
  });
  config.instance_norm = false;
  check_forecast(random_model<OfficialPatchTST<float>>(config));
}

TEST_CASE("a TimeXer's graph forecasts as it does, for every mask, M and MS, with marks") {
  TimeXerConfig config{.channels = 4,
                       .marks = 2,
                       .lookback = 19,
                       .horizon = 5,
                       .width = 12,
                       .ffn_width = 10,
                       .heads = 3,
                       .depth = 2,
                       .patch = 4};
  for (const std::size_t targets : {0u, 1u, 2u})
    for (const std::size_t marks : {2u, 0u}) {
      config.targets = targets, config.marks = marks;
      each_mask<TimeXer<float>>(config, [&](ModuleMask mask, const ForecastGraph& graph) {
        const bool crosses = !(mask & ModuleMask::every_other(1)).empty();
        CHECK(count(graph, GraphOp::attention) == mask.count());
        CHECK(count(graph, GraphOp::linear) ==
              per_module * mask.count() + 2 * config.depth + 2 + (crosses ? 1 : 0));
        CHECK(lowered::inputs(graph) ==
              (crosses && marks > 0 ? Names{"history", "history_marks"} : Names{"history"}));
      });
    }
  config.instance_norm = false;
  check_forecast(random_model<TimeXer<float>>(config));
}

TEST_CASE("a Transformer's graph forecasts as it does, for every mask") {
  TransformerConfig config{.channels = 3,
                           .marks = 2,
                           .lookback = 9,
                           .horizon = 5,
                           .label = 4,
                           .width = 12,
                           .ffn_width = 10,
                           .heads = 3,
                           .depth = 2,
                           .decoder_depth = 2};
  each_mask<Transformer<float>>(config, [&](ModuleMask mask, const ForecastGraph& graph) {
    const ModuleMask decoder = mask.slice(config.depth, 2 * config.decoder_depth);
    const bool attends = !(decoder & ModuleMask::every_other(0)).empty(),
               crosses = !(decoder & ModuleMask::every_other(1)).empty();
    const std::size_t live = crosses ? mask.count() : decoder.count();
    CHECK(count(graph, GraphOp::attention) == live);
    CHECK(count(graph, GraphOp::linear) ==
          per_module * live + 2 * config.decoder_depth + 3 + (crosses ? 2 * config.depth + 2 : 0));
    CHECK(lowered::inputs(graph) == (attends || crosses
                                         ? Names{"history", "history_marks", "future_marks"}
                                         : Names{"history", "future_marks"}));
  });
  config.label = 9;
  each_mask<Transformer<float>>(config, [](ModuleMask, const ForecastGraph&) {});
  config.label = 0, config.decoder_depth = 1;
  for (const std::uint64_t bits : {0b1000u, 0b1101u, 0b1111u})
    check_forecast(random_model<Transformer<float>>(keeping(config, ModuleMask{bits})));
  config.label = 1, config.horizon = 1;
  check_forecast(random_model<Transformer<float>>(config));
}

constexpr CrossformerConfig segments{.channels = 3,
                                     .lookback = 19,
                                     .horizon = 7,
                                     .width = 12,
                                     .ffn_width = 10,
                                     .heads = 3,
                                     .depth = 1,
                                     .segment = 3,
                                     .window = 2,
                                     .routers = 2};

TEST_CASE("a Crossformer's graph forecasts as it does, for every mask with a cross-attention") {
  each_mask<Crossformer<float>>(segments, [](ModuleMask, const ForecastGraph&) {});
}

TEST_CASE("a Crossformer's graph forecasts as it does at three scales, whose segments are filled") {
  auto deep = segments;
  deep.depth = 3;
  for (const std::size_t window : {1u, 2u, 3u})
    for (const std::uint64_t bits : {~0ull, 0x24924ull, 0x3ffdfull, 0x15555ull, 0x800ull}) {
      deep.window = window;
      deep.kept = ModuleMask{bits} & ModuleMask::first(deep.modules());
      INFO("window " << window << ", kept " << to_string(deep.kept, deep.modules()));
      check_forecast(random_model<Crossformer<float>>(deep));
    }
  deep.depth = 2, deep.window = 4, deep.kept = ModuleMask::first(deep.modules());
  check_forecast(random_model<Crossformer<float>>(deep));  // 7 segments, one repeated
}

TEST_CASE("the layers of a Crossformer's decoder that read no history are constants") {
  const auto all = check_forecast(random_model<Crossformer<float>>(segments));
  CHECK(count(all, GraphOp::attention) == (1 + 2) + 1 + (1 + 2 + 1));
  const std::size_t routing = 8 - 1,  // two attentions; the routers' query is a constant
      block = per_module + 2 + routing + 2, first = 3 + 2 + 1, second = block + per_module + 2 + 1;
  CHECK(count(all, GraphOp::linear) == 1 + block + first + second);
}

TEST_CASE("a model that reads no history has no graph") {
  const auto refused = [](const auto& model) {
    return message_of<ConfigError>([&] { (void)forecast_graph(model, DataDescription{}, true); });
  };
  auto config = segments;
  config.kept = ModuleMask{0b01101111};
  REQUIRE((config.kept & config.guard()).empty());
  CHECK(contains(refused(random_model<Crossformer<float>>(config)), "without the history"));
  const TransformerConfig marks_alone{.channels = 3,
                                      .marks = 2,
                                      .lookback = 9,
                                      .horizon = 5,
                                      .label = 0,
                                      .width = 4,
                                      .ffn_width = 3,
                                      .heads = 2,
                                      .depth = 1,
                                      .kept = ModuleMask{0b011}};
  CHECK(contains(refused(random_model<Transformer<float>>(marks_alone)), "without the history"));
}

TEST_CASE("S-Mamba has no graph, and says why") {
  const SMamba<float> model({{.channels = 2, .lookback = 8, .horizon = 4, .width = 4}});
  const std::string text =
      message_of<ConfigError>([&] { (void)forecast_graph(model, DataDescription{}, true); });
  CHECK(contains(text, "S-Mamba"));
  CHECK(contains(text, "selective scan"));
}

}  // namespace lower_tests
