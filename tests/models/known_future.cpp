// What is known of the rows to forecast: their times and covariates.
#include <spat/autograd/initialize.hpp>
#include <spat/data/time_features.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/timexer.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace known_future_tests {

using namespace spat;

namespace {

constexpr std::size_t lookback = 8, horizon = 4;

/// Hours of a price that two covariates make.
Series prices(std::size_t rows) {
  Series series{.names = {"wind", "sun", "price"}, .time_index = TimeIndex::date};
  Random random(5, 0);
  for (std::size_t r = 0; r < rows; ++r) {
    const double wind = random.normal(), sun = random.normal();
    series.values.insert(series.values.end(), {wind, sun, 40 - 3 * wind + sun});
    series.times.push_back(static_cast<std::int64_t>(r) * 3600);
  }
  return series;
}
Series head_of(const Series& series, std::size_t rows) {
  Series head = series;
  head.values.resize(rows * series.channels()), head.times.resize(rows);
  return head;
}
TimeXer<float> made() {
  TimeXer<float> model({TimeXerConfig{.channels = 3,
                                      .targets = 1,
                                      .lookback = lookback,
                                      .horizon = horizon,
                                      .width = 8,
                                      .ffn_width = 8,
                                      .heads = 2,
                                      .depth = 1,
                                      .patch = 4}});
  initialize(parameters(model), 1);
  return model;
}
DataDescription describe(const Series& series, bool known) {
  return describe_series(series, StandardScaler::fit(series, {0, series.rows()}),
                         {.lookback = lookback,
                          .horizon = horizon,
                          .features = Features::target_from_all,
                          .known_covariates = known});
}

}  // namespace

TEST_CASE("a forecast with known covariates is that of the window in the whole series") {
  const Series whole = prices(40), past = head_of(whole, 30);
  const DataDescription data = describe(whole, true);
  const auto model = made();
  const KnownFuture future = known_future(data, past, whole);
  CHECK(future.times == std::vector<std::int64_t>{30 * 3600, 31 * 3600, 32 * 3600, 33 * 3600});
  REQUIRE(future.covariates.size() == 2 * horizon);
  CHECK(future.covariates[0] == whole.view().row(30)[0]);
  CHECK(future.covariates[7] == whole.view().row(33)[1]);

  Predictor predictor(model);
  const Series y = forecast(predictor, data, past, future);
  const WindowDataset<float> windows(whole, data.scaler, {22, 34}, data.window);
  WindowBuffer<float> buffer;
  const std::array<std::size_t, 1> first{0};
  const auto expected = predictor.forecast(windows.gather(first, buffer));
  for (std::size_t t = 0; t < horizon; ++t)
    CHECK(y.values[t] == Approx(data.scaler.inverse(static_cast<double>(expected.row(t)[0]), 2)));
  // what comes is read: other covariates, another forecast
  KnownFuture other = future;
  other.covariates[6] += 1;
  CHECK(forecast(predictor, data, past, other).values != y.values);
}

TEST_CASE("covariates that a model needs are asked for, others are refused") {
  const Series whole = prices(40), past = head_of(whole, 38);
  const auto model = made();
  CHECK_THROWS_AS(forecast(model, describe(whole, true), past), ConfigError);
  CHECK(message_of<DataError>([&] { (void)known_future(describe(whole, true), past, whole); }) ==
        "a forecast needs 4 rows after the end of the series, found 2");
  const KnownFuture none = known_future(describe(whole, false), head_of(whole, 30), whole);
  CHECK(none.covariates.empty());
  Series undated = whole;
  undated.times.clear(), undated.time_index = TimeIndex::none;
  CHECK_THROWS_AS(known_future(describe(whole, true), past, undated), DataError);
  Series without = select_columns(whole, {"wind", "price"});
  CHECK_THROWS_AS(known_future(describe(whole, true), head_of(whole, 30), without), ConfigError);
}

}  // namespace known_future_tests
