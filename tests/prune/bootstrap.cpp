// The uncertainty of a ranking, compared with known results for means of independent, correlated
// and constant columns.
#include <spat/prune/bootstrap.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>

namespace bootstrap_tests {

using namespace spat;

namespace {

using Steps = std::vector<std::vector<double>>;
using Pairs = std::vector<std::pair<std::size_t, std::size_t>>;
const double nan_score = std::nan("");

/// Column i: mean i * distance, an autoregression x_t = phi x_(t-1) + e_t with normal e of its own.
Steps noisy_columns(std::size_t steps, std::size_t modules, double distance, double phi = 0) {
  Steps rows(steps, std::vector<double>(modules));
  for (std::size_t i = 0; i < modules; ++i) {
    Random random(11, i);
    double x = 0;
    for (std::vector<double>& row : rows) {
      x = phi * x + random.normal();
      row[i] = static_cast<double>(i) * distance + x;
    }
  }
  return rows;
}

/// Population mean and standard deviation over the square root of the number.
std::pair<double, double> mean_and_error(const Steps& steps, std::size_t i) {
  double mean = 0, squares = 0, count = 0;
  for (const auto& row : steps)
    if (!std::isnan(row[i])) mean += row[i], ++count;
  mean /= count;
  for (const auto& row : steps)
    if (!std::isnan(row[i])) squares += (row[i] - mean) * (row[i] - mean);
  return {mean, std::sqrt(squares / count / count)};
}

}  // namespace

TEST_CASE("the standard error of independent normal steps is s / sqrt(n)") {
  const Steps steps = noisy_columns(4000, 4, 1);
  for (const std::size_t block : {std::size_t{1}, std::size_t{0}}) {
    const ScoreSpread spread = bootstrap(steps, 1, 1000, block);
    CHECK(spread.block == (block == 0 ? 16 : 1));
    for (std::size_t i = 0; i < 4; ++i) {
      const auto [mean, error] = mean_and_error(steps, i);
      CHECK(spread.mean[i] == Approx(mean).margin(1e-13));
      CHECK(spread.standard_error[i] == Approx(error).epsilon(0.15));
    }
  }
}

TEST_CASE("blocks see the correlation of neighbouring steps, single steps do not") {
  const double phi = 0.8;
  const Steps steps = noisy_columns(20000, 2, 0, phi);
  const ScoreSpread single = bootstrap(steps, 1, 400, 1), blocks = bootstrap(steps, 1, 400, 60);
  for (std::size_t i = 0; i < 2; ++i) {
    const double error = mean_and_error(steps, i).second;
    CHECK(single.standard_error[i] == Approx(error).epsilon(0.15));
    CHECK(blocks.standard_error[i] ==
          Approx(error * std::sqrt((1 + phi) / (1 - phi))).epsilon(0.15));
  }
}

TEST_CASE("the probability of an order is that of a normal difference of means") {
  // The difference of the two sample means is itself normal, of the error sqrt(e0^2 + e1^2) around
  // the observed difference.
  const Steps steps = noisy_columns(1000, 2, 0.03);
  const ScoreSpread spread = bootstrap(steps, 3, 4000, 1);
  const auto [mean0, error0] = mean_and_error(steps, 0);
  const auto [mean1, error1] = mean_and_error(steps, 1);
  const double z = (mean1 - mean0) / std::hypot(error0, error1),
               expected = std::erfc(-z / std::sqrt(2.0)) / 2;
  CHECK(spread.below[0][1] == Approx(expected).margin(0.03));
  CHECK(spread.below[0][1] + spread.below[1][0] == Approx(1).epsilon(1e-15));
}

TEST_CASE(
    "steps are paired: an offset that all steps have is certain, however far the means spread") {
  Steps steps = noisy_columns(200, 1, 0);
  for (auto& row : steps) row = {row[0], row[0] + 0.01, row[0] - 0.01};
  const ScoreSpread spread = bootstrap(steps, 1);
  CHECK(spread.standard_error[0] > 0.04);
  CHECK(spread.below == Steps{{0.5, 1, 0}, {0, 0.5, 0}, {1, 1, 0.5}});
  CHECK(spread.mean_tau == 1);
  CHECK(spread.indistinguishable(1).empty());
}

TEST_CASE("unpaired noise of that size leaves the order open") {
  Steps steps = noisy_columns(200, 3, 0.01);
  for (auto& row : steps) row[2] += 5;
  const ScoreSpread spread = bootstrap(steps, 1);
  CHECK(spread.indistinguishable() == Pairs{{0, 1}});
  CHECK(spread.mean_tau < 1);
  CHECK(spread.mean_tau >= 1.0 / 3);  // only one of three pairs can swap
  const double swapped = std::min(spread.below[0][1], spread.below[1][0]);
  CHECK(spread.below[0][2] == 1);
  const bool holds = (spread.mean[0] < spread.mean[1]) == (spread.below[0][1] > 0.5);
  if (holds) CHECK(spread.mean_tau == Approx(1 - swapped * 2 / 3).epsilon(1e-12));
  CHECK(spread.indistinguishable(1 - swapped - 1e-9).empty() == holds);
  CHECK(spread.indistinguishable(1 - swapped + 1e-9) == Pairs{{0, 1}});
}

TEST_CASE("constant columns have no error, and equal ones no order") {
  const ScoreSpread spread = bootstrap(Steps(20, {0.5, 0.25, 0.5}), 1);
  CHECK(spread.mean == std::vector{0.5, 0.25, 0.5});
  CHECK(spread.standard_error == std::vector{0.0, 0.0, 0.0});
  CHECK(spread.below == Steps{{0.5, 0, 0.5}, {1, 0.5, 1}, {0.5, 0, 0.5}});
  CHECK(spread.mean_tau == 1);
  CHECK(spread.indistinguishable() == Pairs{{0, 2}});
  CHECK(std::isnan(bootstrap(Steps(20, {0.5, 0.5}), 1).mean_tau));
}

TEST_CASE("a module that was silent in all steps is NaN, and in no pair") {
  const ScoreSpread spread = bootstrap(Steps(20, {1, nan_score, 2}), 1);
  CHECK((spread.mean[0] == 1 && std::isnan(spread.mean[1]) && spread.mean[2] == 2));
  CHECK((spread.standard_error[0] == 0 && std::isnan(spread.standard_error[1])));
  CHECK((spread.below[0][2] == 1 && std::isnan(spread.below[0][1]) &&
         std::isnan(spread.below[1][2])));
  CHECK(spread.mean_tau == 1);
  CHECK(spread.indistinguishable(1).empty());
}

TEST_CASE("a module that was silent in some steps is compared where it was not") {
  // Scores rise with the steps. Module 1 is the lower one in every step that scores it, but only
  // late steps do, so its mean is higher.
  Steps steps;
  for (int t = 0; t < 40; ++t)
    steps.push_back({1.0 * t, t < 20 ? nan_score : t - 0.5, t < 20 ? 1.0 * t : nan_score});
  const ScoreSpread spread = bootstrap(steps, 1);
  CHECK(spread.mean == std::vector{19.5, 29.0, 9.5});
  CHECK((spread.below[1][0] == 1 && spread.below[0][1] == 0));
  CHECK(spread.below[0][2] == 0.5);
  CHECK(std::isnan(spread.below[1][2]));  // never in the same step
  CHECK(spread.indistinguishable() == Pairs{{0, 1}, {0, 2}, {1, 2}});
  CHECK(spread.standard_error[1] > 0);
}

TEST_CASE("resamples follow the definition: blocks drawn for each, mean and order counted") {
  Steps steps = noisy_columns(23, 3, 0.1);
  steps[4][1] = steps[20][2] = steps[21][2] = nan_score;
  const std::size_t block = 3, resamples = 50;  // round(cbrt(23)); the last block is cut
  const ScoreSpread spread = bootstrap(steps, 9, resamples);
  REQUIRE(spread.block == block);
  std::vector<double> below(9, 0), sum(3, 0), squares(3, 0);
  double tau = 0;
  for (std::size_t r = 0; r < resamples; ++r) {
    Random random(9, r);
    Steps drawn;
    while (drawn.size() < steps.size()) {
      const auto first = static_cast<std::ptrdiff_t>(random.below(steps.size() - block + 1));
      drawn.insert(drawn.end(), steps.begin() + first,
                   steps.begin() + first + std::ptrdiff_t{block});
    }
    drawn.resize(steps.size());
    std::vector<double> means;
    for (std::size_t i = 0; i < 3; ++i) {
      means.push_back(mean_and_error(drawn, i).first);
      sum[i] += means[i], squares[i] += means[i] * means[i];
      for (std::size_t j = 0; j < 3; ++j) {
        Steps both;
        for (const auto& row : drawn)
          if (!std::isnan(row[i] + row[j])) both.push_back(row);
        below[i * 3 + j] += mean_and_error(both, i).first < mean_and_error(both, j).first ? 1 : 0;
      }
    }
    tau += kendall_tau(means, spread.mean) / static_cast<double>(resamples);
  }
  const auto n = static_cast<double>(resamples);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(spread.standard_error[i] ==
          Approx(std::sqrt((squares[i] - sum[i] * sum[i] / n) / (n - 1))).epsilon(1e-9));
    for (std::size_t j = 0; j < 3; ++j)
      if (i != j) CHECK(spread.below[i][j] == Approx(below[i * 3 + j] / n).epsilon(1e-12));
  }
  CHECK(spread.mean_tau == Approx(tau).epsilon(1e-12));
}

