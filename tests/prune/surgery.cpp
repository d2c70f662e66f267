// A pruned model is the remaining weights and no more, in the static and in the dynamic form.
#include <spat/models/cost.hpp>
#include <spat/models/predictor.hpp>
#include <spat/prune/surgery.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace surgery_tests {

using namespace spat;

namespace {

using Dense = ITransformer<float>;
using StaticDense = ITransformer<float, Static<example::small>>;

/// An iTransformer that wants to keep the attention of its second or third layer.
struct GuardedConfig : ITransformerConfig {
  [[nodiscard]] constexpr ModuleMask guard() const { return {0b110}; }
};
using GuardedModel = ITransformer<float, Dynamic<GuardedConfig>>;

template <class Model>
std::vector<float> forecast_of(const Model& model) {
  const example::RandomBatch<float> data(example::small, 3);
  Predictor<Model> predictor(model);
  const auto y = predictor.forecast(data.batch);
  return {y.flat().begin(), y.flat().end()};
}

}  // namespace

TEST_CASE(
    "every mask gives the same forecasts in the static and the dynamic form, and in no other "
    "mask") {
  const auto dense = example::made<Dense>({example::small}, 5, 0.3);
  const auto fixed = converted<StaticDense>(dense);
  std::vector<std::vector<float>> forecasts;
  for (std::uint64_t mask = 0; mask < 8; ++mask) {
    INFO(to_string(ModuleMask{mask}, 3));
    const Dense smaller = pruned(dense, ModuleMask{mask});
    CHECK(smaller.form.kept().bits == mask);
    CHECK(smaller.dropout() == 0.3);
    const auto variant = pruned(fixed, ModuleMask{mask});
    forecasts.push_back(forecast_of(smaller));
    std::visit(
        [&](const auto& model) {
          CHECK(model.form.kept().bits == mask);
          CHECK(model.dropout() == 0.3);
          CHECK(example::same_bits(forecast_of(model), forecasts.back()));
          CHECK(parameter_count(parameters(model)) == parameter_count(parameters(smaller)));
        },
        variant);
    for (std::size_t other = 0; other < mask; ++other)
      CHECK_FALSE(example::same_bits(forecasts[other], forecasts.back()));
  }
}

TEST_CASE("remaining weights keep their numbers, and those of a pruned module are removed") {
  const auto dense = example::made<Dense>({example::small});
  const Dense smaller = pruned(dense, ModuleMask{0b101});
  const auto before = parameters(dense), after = parameters(smaller);
  CHECK(before.size() - after.size() == 8);
  for (const auto& parameter : after) {
    const auto same = find_parameter(before, parameter.name);
    REQUIRE(same != before.end());
    CHECK(same->shape == parameter.shape);
    CHECK(example::same_bits(same->values, parameter.values));
  }
  for (const auto& parameter : before)
    CHECK((find_parameter(after, parameter.name) == after.end()) ==
          parameter.name.starts_with(dense.module_name(1) + "."));
  const std::size_t width = example::small.width;
  CHECK(parameter_count(before) - parameter_count(after) == 4 * (width * width + width));
}

TEST_CASE("a pruned module cannot come back") {
  const auto dense = example::made<Dense>({example::small});
  const Dense smaller = pruned(dense, ModuleMask{0b101});
  CHECK(pruned(smaller, ModuleMask{0b100}).form.kept().bits == 0b100);
  const std::string text =
      message_of<ConfigError>([&] { (void)pruned(smaller, ModuleMask{0b011}); });
  CHECK(text.find("kept 101, asked for 110") != std::string::npos);
  CHECK_THROWS_AS((void)pruned(smaller, ModuleMask{0b111}), ConfigError);
  const auto fixed = converted<StaticDense::Pruned<ModuleMask{0b101}>>(dense);
  CHECK_THROWS_AS((void)pruned(fixed, ModuleMask{0b010}), ConfigError);
  CHECK(std::variant_size_v<decltype(pruned(fixed, ModuleMask{0b100}))> == 4);
  // Nor by a conversion: the numbers are not there.
  CHECK(message_of<ShapeError>([&] {
          (void)converted<Dense>(smaller, {example::small});
        }).find(dense.module_name(1)) != std::string::npos);
}

