// Backtests of several series as one are those of a series with all their channels.
#include <spat/train/backtest_join.hpp>

#include <tests/support/catch.hpp>
#include <tests/train/backtest_example.hpp>

namespace backtest_join_tests {

using namespace spat;
using backtest_example::Toy;

namespace {

void check_same(double a, double b) {
  if (std::isnan(b))
    CHECK(std::isnan(a));
  else
    CHECK(a == Approx(b));
}

}  // namespace

TEST_CASE("channels that are forecast alone and joined have the figures of all together") {
  Series series = backtest_example::made_series(60);
  series.filled.resize(series.values.size());
  series.filled[series.channels() * 55] = 1;
  const WindowOptions window{.lookback = backtest_example::lookback,
                             .horizon = backtest_example::horizon};
  const ConformalIntervals intervals{.levels = {0.8},
                                     .horizon = window.horizon,
                                     .channels = series.channels(),
                                     .windows = 9,
                                     .radii = std::vector<double>(12, 0.4)};
  const Split rows{40, 60};
  const auto scaler_of = [](const Series& s) { return StandardScaler::fit(s, {0, 40}); };
  // without a slope the toy forecasts each channel from itself
  const auto run = [&](const Series& s) {
    ConformalIntervals own = intervals;
    own.channels = s.channels(), own.radii.resize(own.horizon * own.channels);
    return backtest(Toy{.targets = s.channels(), .slope = 0},
                    describe_series(s, scaler_of(s), window), s, rows, {}, own);
  };
  std::vector<Backtest> parts;
  for (const std::string& name : series.names) parts.push_back(run(select_columns(series, {name})));
  const Backtest all = joined(parts), expected = run(series);
  CHECK(all.channels == expected.channels);
  CHECK(all.filled == expected.filled);
  REQUIRE(all.methods.size() == expected.methods.size());
  REQUIRE(all.methods.size() == 4);
  for (std::size_t m = 0; m < 4; ++m)
    for (std::size_t c = 0; c <= series.channels(); ++c)
      for (std::size_t t = 0; t <= window.horizon; ++t) {
        const BacktestErrors &a = all.methods[m].errors.at(c, t),
                             &b = expected.methods[m].errors.at(c, t);
        CHECK(a.forecasts == b.forecasts);
        check_same(a.mae, b.mae), check_same(a.rmse, b.rmse);
        check_same(a.smape, b.smape), check_same(a.mase, b.mase);
      }
  for (std::size_t c = 0; c <= series.channels(); ++c) {
    const BacktestCoverage &a = all.intervals[0].found.of_channel(c),
                           &b = expected.intervals[0].found.of_channel(c);
    check_same(a.coverage, b.coverage), check_same(a.mean_width, b.mean_width);
  }
  CHECK_THROWS_AS(joined({}), ShapeError);
  Backtest other = parts[1];
  other.horizon = 9;
  CHECK_THROWS_AS(joined({parts[0], other}), ShapeError);
}

}  // namespace backtest_join_tests
