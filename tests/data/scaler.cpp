#include <spat/data/scaler.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <spat/core/random.hpp>

#include <array>
#include <limits>

namespace scaler_tests {

using namespace spat;

TEST_CASE("Columns are scaled by mean and population deviation of the rows fitted on") {
  const std::array<double, 8> values{1, 10, 3, 10, 100, -7, 5, 10};
  const Rows<const double> rows(values.data(), 4, 2);
  const StandardScaler scaler = StandardScaler::fit(rows, {0, 2});
  CHECK(scaler.mean()[0] == 2);
  CHECK(scaler.deviation()[0] == 1);
  CHECK(scaler.transform(100, 0) == 98);
  CHECK(scaler.inverse(98, 0) == 100);
  CHECK(StandardScaler::fit(rows, {1, 3}).mean()[1] == 1.5);
}

TEST_CASE("A constant column has deviation 1 and is listed") {
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.insert(values.end(), {0.1, static_cast<double>(i), 0});
  const StandardScaler scaler = StandardScaler::fit({values.data(), 1000, 3}, {0, 1000});
  CHECK(std::vector<std::size_t>(scaler.constant_columns().begin(),
                                 scaler.constant_columns().end()) ==
        std::vector<std::size_t>{0, 2});
  CHECK(scaler.deviation()[0] == 1);
  CHECK(scaler.transform(0.1, 0) == 0);
}

TEST_CASE("Scaling and back is the identity, for all channels and for the last alone") {
  Random random(2);
  std::vector<double> values(60);
  for (double& x : values) x = random.uniform(-1e3, 1e4);
  const StandardScaler scaler = StandardScaler::fit({values.data(), 20, 3}, {0, 20});
  std::vector<double> scaled = values;
  scaler.transform(Rows<double>(scaled.data(), 20, 3));
  double sum = 0, squares = 0;
  for (std::size_t i = 1; i < 60; i += 3) sum += scaled[i], squares += scaled[i] * scaled[i];
  CHECK(sum == Approx(0).margin(1e-12));
  CHECK(squares / 20 == Approx(1));
  std::vector<double> last(20);
  for (std::size_t i = 0; i < 20; ++i) last[i] = scaled[3 * i + 2];
  scaler.inverse(Rows<double>(scaled.data(), 20, 3));
  scaler.inverse(Rows<double>(last.data(), 20, 1), 2);
  for (std::size_t i = 0; i < 60; ++i) CHECK(scaled[i] == Approx(values[i]));
  for (std::size_t i = 0; i < 20; ++i) CHECK(last[i] == Approx(values[3 * i + 2]));

  std::vector<float> narrow{static_cast<float>(values[0])};
  const std::span<const double> mean = scaler.mean();
  scaler.transform(Rows<float>(narrow.data(), 1, 1));
  CHECK(narrow[0] == Approx((values[0] - mean[0]) / scaler.deviation()[0]).epsilon(1e-5));
}

TEST_CASE("A scaler that cannot scale is refused") {
  CHECK(message_of<DataError>([] {
          (void)StandardScaler::fit(Rows<const double>(), {0, 0});
        }) == "scaler: no rows to fit on");
  CHECK(message_of<ShapeError>([] {
          StandardScaler({1, 2}, {1});
        }) == "scaler: 2 means, but 1 deviations");
  CHECK(message_of<ConfigError>([] {
          StandardScaler({1, 2}, {1, 0});
        }) == "scaler: mean 2 and deviation 0 of column 1 cannot scale");
  const std::array<double, 2> endless{std::numeric_limits<double>::infinity(), 1};
  CHECK(message_of<DataError>([&] {
          (void)StandardScaler::fit({endless.data(), 2, 1}, {0, 2});
        }) == "scaler: the numbers of column 0 are too large");
  CHECK_THROWS_AS(StandardScaler::fit({endless.data(), 2, 1}, {0, 3}), ShapeError);
  CHECK_THROWS_AS(StandardScaler::fit({endless.data(), 2, 1}, {2, 1}), ShapeError);
  StandardScaler two({1, 2}, {1, 1});
  CHECK_THROWS_AS((void)two.transform(1, 2), ShapeError);
  CHECK_THROWS_AS((void)two.inverse(1, ~std::size_t{0}), ShapeError);
  std::array<double, 3> row{};
  CHECK_THROWS_AS(two.transform(Rows<double>(row.data(), 1, 3)), ShapeError);
  CHECK_THROWS_AS(two.inverse(Rows<double>(row.data(), 3, 1), 2), ShapeError);
}

TEST_CASE("Level and spread may be of any size") {
  for (const double spread : {1e-200, 1e-8, 1.0, 1e150})
    for (const double level : {0.0, 1e5, 1e12}) {
      INFO("spread " << spread << ", level " << level << " times it");
      Random random(3);
      std::vector<double> values(2000);
      long double sum = 0, squares = 0;
      for (double& x : values) x = spread * (level + random.normal()), sum += x;
      const long double mean = sum / 2000;
      for (const double x : values) squares += (x - mean) / spread * ((x - mean) / spread);
      const auto deviation = static_cast<double>(std::sqrt(squares / 2000) * spread);
      const StandardScaler scaler = StandardScaler::fit({values.data(), 2000, 1}, {0, 2000});
      CHECK(scaler.constant_columns().empty());
      CHECK(scaler.deviation()[0] == Approx(deviation).epsilon(1e-12));
      CHECK(std::abs(scaler.mean()[0] - static_cast<double>(mean)) <=
            1e-15 * std::abs(static_cast<double>(mean)) + 1e-14 * spread);
    }
  const std::array<double, 2> ends{std::numeric_limits<double>::max(),
                                   -std::numeric_limits<double>::max()};
  const StandardScaler scaler = StandardScaler::fit({ends.data(), 2, 1}, {0, 2});
  CHECK((scaler.mean()[0] == 0 && scaler.transform(ends[0], 0) == 1));
}

}  // namespace scaler_tests