TEST_CASE("a model does not lose the last of the modules of which one has to stay") {
  GuardedConfig guarded;
  static_cast<ITransformerConfig&>(guarded) = example::small;
  const auto dense = example::made<GuardedModel>({guarded});
  CHECK(guard_of(dense.form).bits == 0b110);
  CHECK(guard_of(example::made<Dense>({example::small}).form).bits == 0);
  CHECK(pruned(dense, ModuleMask{0b100}).form.kept().bits == 0b100);
  CHECK(pruned(dense, ModuleMask{0b010}).form.kept().bits == 0b010);
  const auto refused = [&](std::uint64_t mask) {
    return message_of<ConfigError>([&] { (void)pruned(dense, ModuleMask{mask}); });
  };
  CHECK(refused(0b001) == "one of these modules has to stay: 011, asked for 100");
  CHECK(refused(0b000) == "one of these modules has to stay: 011, asked for 000");
  CHECK(refused(~std::uint64_t{0b110}) == "one of these modules has to stay: 011, asked for 100");
}

TEST_CASE("bits beyond the last module do not matter to the surgery") {
  constexpr ITransformerConfig all = keeping(example::small, ModuleMask::all());
  const auto dense = example::made<Dense>({all});
  const auto fixed = example::made<ITransformer<float, Static<all>>>();
  CHECK(pruned(dense, ModuleMask::all()).form.kept().bits == 0b111);
  CHECK(pruned(dense, ModuleMask::all().without(1)).form.kept().bits == 0b101);
  std::visit([](const auto& model) { CHECK(model.form.kept().bits == 0b101); },
             pruned(fixed, ModuleMask::all().without(1)));
}

TEST_CASE("parameters and multiply-adds are those of the published configurations") {
  const auto check = [](const ITransformerConfig& config, std::size_t parameter_count,
                        double mega_macs, double rounding) {
    const Cost cost = cost_of(ITransformer<float>({config}), config.channels);
    CHECK(cost.parameters == parameter_count);
    CHECK(static_cast<double>(cost.macs) / 1e6 == Approx(mega_macs).margin(rounding));
  };
  // iTransformer on ETTh1, Weather, and a set without time marks (Solar).
  check({.channels = 7, .marks = 4, .width = 256, .ffn_width = 256}, 841'568, 9.32, 0.005);
  check({.channels = 7, .marks = 4, .horizon = 720}, 3'576'016, 39.45, 0.005);
  check({.channels = 21, .marks = 4, .depth = 3}, 4'833'888, 122.3, 0.05);
  check({.channels = 137}, 3'255'904, 482.9, 0.05);
}

TEST_CASE("a pruned model costs what is left of it") {
  const ITransformerConfig config{.channels = 7, .marks = 4, .width = 256, .ffn_width = 256};
  const auto cost = [&](std::uint64_t mask) {
    return cost_of(ITransformer<float>({keeping(config, ModuleMask{mask})}), 7);
  };
  const std::size_t n = 11, d = 256, attention = 4 * n * d * d + 2 * n * n * d;
  CHECK(cost(0b11).macs - cost(0b10).macs == attention);
  CHECK(cost(0b11).parameters - cost(0b01).parameters == 4 * (d * d + d));
  CHECK(cost(0b11).macs == 2 * (attention + 2 * n * d * d) + n * (96 * d + d * 96));
  CHECK(cost(0b00).macs ==
        7 * (2 * 2 * d * d + 96 * d + d * 96));  // no attention reads the time marks
}

TEST_CASE("latencies are percentiles of the sorted times") {
  CHECK(latency_of({}).repetitions == 0);
  const Latency one = latency_of({3});
  CHECK((one.median == 3 && one.p10 == 3 && one.p90 == 3 && one.repetitions == 1));
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) times.push_back((i * 37) % 101);
  const Latency many = latency_of(times);
  CHECK((many.median == 50 && many.p10 == 10 && many.p90 == 90 && many.repetitions == 101));
}

TEST_CASE("calls are measured in turns, each as often as the others") {
  std::string order;
  const auto latencies = measure_alternately({[&] { order += 'a'; }, [&] { order += 'b'; }}, 0, 4);
  REQUIRE(latencies.size() == 2);
  for (const Latency& latency : latencies)
    CHECK((latency.repetitions == 4 && latency.p10 <= latency.median &&
           latency.median <= latency.p90));
  CHECK(order ==
        "aaabbb"
        "abababab");
}

}  // namespace surgery_tests
