// A backtest gives the figures of forecasts made one by one from series that end at the origins.
#include <spat/train/backtest.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/train/backtest_example.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace backtest_tests {

using namespace spat;
using namespace backtest_example;

namespace {

void check_equal(const BacktestErrors& found, const BacktestErrors& expected) {
  CHECK(found.forecasts == expected.forecasts);
  CHECK(found.mae == Approx(expected.mae).epsilon(1e-12));
  CHECK(found.rmse == Approx(expected.rmse).epsilon(1e-12));
  CHECK(found.smape == Approx(expected.smape).epsilon(1e-12));
  CHECK(found.mase == Approx(expected.mase).epsilon(1e-12));
}

/// Compares every figure of every method with one computed by hand.
void check_all(const Backtest& found, const Toy& model, const Series& series,
               const DataDescription& data) {
  const std::size_t channels = found.channels.size(), skipped = series.channels() - channels;
  std::vector<double> scales;
  for (std::size_t c = 0; c < channels; ++c) {
    scales.push_back(scale_by_hand(series, skipped + c, found.season, found.origins[0]));
    CHECK(found.scales[c] == Approx(scales[c]).epsilon(1e-12));
  }
  for (const BacktestMethod& method : found.methods) {
    const auto numbers = forecasts_of(method.name, model, series, data, found);
    REQUIRE(method.errors.cells.size() == (channels + 1) * (horizon + 1));
    for (std::size_t t = 0; t <= horizon; ++t) {
      const auto at_step = [&](const Number& one) { return t == horizon || one.step == t; };
      double smape = 0, mase = 0;
      for (std::size_t c = 0; c < channels; ++c) {
        CAPTURE(method.name, t, c);
        BacktestErrors expected =
            errors_of(numbers, [&](const Number& one) { return at_step(one) && one.channel == c; });
        expected.mase = expected.mae / scales[c];
        smape += expected.smape / as_double(channels), mase += expected.mase / as_double(channels);
        check_equal(method.errors.at(c, t), expected);
      }
      CAPTURE(method.name, t);
      BacktestErrors expected = errors_of(numbers, at_step);
      expected.smape = smape, expected.mase = mase;
      check_equal(method.errors.of_step(t), expected);
    }
    CHECK(&method.errors.overall() == &method.errors.of_step(horizon));
  }
}

}  // namespace

TEST_CASE("every figure is that of forecasts made one by one") {
  const Series series = made_series();
  for (const Features features : {Features::all, Features::target_from_all}) {
    const DataDescription data = described(series, features);
    const std::size_t targets = features == Features::all ? 3 : 1;
    const Toy model{.targets = targets};
    const Backtest found = backtest(model, data, series, {30, 55}, {.step = 3});
    CHECK(found.origins == std::vector<std::size_t>{30, 33, 36, 39, 42, 45, 48, 51});
    CHECK((found.lookback == lookback && found.horizon == horizon && found.step == 3));
    CHECK((found.season == 5 && found.long_season == 0 && found.filled == 0));
    CHECK(found.channels == (targets == 3 ? series.names : std::vector<std::string>{"c"}));
    CHECK(names_of(found) == std::vector<std::string>{"model", "naive", "seasonal naive", "drift"});
    CHECK(found.baseline() == &found.methods[2]);
    CHECK(found.methods[0].errors.overall().forecasts == 8 * horizon * targets);
    CHECK((found.first_time == "2024-02-12 00:00:00" && found.last_time == "2024-03-12 00:00:00"));
    check_all(found, model, series, data);
    // a season shorter than the horizon repeats itself
    check_all(backtest(model, data, series, {30, 55}, {.step = 3, .season = 3}), model, series,
              data);
  }
}

TEST_CASE("batches and workers change no figure") {
  const Series series = made_series();
  const DataDescription data = described(series);
  const Backtest one = backtest(Toy{}, data, series, {10, 60}, {.step = 1});
  Team team(2);
  for (const std::size_t size : {1u, 3u, 7u}) {
    const Backtest other =
        backtest(Toy{}, data, series, {10, 60}, {.step = 1, .batch_size = size}, {}, {}, &team);
    for (std::size_t i = 0; i < one.methods[0].errors.cells.size(); ++i) {
      const BacktestErrors &a = one.methods[0].errors.cells[i],
                           &b = other.methods[0].errors.cells[i];
      CHECK((a.mae == b.mae && a.rmse == b.rmse && a.smape == b.smape && a.mase == b.mase));
    }
  }
}

