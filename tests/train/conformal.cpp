// Conformal intervals: their rank rule, and their coverage of exchangeable data.
#include <spat/autograd/initialize.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/train/conformal.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace conformal_tests {

using namespace spat;

namespace {

using Model = RLinear<float>;
constexpr WindowOptions options{.lookback = 2, .horizon = 2, .stride = 4};

/// A series of independent numbers, so that windows that do not overlap are exchangeable.
Series noise(std::size_t windows, std::uint64_t seed) {
  Series series;
  series.names = {"a", "b"};
  Random random(seed, 0);
  for (std::size_t i = 0; i < windows * 4 * 2; ++i) series.values.push_back(random.normal());
  return series;
}
WindowDataset<float> windows_of(const Series& series) {
  return {series, StandardScaler({0, 0}, {1, 1}), {0, series.rows()}, options};
}
Model made() {
  Model model({RLinearConfig{.channels = 2, .lookback = 2, .horizon = 2}});
  initialize(parameters(model), 1);
  return model;
}

}  // namespace

TEST_CASE("the rank of a level is ceil((n + 1) level)") {
  CHECK(conformal_rank(9, 0.5) == 5);
  CHECK(conformal_rank(9, 0.8) == 8);
  CHECK(conformal_rank(9, 0.9) == 9);
  CHECK(conformal_rank(9, 0.95) == 10);  // nine errors cannot say
  CHECK(conformal_rank(19, 0.95) == 19);
  CHECK(conformal_rank(99, 0.95) == 95);
  CHECK(conformal_rank(999, 0.8) == 800);
  CHECK(conformal_rank(100, 0.8) == 81);
}

TEST_CASE("radii are the errors of that rank, and infinite if there are too few") {
  const Model model = made();
  const Series series = noise(9, 3);
  const auto windows = windows_of(series);
  const auto found = calibrate(model, windows, std::array{0.95, 0.5, 0.9});
  CHECK(found.levels == std::vector<double>{0.5, 0.9, 0.95});
  CHECK((found.horizon == 2 && found.channels == 2 && found.windows == 9));
  std::vector<double> errors;  // of step 1, channel 0
  for_each_forecast(model, windows, nullptr, 64, [&](const auto& batch, const auto& y) {
    for (std::size_t b = 0; b < batch.samples; ++b)
      errors.push_back(std::abs(static_cast<double>(y.row(2 * b + 1)[0]) -
                                static_cast<double>(batch.target.row(2 * b + 1)[0])));
  });
  std::ranges::sort(errors);
  CHECK(found.radius(0, 1, 0) == Approx(errors[4]).epsilon(1e-6));
  CHECK(found.radius(1, 1, 0) == Approx(errors[8]).epsilon(1e-6));
  CHECK(std::isinf(found.radius(2, 1, 0)));
  CHECK(found.find(0.9) == 1);
  CHECK(message_of<ConfigError>([&] { (void)found.find(0.8); }) ==
        "no intervals of 80 %; the model has those of 50, 90, 95");
  for (const double bad : {0.0, 1.0, -0.5, std::nan("")})
    CHECK_THROWS_AS(calibrate(model, windows, std::array{bad}), ConfigError);
}

TEST_CASE("exchangeable data is covered as the level says, within the binomial error") {
  const Model model = made();
  std::vector<double> inside(2, 0);
  constexpr std::size_t rounds = 40, n = 199;
  for (std::size_t round = 0; round < rounds; ++round) {
    const Series calibration = noise(n, 100 + round), test = noise(n, 1000 + round);
    const auto intervals = calibrate(model, windows_of(calibration), std::array{0.8, 0.95});
    const auto found = coverage_of(model, intervals, windows_of(test));
    for (std::size_t l = 0; l < 2; ++l) inside[l] += found[l].coverage / rounds;
    CHECK(found[0].mean_width < found[1].mean_width);
  }
  // Each radius is off by about sqrt(p (1 - p) / n), and so is each test: two hundred windows, four
  // numbers of each that share no error.
  for (std::size_t l = 0; l < 2; ++l) {
    const double level = l == 0 ? 0.8 : 0.95;
    const double error = std::sqrt(2 * level * (1 - level) / (n * 4.0 * rounds));
    CAPTURE(level, inside[l], error);
    CHECK(std::abs(inside[l] - level) < 4 * error);
  }
}

TEST_CASE("many windows are thinned, and intervals of another shape refused") {
  const Model model = made();
  const Series series = noise(2100, 5);
  const auto windows = windows_of(series);
  const auto found = calibrate(model, windows);
  CHECK(found.windows == 700);
  CHECK(found.levels.size() == usual_levels.size());
  ConformalIntervals other = found;
  other.horizon = 3;
  CHECK_THROWS_AS(coverage_of(model, other, windows), ShapeError);
}

TEST_CASE("intervals are written and read, rounded up") {
  const Model model = made();
  const auto found = calibrate(model, windows_of(noise(19, 7)));
  const auto read = intervals_from_json(to_json(found), "m");
  CHECK((read.levels == found.levels && read.horizon == 2 && read.channels == 2));
  CHECK(read.windows == 19);
  for (std::size_t i = 0; i < found.radii.size(); ++i) {
    CAPTURE(i, found.radii[i], read.radii[i]);
    if (std::isinf(found.radii[i])) {
      CHECK(std::isinf(read.radii[i]));
    } else {
      CHECK(read.radii[i] >= found.radii[i] * (1 - 1e-7));
      CHECK(read.radii[i] <= found.radii[i] * (1 + 2e-4));
    }
  }
  CHECK(to_json(read) == to_json(intervals_from_json(to_json(read), "m")));
  CHECK_THROWS_AS(intervals_from_json("{}", "m"), FileError);
  CHECK_THROWS_AS(
      intervals_from_json(
          R"({"levels":[0.5],"horizon":2,"channels":2,"windows":9,"radii":[1.0,2.0,3.0]})", "m"),
      ShapeError);
}

TEST_CASE("a forecast has the ends of its intervals in its own units") {
  Series forecast;
  forecast.names = {"b"};
  forecast.values = {10, 20};
  const StandardScaler scaler({0, 0}, {1, 4});  // of a and b
  const ConformalIntervals intervals{.levels = {0.5, 0.8},
                                     .horizon = 2,
                                     .channels = 1,
                                     .windows = 9,
                                     .radii = {0.5, 1, 2, std::numeric_limits<double>::infinity()}};
  const Series found = with_intervals(forecast, scaler, intervals, std::array{0.5});
  CHECK(found.names == std::vector<std::string>{"b", "b_50_low", "b_50_high"});
  CHECK(found.values == std::vector<double>{10, 8, 12, 20, 16, 24});
  CHECK(message_of<ConfigError>([&] {
          (void)with_intervals(forecast, scaler, intervals, std::array{0.8});
        }) == "intervals of 80 % need more than 9 windows of validation data");
  forecast.values.push_back(30);
  CHECK_THROWS_AS(with_intervals(forecast, scaler, intervals, std::array{0.5}), ShapeError);
}

}  // namespace conformal_tests
