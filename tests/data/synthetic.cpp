#include <spat/data/synthetic.hpp>
#include <spat/train/naive.hpp>

#include <tests/support/catch.hpp>

#include <algorithm>
#include <cmath>

namespace synthetic_tests {

using namespace spat;

namespace {

double correlation(const Series& series, std::size_t leader, std::size_t follower,
                   std::size_t lag) {
  const StandardScaler scaler = StandardScaler::fit(series.view(), {0, series.rows()});
  double sum = 0;
  for (std::size_t t = lag; t < series.rows(); ++t) {
    sum += scaler.transform(series.view().row(t - lag)[leader], leader) *
           scaler.transform(series.view().row(t)[follower], follower);
  }
  return sum / static_cast<double>(series.rows() - lag);
}

}  // namespace

TEST_CASE("The synthetic series is hourly from July 2016 on, named and finite") {
  const Series series = synthetic_series();
  CHECK(series.rows() == 4000);
  CHECK(series.channels() == 7);
  CHECK(series.names.front() == "demand");
  CHECK(format_date_time(to_date_time(series.times[0])) == "2016-07-01 00:00:00");
  CHECK(series.times[3999] - series.times[0] == 3999 * 3600);
  for (const double x : series.values) CHECK(std::isfinite(x));
}

TEST_CASE(
    "The synthetic series is a function of the seed, and a longer one starts with a shorter one") {
  const Series series = synthetic_series(300, 5), longer = synthetic_series(500, 5);
  CHECK(series.values == synthetic_series(300, 5).values);
  CHECK(series.values != synthetic_series(300, 6).values);
  CHECK(std::equal(series.values.begin(), series.values.end(), longer.values.begin()));
}

TEST_CASE(
    "Followers show later what leaders show first, and a season is worth more than the last "
    "value") {
  const Series series = synthetic_series(20000);
  CHECK(correlation(series, 0, 2, 36) >
        correlation(series, 2, 0, 36) + 0.1);  // the daily cycles agree in both directions
  CHECK(correlation(series, 3, 4, 24) > correlation(series, 4, 3, 24) + 0.1);
  const StandardScaler scaler = StandardScaler::fit(series.view(), {0, 14000});
  const WindowDataset<double> windows(series, scaler, {14000, 20000},
                                      {.lookback = 96, .horizon = 24});
  CHECK(naive_errors(windows, 24).mse < 0.9 * naive_errors(windows).mse);
}

}  // namespace synthetic_tests