TEST_CASE("cells that the file does not have count in no figure") {
  Series series = made_series();
  series.filled.assign(series.values.size(), 0);
  Random random(9, 0);
  for (std::uint8_t& cell : series.filled) cell = random.below(4) == 0 ? 1 : 0;
  for (std::size_t r = 0; r < series.rows(); ++r) series.filled[r * 3 + 1] = r >= 30 ? 1 : 0;
  series.filled[30 * 3 + 1] = 0;  // of this channel the first step of the first origin alone counts
  const DataDescription data = described(series);
  const Backtest found = backtest(Toy{}, data, series, {30, 58}, {.step = 4});
  std::size_t filled = 0;
  for (std::size_t r = 30; r < 58; ++r)
    for (std::size_t c = 0; c < 3; ++c)
      if (series.is_filled(r, c)) ++filled;
  CHECK(filled > 20);
  CHECK(found.filled == filled);
  const auto& errors = found.methods[0].errors;
  CHECK(errors.overall().forecasts == 28 * 3 - filled);
  CHECK(errors.at(1, 0).forecasts == 1);
  CHECK(errors.at(1, 3).forecasts == 0);
  CHECK(std::isnan(errors.at(1, 3).mae));
  CHECK(errors.of_step(3).mase ==
        Approx((errors.at(0, 3).mase + errors.at(2, 3).mase) / 2).epsilon(1e-12));
  CHECK(errors.of_step(3).smape ==
        Approx((errors.at(0, 3).smape + errors.at(2, 3).smape) / 2).epsilon(1e-12));
  for (std::size_t c = 0; c < 3; ++c)
    CHECK(found.scales[c] == Approx(scale_by_hand(series, c, 5, 30)).epsilon(1e-12));
  for (const BacktestMethod& method : found.methods) {
    const auto numbers = forecasts_of(method.name, Toy{}, series, data, found);
    for (const std::size_t c : {0u, 2u})
      CHECK(method.errors.of_channel(c).mae ==
            Approx(errors_of(numbers, [&](const Number& one) { return one.channel == c; }).mae)
                .epsilon(1e-12));
    CHECK(method.errors.overall().rmse ==
          Approx(errors_of(numbers, [](const Number&) { return true; }).rmse).epsilon(1e-12));
  }
  // another value in a filled cell of the truth, which no history holds, is another value of none
  std::size_t cell = 54 * 3;
  while (series.filled[cell] == 0) ++cell;
  series.values[cell] = 1e6;
  CHECK(backtest(Toy{}, data, series, {30, 58}, {.step = 4}).methods[0].errors.overall().mae ==
        errors.overall().mae);
}

TEST_CASE("a constant channel has no MASE, and zeros no sMAPE") {
  Series series = made_series();
  for (std::size_t r = 0; r < series.rows(); ++r) series.values[r * 3] = 0;
  const DataDescription data = describe_series(series, StandardScaler({0, 90, 205}, {1, 0.5, 4}),
                                               {.lookback = lookback, .horizon = horizon});
  const Backtest found = backtest(Toy{.slope = 0}, data, series, {30, 60});
  CHECK(std::isnan(found.scales[0]));
  const auto& errors = found.methods[0].errors;
  CHECK((errors.of_channel(0).smape == 0 && errors.of_channel(0).mae == 0));
  CHECK(std::isnan(errors.of_channel(0).mase));
  CHECK(errors.overall().mase ==
        Approx((errors.of_channel(1).mase + errors.of_channel(2).mase) / 2).epsilon(1e-12));
  CHECK(errors.overall().smape ==
        Approx((errors.of_channel(1).smape + errors.of_channel(2).smape) / 3).epsilon(1e-12));
}

TEST_CASE("intervals are counted and measured in the units of the series") {
  Series series = made_series();
  series.filled.assign(series.values.size(), 0);
  series.filled[41 * 3 + 2] = 1;
  const DataDescription data = described(series);
  ConformalIntervals intervals{.levels = {0.5, 0.9}, .horizon = horizon, .channels = 3};
  for (std::size_t i = 0; i < 2 * horizon * 3; ++i)
    intervals.radii.push_back(2 * as_double(i % 7 + 1));
  intervals.radii.back() = std::numeric_limits<double>::infinity();
  const Backtest found = backtest(Toy{}, data, series, {30, 60}, {.step = 3}, intervals);
  const auto numbers = forecasts_of("model", Toy{}, series, data, found);
  REQUIRE(found.intervals.size() == 2);
  for (std::size_t l = 0; l < 2; ++l) {
    CHECK(found.intervals[l].level == intervals.levels[l]);
    for (std::size_t c = 0; c <= 3; ++c)
      for (std::size_t t = 0; t <= horizon; ++t) {
        double inside = 0, widths = 0, n = 0;
        for (const Number& one : numbers) {
          if ((c < 3 && one.channel != c) || (t < horizon && one.step != t)) continue;
          const double radius =
              intervals.radius(l, one.step, one.channel) * data.scaler.deviation()[one.channel];
          inside += std::abs(one.truth - one.forecast) <= radius ? 1 : 0;
          widths += 2 * radius, n += 1;
        }
        CAPTURE(l, c, t);
        const BacktestCoverage& figures = found.intervals[l].found.at(c, t);
        CHECK(figures.coverage == Approx(inside / n).epsilon(1e-12));
        if (std::isinf(widths))
          CHECK(std::isinf(figures.mean_width));
        else
          CHECK(figures.mean_width == Approx(widths / n).epsilon(1e-12));
      }
  }
  const double covered = found.intervals[0].found.overall().coverage;
  CHECK((covered > 0.05 && covered < 0.95));
  CHECK(backtest(Toy{}, data, series, {30, 60}).intervals.empty());
  // of the last channel alone, by its own deviation, 4
  const auto target =
      backtest(Toy{.targets = 1}, described(series, Features::target_from_all), series, {30, 60},
               {}, {.levels = {0.5}, .horizon = horizon, .channels = 1, .radii = {1, 1, 1, 2}});
  CHECK(target.intervals[0].found.of_step(0).mean_width == 8);
  CHECK(target.intervals[0].found.at(0, 3).mean_width == 16);
  intervals.horizon = 3;
  CHECK(message_of<ShapeError>([&] {
          (void)backtest(Toy{}, data, series, {30, 60}, {}, intervals);
        }) == "intervals of 3 steps and 3 channels, found forecasts of 4 and 3");
}

}  // namespace backtest_tests
