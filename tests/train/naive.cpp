#include <spat/train/naive.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace naive_tests {

using namespace spat;

namespace {

Series column(std::vector<double> values) {
  Series series;
  series.names = {"a"};
  series.values = std::move(values);
  return series;
}
const StandardScaler unscaled({0}, {1});

}  // namespace

TEST_CASE("Repeating the last value errs by what the series moves") {
  const WindowDataset<double> windows(column({0, 1, 3, 6}), unscaled, {0, 4},
                                      {.lookback = 1, .horizon = 2});
  const Metrics errors = naive_errors(windows);  // 0 -> 1, 3 and 1 -> 3, 6
  CHECK(errors.mae == Approx((1 + 3 + 2 + 5) / 4.0));
  CHECK(errors.mse == Approx((1 + 9 + 4 + 25) / 4.0));
}

TEST_CASE("Repeating the last season is right if the series repeats it") {
  const WindowDataset<double> windows(column({1, 5, 9, 1, 5, 9, 1, 5, 9, 1}), unscaled, {0, 10},
                                      {.lookback = 4, .horizon = 5});
  CHECK(naive_errors(windows, 3).mse == 0);
  CHECK(naive_errors(windows, 1).mse > 1);
  CHECK(message_of<ConfigError>([&] { (void)naive_errors(windows, 5); }) ==
        "a season of 5 rows does not fit into a lookback of 4");
  CHECK_THROWS_AS(naive_errors(windows, 0), ConfigError);
}

}  // namespace naive_tests
