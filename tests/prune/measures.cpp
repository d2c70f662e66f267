// Measures of masks: changes of the loss worked out by hand, costs and losses of the pruned model,
// and each mask measured once.
#include <spat/models/crossformer.hpp>
#include <spat/models/patchtst.hpp>
#include <spat/models/timexer.hpp>
#include <spat/prune/measures.hpp>

#include <tests/prune/tiny.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace measures_tests {

using namespace spat;

namespace {

constexpr ITransformerConfig config = example::tiny;
constexpr PatchTSTConfig patches = example::tiny_patches(2);

std::vector<double> losses(std::size_t count, std::uint64_t stream) {
  std::vector<double> values(count);
  Random random(11, stream);
  for (double& value : values) value = random.uniform(0.5, 1.5);
  return values;
}

}  // namespace

TEST_CASE("a loss changes by the mean over stretches of windows, with its standard error") {
  const auto is = [](const Estimate& estimate, double mean, double error) {
    CHECK(estimate.mean == Approx(mean).epsilon(1e-12));
    CHECK(estimate.error == Approx(error).epsilon(1e-12));
  };
  is(loss_change({1, 1, 1, 1}, {1.1, 1.1, 1.3, 1.3}, 2), 0.2, 0.1);
  is(loss_change({1, 3, 2, 2}, {2, 4, 1, 1}, 2), 0,
     0.5);  // sums, not single windows: 6 / 4 - 1 and 2 / 4 - 1
  is(loss_change({2, 2, 2, 2, 2, 2, 2}, {2, 2, 4, 4, 5, 6, 7}, 3), 1,
     std::sqrt(1.0 / 3));  // 2, 2 and 3 windows: 0, 1, 2
  is(loss_change({1, 1, 1}, {1.5, 1.5, 1.5}, 3), 0.5, 0);
  const auto a = losses(23, 1), b = losses(23, 2);
  std::vector<double> changes;
  for (std::size_t k = 0; k < 5; ++k) {  // 4, 5, 4, 5, 5 windows
    constexpr std::array<std::size_t, 6> first{0, 4, 9, 13, 18, 23};
    double before = 0, after = 0;
    for (std::size_t i = first[k]; i < first[k + 1]; ++i) before += a[i], after += b[i];
    changes.push_back(after / before - 1);
  }
  double mean = 0, squares = 0;
  for (const double change : changes) mean += change / 5;
  for (const double change : changes) squares += (change - mean) * (change - mean);
  is(loss_change(a, b), mean, std::sqrt(squares / 4 / 5));
}

TEST_CASE("a loss does not change against itself") {
  for (std::size_t origins = 2; origins < 9; ++origins) {
    const Estimate same = loss_change(losses(8, origins), losses(8, origins), origins);
    CHECK((same.mean == 0 && same.error == 0));
  }
}

TEST_CASE("a change of the loss needs the same windows, two origins, and a window per origin") {
  CHECK(message_of<ShapeError>([] {
          (void)loss_change({1, 2, 3}, {1, 2});
        }) == "losses of the same windows: expected 3, found 2");
  CHECK(message_of<ConfigError>([] {
          (void)loss_change({1, 2, 3}, {1, 2, 3}, 1);
        }) == "rolling origins: at least 2 and at most one per window: origins 1, windows 3");
  CHECK_THROWS_AS(loss_change({1, 2, 3}, {1, 2, 3}, 0), ConfigError);
  CHECK_THROWS_AS(loss_change({1, 2, 3}, {1, 2, 3}, 4), ConfigError);
  CHECK_NOTHROW(loss_change({1, 2, 3}, {1, 2, 3}, 3));
}

