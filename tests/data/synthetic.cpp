#include <spat/data/synthetic.hpp>
#include <spat/train/naive.hpp>

#include <tests/support/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

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

TEST_CASE("The synthetic series has the numbers that the documentation was made with") {
  const Series series = synthetic_series(120);
  const std::map<std::size_t, std::vector<double>> expected{
      {0,
       {55.19471337, 15.9188663, 24.51129061, 1.904692817, 4.622073065, 39.94811399, 12.62368837}},
      {60,
       {46.73650491, 20.74925408, 30.81262838, 21.10662485, 10.01968609, 29.2725012, 15.62497177}},
      {80,
       {59.03739282, 24.80459915, 31.45840707, 9.833423811, 7.59549991, 41.6662479, 31.31472526}},
      {119,
       {59.71124733, 22.16362944, 29.90842082, 6.494401745, 6.956762188, 54.84104099,
        24.54842212}}};
  for (const auto& [row, values] : expected)
    for (std::size_t c = 0; c < values.size(); ++c)
      CHECK(series.view().row(row)[c] == Approx(values[c]).epsilon(1e-8));
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