TEST_CASE("a bootstrap is a function of its seed") {
  const Steps steps = noisy_columns(100, 3, 0.05);
  const ScoreSpread one = bootstrap(steps, 1), again = bootstrap(steps, 1),
                    other = bootstrap(steps, 2);
  CHECK((one.resamples == 200 && one.block == 5));
  CHECK(one.standard_error == again.standard_error);
  CHECK(one.below == again.below);
  CHECK(one.mean == other.mean);
  CHECK(one.standard_error != other.standard_error);
}

TEST_CASE("one step or one resample is enough, and says nothing of the error it cannot know") {
  const ScoreSpread step = bootstrap({{1, 2}}, 1);
  CHECK((step.mean == std::vector{1.0, 2.0} && step.standard_error == std::vector{0.0, 0.0} &&
         step.below[0][1] == 1));
  const ScoreSpread resample = bootstrap({{1, 2}, {2, 4}}, 1, 1);
  CHECK((std::isnan(resample.standard_error[0]) && resample.below[0][1] == 1));
}

TEST_CASE("what cannot be resampled is an error") {
  const auto refused = [](const Steps& steps, std::size_t resamples = 200, std::size_t block = 0) {
    return message_of<ConfigError>([&] { (void)bootstrap(steps, 1, resamples, block); });
  };
  CHECK(refused({}) == "no step to resample: score at least one step of training");
  CHECK(refused({{1}}, 0) == "a bootstrap needs at least one resample, found 0");
  CHECK(refused({{1}, {2}}, 200, 3) == "a block of 3 steps is longer than the 2 there are");
  CHECK(message_of<ShapeError>([] {
          (void)bootstrap({{1, 2}, {1}}, 1);
        }) == "step 1 scores 1 modules, step 0 2");
  for (const double bad : {1.0, -1.0})
    CHECK(message_of<NumericError>([&] {
            (void)bootstrap({{1, 2}, {1, bad * std::numeric_limits<double>::infinity()}}, 1);
          }) == "the score of module 1 in step 1 is infinite");
  for (const double level : {0.0, 1.01, nan_score})
    CHECK(message_of<ConfigError>([&] {
            (void)ScoreSpread{}.indistinguishable(level);
          }).starts_with("a level of certainty must lie in (0, 1]"));
}

TEST_CASE("batch means give the standard error of a mean, by hand and of independent steps") {
  CHECK(batch_means_errors({{1, 0}, {3, 0}, {5, 0}, {7, 0}}) ==
        std::vector{2.0, 0.0});  // blocks of means 2 and 6
  CHECK(batch_means_errors({{1}, {3}, {5}}).empty());
  CHECK(batch_means_errors({}).empty());
  const auto silent =
      batch_means_errors({{1, nan_score}, {3, nan_score}, {5, nan_score}, {7, nan_score}});
  CHECK((silent[0] == 2 && std::isnan(silent[1])));
  Random random(5);
  Steps steps;
  for (std::size_t t = 0; t < 10000; ++t) steps.push_back({random.normal()});
  CHECK(batch_means_errors(steps)[0] ==
        Approx(0.01).epsilon(0.25));  // 100 blocks: three deviations of its own error
}

}  // namespace bootstrap_tests