TEST_CASE("measures are those of the pruned model") {
  const example::SyntheticWindows<float> windows(config, 4);
  const auto model = example::made<ITransformer<float>>({config});
  const Measures measures = measures_of(model, windows.training, windows.validation);
  const auto before = error_profile(model, windows.validation).by_window;
  for (std::uint64_t bits = 0; bits < 8; ++bits) {
    const auto fewer = pruned(model, {bits});
    const Cost cost = cost_of(fewer, 7);
    CHECK(measures.macs({bits}) == static_cast<double>(cost.macs));
    CHECK(measures.parameters({bits}) == static_cast<double>(cost.parameters));
    const Estimate change = measures.loss_change({bits}),
                   expected =
                       loss_change(before, error_profile(fewer, windows.validation).by_window);
    CHECK((change.mean == expected.mean && change.error == expected.error));
    CHECK((change.mean == 0 && change.error == 0) == (bits == 0b111));
  }
}

TEMPLATE_TEST_CASE("a share that a mask has exactly is met by it, and by none that costs more", "",
                   ITransformer<float>, PatchTST<float>, TimeXer<float>, Crossformer<float>) {
  for (const std::size_t channels : {3u, 7u})
    for (const std::size_t width : {6u, 8u, 10u}) {
      typename TestType::Config sizes{};
      sizes.channels = channels, sizes.lookback = 12, sizes.horizon = 4, sizes.width = width;
      sizes.ffn_width = width + 3, sizes.heads = 2, sizes.depth = 2;
      if constexpr (requires { sizes.patch; }) sizes.patch = 4;
      if constexpr (requires { sizes.segment; }) sizes.segment = 4, sizes.depth = 1;
      if constexpr (requires { sizes.routers; }) sizes.routers = 2;
      sizes.kept = ModuleMask::first(sizes.modules());
      const auto model = example::made<TestType>({sizes});
      const ModuleMask kept = model.form.kept(), guard = guard_of(model.form);
      std::map<ModuleMask, Cost> costs;
      for (std::uint64_t i = 0; i < std::uint64_t{1} << kept.count(); ++i)
        if (const ModuleMask mask = subset(kept, i); satisfies(mask, guard))
          costs[mask] = cost_of(detail::pruned_as_it_is(model, mask), channels);
      const Measures measures{
          .macs = [&](ModuleMask mask) { return static_cast<double>(costs.at(mask).macs); },
          .parameters =
              [&](ModuleMask mask) { return static_cast<double>(costs.at(mask).parameters); }};
      const auto check_all = [&](const MaskMeasure& measure, auto budget) {
        const double all = measure(kept);
        for (const auto& [mask, cost] : costs) {
          const double left = measure(mask);
          for (const double by : {1 - left / all, (all - left) / all}) {
            budget.by = by;
            const Goal goal = goal_of(budget, kept, measures).value();
            CHECK(goal.met(mask));
            for (const auto& [other, of_other] : costs)
              if (measure(other) > left) CHECK_FALSE(goal.met(other));
          }
        }
      };
      check_all(measures.macs, ReduceMacs{});
      check_all(measures.parameters, ReduceParameters{});
    }
}

TEST_CASE(
    "the loss of a model of batch statistics is measured by its own, of any number of workers") {
  const example::SyntheticWindows<float> windows(patches, 4);
  const auto model = example::made<PatchTST<float>>({patches});
  Team team(2);
  const MeasureOptions options{.origins = 3, .seed = 9};
  const Measures alone = measures_of(model, windows.training, windows.validation, options),
                 shared = measures_of(model, windows.training, windows.validation, options, &team);
  auto fewer = detail::pruned_as_it_is(model, {0b10});
  const auto before = error_profile(model, windows.validation).by_window,
             as_dense = error_profile(fewer, windows.validation).by_window;
  reestimate_statistics(fewer, windows.training, 9);
  const Estimate expected =
      loss_change(before, error_profile(fewer, windows.validation).by_window, 3);
  for (const Measures* measures : {&alone, &shared}) {
    CHECK(measures->loss_change({0b10}).mean == expected.mean);
    CHECK(measures->loss_change({0b10}).error == expected.error);
    CHECK(measures->loss_change({0b11}).mean == 0);
  }
  CHECK(expected.mean != loss_change(before, as_dense, 3).mean);
}

