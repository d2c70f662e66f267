// Errors over a split do not depend on how the windows are batched.
#include <spat/train/evaluate.hpp>

#include <tests/models/example.hpp>
#include <tests/support/catch.hpp>

namespace evaluate_tests {

using namespace spat;

namespace {

constexpr ITransformerConfig config{.channels = 7,
                                    .marks = 4,
                                    .lookback = 24,
                                    .horizon = 8,
                                    .width = 16,
                                    .ffn_width = 256,
                                    .heads = 2,
                                    .depth = 2,
                                    .kept = ModuleMask{0b11}};

}  // namespace

TEMPLATE_TEST_CASE("metrics are those of every window, whatever the batch size and the workers", "",
                   float, double) {
  using Model = ITransformer<TestType>;
  const example::SyntheticWindows<TestType> windows(config);
  const WindowDataset<TestType>& set = windows.validation;
  const auto model = example::made<Model>({config}, 3, 0.1);
  REQUIRE(set.size() > 64);
  REQUIRE(set.size() % 32 != 0);

  Predictor<Model> predictor(model);
  WindowBuffer<TestType> buffer;
  long double squares = 0, absolutes = 0;
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto batch = set.gather(std::span(&i, 1), buffer);
    const auto y = predictor.forecast(batch);
    for (std::size_t k = 0; k < y.size(); ++k) {
      const long double error =
          static_cast<long double>(y.data()[k]) - static_cast<long double>(batch.target.data()[k]);
      squares += error * error, absolutes += std::abs(error);
    }
  }
  const auto count = static_cast<long double>(set.size() * config.horizon * config.channels);
  const Metrics one = evaluate(model, set);
  CHECK(one.windows == set.size());
  CHECK(one.mse == Approx(static_cast<double>(squares / count)).epsilon(1e-12));
  CHECK(one.mae == Approx(static_cast<double>(absolutes / count)).epsilon(1e-12));
  CHECK(one.rmse() == std::sqrt(one.mse));
  for (const std::size_t workers : {1u, 2u, 3u}) {
    Team team(workers);
    for (const std::size_t batch_size : {1u, 5u, 32u, 64u, 1000u}) {
      INFO(workers << " workers, batches of " << batch_size);
      const Metrics other = evaluate(model, set, &team, batch_size);
      CHECK((other.mse == one.mse && other.mae == one.mae && other.windows == one.windows));
    }
  }
}

TEMPLATE_TEST_CASE(
    "errors kept apart by window and step are those of a plain loop, and their means those of all",
    "", float, double) {
  using Model = ITransformer<TestType>;
  auto own = config;
  own.horizon = 5;
  const example::SyntheticWindows<TestType> windows(own, 3);
  const WindowDataset<TestType>& set = windows.validation;
  const auto model = example::made<Model>({own}, 3, 0.1);
  Predictor<Model> predictor(model);
  WindowBuffer<TestType> buffer;
  std::vector<long double> by_window(set.size()), by_step(own.horizon);
  for (std::size_t i = 0; i < set.size(); ++i) {
    const auto batch = set.gather(std::span(&i, 1), buffer);
    const auto y = predictor.forecast(batch);
    for (std::size_t t = 0; t < own.horizon; ++t)
      for (std::size_t c = 0; c < own.channels; ++c) {
        const long double error = static_cast<long double>(y.row(t)[c]) -
                                  static_cast<long double>(batch.target.row(t)[c]);
        by_window[i] += error * error / static_cast<long double>(own.horizon * own.channels);
        by_step[t] += error * error / static_cast<long double>(set.size() * own.channels);
      }
  }
  const ErrorProfile one = error_profile(model, set);
  REQUIRE((one.by_window.size() == set.size() && one.by_step.size() == own.horizon));
  for (std::size_t i = 0; i < set.size(); ++i)
    CHECK(one.by_window[i] == Approx(static_cast<double>(by_window[i])).epsilon(1e-12));
  for (std::size_t t = 0; t < own.horizon; ++t)
    CHECK(one.by_step[t] == Approx(static_cast<double>(by_step[t])).epsilon(1e-12));
  const double mse = evaluate(model, set).mse;
  for (const auto* errors : {&one.by_window, &one.by_step})
    CHECK(std::accumulate(errors->begin(), errors->end(), 0.0) /
              static_cast<double>(errors->size()) ==
          Approx(mse).epsilon(1e-12));
  Team team(2);
  for (const std::size_t batch_size : {1u, 7u, 1000u}) {
    const ErrorProfile other = error_profile(model, set, &team, batch_size);
    CHECK((other.by_window == one.by_window && other.by_step == one.by_step));
  }
}

TEST_CASE("every window is forecast once, in order, in batches of the size that was asked for") {
  using Model = ITransformer<float>;
  const example::SyntheticWindows<float> windows(config, 3);
  const WindowDataset<float>& set = windows.validation;
  const auto model = example::made<Model>({config});
  Predictor<Model> predictor(model);
  WindowBuffer<float> buffer;
  for (const std::size_t batch_size : {1u, 4u, 1000u}) {
    std::size_t seen = 0;
    for_each_forecast(model, set, nullptr, batch_size, [&](const auto& batch, const auto& y) {
      CHECK(batch.samples == std::min(batch_size, set.size() - seen));
      for (std::size_t b = 0; b < batch.samples; ++b, ++seen) {
        const auto window = set.gather(std::span(&seen, 1), buffer);
        CHECK(example::same_bits(window.target.flat(), batch.target.middle_rows(b * 8, 8).flat()));
        CHECK(
            example::same_bits(predictor.forecast(window).flat(), y.middle_rows(b * 8, 8).flat()));
      }
    });
    CHECK(seen == set.size());
  }
  CHECK_THROWS_AS(for_each_forecast(model, set, nullptr, 0, [](const auto&, const auto&) {}),
                  ConfigError);
}

TEST_CASE("a forecast that is not finite is an error, not a metric") {
  using Model = ITransformer<float>;
  const example::SyntheticWindows<float> windows(config);
  auto model = example::made<Model>({config});
  model.projection.bias.flat()[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(evaluate(model, windows.validation), NumericError);
  CHECK_THROWS_AS(error_profile(model, windows.validation), NumericError);
  CHECK_THROWS_AS(evaluate(model, windows.validation, nullptr, 0), ConfigError);
}

TEST_CASE("windows of another horizon than the model's are an error") {
  using Model = ITransformer<float>;
  auto longer = config;
  longer.horizon = 12;
  const example::SyntheticWindows<float> windows(longer);
  const auto model = example::made<Model>({config});
  CHECK_THROWS_AS(evaluate(model, windows.validation), ShapeError);
  CHECK_THROWS_AS(evaluate(model, windows.validation, nullptr, 1), ShapeError);
  longer.horizon = 4;
  const example::SyntheticWindows<float> shorter(longer);
  CHECK_THROWS_AS(evaluate(model, shorter.validation), ShapeError);
}

}  // namespace evaluate_tests
