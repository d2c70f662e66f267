// Errors over a split do not depend on how the windows are batched.
#include <spat/train/evaluate.hpp>

#include <tests/catch.hpp>
#include <tests/models/example.hpp>

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
                                    .kept = ModuleMask<>{0b11}};

}  // namespace

TEMPLATE_TEST_CASE("metrics are those of every window, whatever the batch size and the workers", "", float, double) {
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

TEST_CASE("a forecast that is not finite is an error, not a metric") {
  using Model = ITransformer<float>;
  const example::SyntheticWindows<float> windows(config);
  auto model = example::made<Model>({config});
  model.projection.bias.flat()[3] = std::numeric_limits<float>::quiet_NaN();
  CHECK_THROWS_AS(evaluate(model, windows.validation), NumericError);
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