TEST_CASE("each mask is measured once, by all copies of the measures together") {
  const example::SyntheticWindows<float> windows(config, 4);
  auto model = example::made<ITransformer<float>>({config});
  const Measures measures =
      measures_of(model, windows.training, windows.validation, {.latency_seconds = 0.001});
  const Measures copy = measures;
  const double latency = measures.latency({0b101}), change = measures.loss_change({0b101}).mean;
  CHECK(latency > 0);
  for (const auto& parameter : parameters(model))
    for (float& value : parameter.values) value *= 1.5f;
  for (const Measures* again : {&measures, &copy}) {
    CHECK(again->loss_change({0b101}).mean == change);
    CHECK(again->latency({0b101}) == latency);  // no two measurements are alike
  }
  CHECK(measures_of(model, windows.training, windows.validation).loss_change({0b101}).mean !=
        change);
}

TEST_CASE("a measured loss needs two origins and a window per origin") {
  const example::SyntheticWindows<float> windows(config, 4);
  const auto model = example::made<ITransformer<float>>({config});
  for (const std::size_t origins : {std::size_t{1}, windows.validation.size() + 1}) {
    const Measures measures =
        measures_of(model, windows.training, windows.validation, {.origins = origins});
    CHECK_THROWS_AS(measures.loss_change({0b101}), ConfigError);
  }
}

TEST_CASE("a latency is measured on a batch, or on all windows if there are fewer") {
  const example::SyntheticWindows<float> windows(config, 4);
  const auto model = example::made<ITransformer<float>>({config});
  Team team(2);
  for (const std::size_t batch : {std::size_t{1}, std::size_t{4}, windows.validation.size() + 1})
    for (Team* workers : {static_cast<Team*>(nullptr), &team}) {
      const Latency latency = measure_latency(model, windows.validation, workers, 0.001, batch);
      CHECK((0 < latency.p10 && latency.p10 <= latency.median && latency.median <= latency.p90));
      CHECK(latency.repetitions >= 20);
    }
}

TEST_CASE("a module takes what the forecast is faster by without it") {
  const MaskMeasure latency = [](ModuleMask mask) {
    return 5 + (mask.keeps(0) ? 1.0 : 0.0) + (mask.keeps(1) ? 2.0 : 0.0) +
           (mask.keeps(2) ? 4.0 : 0.0);
  };
  CHECK(module_latencies({0b111}, 3, latency) == std::vector<double>{1, 2, 4});
  CHECK(module_latencies({0b101}, 4, latency) == std::vector<double>{1, 0, 4, 0});
  CHECK(module_latencies({}, 2, latency) == std::vector<double>{0, 0});
  CHECK(module_latencies({0b101}, 3, latency, {0b110}) ==
        std::vector<double>{1, 0, 0});  // module 2 has to stay
}

// Hidden: a timing. Run it alone on the machine, in a release build.
TEST_CASE("a model chosen by a latency has it when it is measured again", "[.latency]") {
  constexpr ITransformerConfig wide{.channels = 7,
                                    .lookback = 96,
                                    .horizon = 24,
                                    .width = 128,
                                    .ffn_width = 128,
                                    .heads = 8,
                                    .depth = 4,
                                    .kept = ModuleMask{0b1111}};
  const example::SyntheticWindows<float> windows(wide, 4);
  const auto model = example::made<ITransformer<float>>({wide});
  const Measures measures = measures_of(model, windows.training, windows.validation);
  const double slowest = measures.latency(wide.kept), fastest = measures.latency({});
  REQUIRE(fastest < slowest);
  std::vector<double> ratios;
  for (std::uint64_t draw = 0; draw < 20; ++draw) {
    Random random(5, draw);
    std::vector<double> scores(4);
    for (double& score : scores) score = random.uniform();
    const double limit = random.uniform(fastest, slowest);
    const ModuleMask mask = choose(wide.kept, scores, LatencyAtMost{limit}, {}, {}, measures);
    ratios.push_back(measure_latency(pruned(model, mask), windows.validation).median / limit);
  }
  std::ranges::sort(ratios);
  CHECK((ratios[9] + ratios[10]) / 2 <= 1.05);
}

}  // namespace measures_tests
