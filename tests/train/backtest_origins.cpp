// From where a backtest forecasts, with which model, and what it sees.
#include <spat/train/backtest.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/train/backtest_example.hpp>

#include <cmath>
#include <limits>
#include <vector>

namespace backtest_origins_tests {

using namespace spat;
using namespace backtest_example;

TEST_CASE("windows with filled cells are left out if the model was trained without them") {
  Series series = made_series();
  series.filled.assign(series.values.size(), 0);
  series.filled[40 * 3 + 2] = 1;
  DataDescription data = described(series);
  data.window.skip_filled = true;
  const Backtest found = backtest(Toy{}, data, series, {30, 58}, {.step = 2});
  // a window holds rows [origin - 5, origin + 4): origins 38 to 44 hold row 40
  CHECK(found.origins == std::vector<std::size_t>{30, 32, 34, 36, 46, 48, 50, 52, 54});
  CHECK((found.left_out == 4 && found.filled == 0));
  const auto numbers = forecasts_of("model", Toy{}, series, data, found);
  CHECK(found.methods[0].errors.overall().mae ==
        Approx(errors_of(numbers, [](const Number&) { return true; }).mae).epsilon(1e-12));
  const Backtest last = backtest(Toy{}, data, series, {30, 58}, {.step = 2, .origins = 7});
  CHECK(last.origins == std::vector<std::size_t>{34, 36, 46, 48, 50, 52, 54});
  CHECK(message_of<DataError>([&] {
          (void)backtest(Toy{}, data, series, {38, 45});
        }) ==
        "the windows of all 1 origins hold cells without a number, and are left out: choose more "
        "rows, or another missing rule");
}

TEST_CASE("a forecast sees nothing at or after its origin") {
  const Series series = made_series();
  const DataDescription data = described(series);
  const std::size_t origin = 40;
  const auto forecasts = [&](double shift) {
    // the truth is zero, so that an error is the size of a forecast
    Series other = series;
    for (std::size_t i = origin * 3; i < other.values.size(); ++i) other.values[i] = 0;
    for (std::size_t i = (origin + horizon) * 3; i < other.values.size(); ++i)
      other.values[i] = shift;
    return backtest(Toy{}, data, other, {origin, origin + horizon}, {.step = 1});
  };
  const Backtest plain = forecasts(0), other = forecasts(1000);
  for (const BacktestMethod& method : plain.methods) {
    CHECK(method.errors.overall().mae == other.find(method.name)->errors.overall().mae);
    for (const Number& one : forecasts_of(method.name, Toy{}, series, data, plain))
      CHECK(method.errors.at(one.channel, one.step).mae ==
            Approx(std::abs(one.forecast)).epsilon(1e-12));
  }
  CHECK_FALSE(plain.known_covariates);
  // a row before the origin changes it
  Series before = series;
  before.values[(origin - 1) * 3] += 1;
  const auto range = Split{origin, origin + horizon};
  CHECK(backtest(Toy{}, data, series, range).methods[0].errors.overall().mae !=
        backtest(Toy{}, data, before, range).methods[0].errors.overall().mae);
}

TEST_CASE("origins lie whole steps before the last forecast") {
  using Rows = std::vector<std::size_t>;
  const WindowOptions window{.lookback = 5, .horizon = 4};
  CHECK(rolling_origins({0, 9}, window, 1) == Rows{5});
  CHECK(rolling_origins({0, 10}, window, 1) == Rows{5, 6});
  CHECK(rolling_origins({6, 10}, window, 1) == Rows{6});
  CHECK(rolling_origins({20, 32}, window, 4) == Rows{20, 24, 28});
  CHECK(rolling_origins({20, 31}, window, 4) == Rows{23, 27});
  CHECK(rolling_origins({20, 33}, window, 100) == Rows{29});
  CHECK(message_of<ConfigError>([&] {
          (void)rolling_origins({0, 9}, window, 0);
        }) == "the step from one origin to the next must be at least 1 row, found 0");
  CHECK(message_of<DataError>([&] {
          (void)rolling_origins({7, 7}, window, 1);
        }) == "a backtest needs rows to forecast, found none in rows [7, 7)");
  CHECK(message_of<DataError>([&] {
          (void)rolling_origins({0, 8}, window, 1);
        }) ==
        "one forecast of a backtest needs 4 rows after a lookback of 5, found 3 in rows [0, 8): "
        "choose more rows");
  CHECK_THROWS_AS(rolling_origins({2, 4}, window, 1), DataError);
  CHECK_THROWS_AS(rolling_origins({6, 9}, window, 1), DataError);

  const Series series = made_series();
  const DataDescription data = described(series);
  const Backtest found = backtest(Toy{}, data, series, {0, 60}, {.origins = 3});
  CHECK(found.step == horizon);
  CHECK(found.origins == Rows{48, 52, 56});
  CHECK(backtest(Toy{}, data, series, {0, 60}, {.origins = 100}).origins.size() == 13);
  CHECK(message_of<DataError>([&] {
          (void)backtest(Toy{}, data, series, {0, 61});
        }) == "rows [0, 61) do not lie in a series of 60");
  CHECK_THROWS_AS(backtest(Toy{}, data, series, {60, 50}), DataError);
  CHECK_THROWS_AS(backtest(Toy{}, data, series, {0, 60}, {.step = 0}), ConfigError);
}

TEST_CASE("the season is the calendar's, or the one asked for, if the past holds it") {
  Series series = made_series();
  DataDescription data = described(series);
  data.calendar = {};  // found in the times
  CHECK(backtest(Toy{}, data, series, {6, 60}).season == 5);
  const Backtest weekly = backtest(Toy{}, data, series, {12, 60}, {.season = 10});
  CHECK(weekly.season == 10);
  CHECK(weekly.scales[0] == Approx(scale_by_hand(series, 0, 10, weekly.origins[0])));
  const Backtest none = backtest(Toy{}, data, series, {30, 60}, {.season = 1});
  CHECK(names_of(none) == std::vector<std::string>{"model", "naive", "drift"});
  CHECK(none.baseline() == &none.methods[1]);
  CHECK(none.scales[0] == Approx(scale_by_hand(series, 0, 1, none.origins[0])));

  // five rows before the first origin are one season, and no difference
  const Backtest early = backtest(Toy{}, data, series, {5, 9});
  CHECK((early.season == 1 && early.long_season == 5 && early.find("seasonal naive") == nullptr));
  CHECK(message_of<DataError>([&] {
          (void)backtest(Toy{}, data, series, {5, 9}, {.season = 5});
        }) ==
        "a season of 5 rows needs more than 5 rows before the first origin, found 5: begin later, "
        "or choose a shorter season");

  series.time_index = TimeIndex::none, series.times.clear();
  const Backtest timeless = backtest(Toy{}, data, series, {30, 60});
  CHECK((timeless.season == 1 && timeless.first_time.empty() && timeless.last_time.empty()));
}

TEST_CASE("the model is trained anew before every k-th origin, and forecasts from there on") {
  const Series series = made_series();
  const DataDescription data = described(series);
  std::vector<std::size_t> called;
  std::vector<float> before;
  const auto retrain = [&](const Toy& model, std::size_t origin) {
    called.push_back(origin), before.push_back(model.slope);
    return Toy{.slope = static_cast<float>(origin)};
  };
  const Split rows{30, 60};  // origins 31, 36, 41, 46, 51, 56
  const Backtest found =
      backtest(Toy{}, data, series, rows, {.step = 5, .retrain_every = 4}, {}, retrain);
  CHECK(called == std::vector<std::size_t>{31, 51});
  CHECK(before == std::vector<float>{0.5f, 31});
  CHECK(found.retrained == called);
  double sum = 0;
  for (const std::size_t origin : found.origins) {
    const Toy model{.slope = origin < 51 ? 31.0f : 51.0f};
    sum +=
        backtest(model, data, series, {origin, origin + horizon}).methods[0].errors.overall().mae /
        6;
  }
  CHECK(found.methods[0].errors.overall().mae == Approx(sum).epsilon(1e-12));

  called.clear();
  CHECK(backtest(Toy{}, data, series, rows, {.step = 5}, {}, retrain).retrained.empty());
  CHECK(called.empty());
  (void)backtest(Toy{}, data, series, rows, {.step = 5, .retrain_every = 1}, {}, retrain);
  CHECK(called == found.origins);
  CHECK(message_of<ConfigError>([&] {
          (void)backtest(Toy{}, data, series, rows, {.retrain_every = 1});
        }) == "retraining needs a function that trains, found none");
}

TEST_CASE("what no forecast can be made of is refused") {
  Series series = made_series();
  const DataDescription data = described(series);
  CHECK(message_of<NumericError>([&] {
          (void)backtest(Toy{.slope = std::numeric_limits<float>::infinity()}, data, series,
                         {30, 34});
        }) == "the forecast of row 30 from origin 30 is not finite, channel \"a\"");
  CHECK_THROWS_AS(backtest(Toy{.horizon = 3}, data, series, {30, 60}), ShapeError);
  Series other = series;
  other.names[1] = message("x");
  CHECK_THROWS_AS(backtest(Toy{}, data, other, {30, 60}), ConfigError);
  for (std::size_t r = 0; r < other.rows(); ++r)  // hours
    other.times[r] = series.times[0] + 3600 * static_cast<std::int64_t>(r);
  other.names = series.names;
  CHECK_THROWS_AS(backtest(Toy{}, data, other, {30, 60}), DataError);
}

}  // namespace backtest_origins_tests
