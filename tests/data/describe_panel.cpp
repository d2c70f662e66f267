#include <spat/data/describe_panel.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace describe_panel_tests {

using namespace spat;

namespace {

/// Two series of days; the second one starts later and is longer.
Panel two() {
  Panel panel{.series = {}, .columns = {"id", "day", "load"}};
  for (const std::int64_t first : {10, 12}) {
    Series one{.names = {message("plant ", first)}, .time_index = TimeIndex::date};
    for (std::int64_t day = first; day < 2 * first; ++day) {
      one.values.push_back(static_cast<double>(day));
      one.times.push_back(day * Calendar::seconds_of_day);
    }
    panel.series.push_back(one);
  }
  return panel;
}

}  // namespace

TEST_CASE("a panel's description has the name and the scaler of each series") {
  const Panel panel = two();
  const std::vector<StandardScaler> scalers{StandardScaler({1}, {2}), StandardScaler({3}, {4})};
  const DataDescription data =
      describe_panel(panel, scalers, {.lookback = 3, .horizon = 1}, Protocol::custom);
  CHECK(data.names == std::vector<std::string>{"plant 10", "plant 12"});
  CHECK((data.scaler.mean()[1] == 3 && data.scaler.deviation()[1] == 4));
  CHECK((data.alone && data.long_columns == panel.columns));
  CHECK(to_text(data.calendar) == "D");
  CHECK(data.rows == 22);
  CHECK(data.first_time == 10 * Calendar::seconds_of_day);
  CHECK(data.last_time == 23 * Calendar::seconds_of_day);

  CHECK(place_of(data, "plant 12") == 1);
  CHECK_FALSE(place_of(data, "plant 13"));
  const DataDescription one = of_series(data, "plant 12", scalers[1]);
  CHECK((one.names == std::vector<std::string>{"plant 12"} && one.scaler.mean()[0] == 3));
  CHECK(one.window.lookback == 3);
}

TEST_CASE("the digest of a panel is that of all series in their order") {
  const std::vector<StandardScaler> scalers(2, StandardScaler({1}, {2}));
  const auto digest = [&](const Panel& panel) { return describe_panel(panel, scalers, {}).digest; };
  const Panel panel = two();
  Panel turned = panel, other = panel;
  std::swap(turned.series[0], turned.series[1]);
  other.series[1].values.back() += 1;
  CHECK(digest(panel) == digest(two()));
  CHECK(digest(turned) != digest(panel));
  CHECK(digest(other) != digest(panel));
}

TEST_CASE("a panel without series and too few scalers are refused") {
  CHECK_THROWS_AS(describe_panel({}, {}, {}), DataError);
  CHECK(message_of<ShapeError>([] { (void)describe_panel(two(), {}, {}); }) ==
        "a panel of 2 series, found 0 scalers");
}

}  // namespace describe_panel_tests
