// The uncertainty of a ranking, compared with known results for means of independent, correlated
// and constant columns, and with the scatter of simulated trainings for moving averages.
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
      const auto first = static_cast<std::size_t>(random.below(steps.size()));
      for (std::size_t k = 0; k < block; ++k) drawn.push_back(steps[(first + k) % steps.size()]);
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
  CHECK((step.mean == std::vector{1.0, 2.0} && step.below[0][1] == 1));
  CHECK((std::isnan(step.standard_error[0]) && std::isnan(step.standard_error[1])));
  const ScoreSpread resample = bootstrap({{1, 2}, {2, 4}}, 1, 1);
  CHECK((std::isnan(resample.standard_error[0]) && resample.below[0][1] == 1));
}

TEST_CASE("what cannot be resampled is an error") {
  CHECK(ScoreSpread{}.resamples == 0);
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

namespace {

const StepEstimator moving{.decay = 0.98};

/// The steps of simulated trainings: normal noise around level(t).
template <class Level>
std::vector<double> simulated(std::size_t steps, std::uint64_t run, Level&& level) {
  Random random(run, 77);
  std::vector<double> column;
  for (std::size_t t = 0; t < steps; ++t) column.push_back(level(t) + random.normal());
  return column;
}
Steps as_steps(const std::vector<std::vector<double>>& columns) {
  Steps steps(columns[0].size());
  for (std::size_t t = 0; t < steps.size(); ++t)
    for (const auto& column : columns) steps[t].push_back(column[t]);
  return steps;
}

}  // namespace

TEST_CASE("the standard error of a score is the deviation that simulated trainings have") {
  const auto level = [](std::size_t) { return 5.0; };
  struct Case {
    StepEstimator estimator;
    std::size_t steps;
  };
  for (const auto& [estimator, steps] :
       {Case{{}, 900}, Case{moving, 900}, Case{moving, 60}, Case{{.decay = 0.9}, 400},
        Case{{.decay = 0.98, .absolute = true}, 900}}) {
    INFO("decay " << estimator.decay << ", " << steps << " steps");
    double sum = 0, squares = 0, reported = 0;
    constexpr std::size_t runs = 1500, looked_at = 60;
    for (std::size_t run = 0; run < runs; ++run) {
      const auto column = simulated(steps, run, level);
      const double score = estimator(column) - 5;
      sum += score, squares += score * score;
      if (run < looked_at)
        reported += bootstrap(as_steps({column}), run, 60, 0, estimator).standard_error[0];
    }
    const double n = runs, true_error = std::sqrt(squares / n - sum * sum / n / n);
    CHECK(reported / looked_at == Approx(true_error).epsilon(0.15));
    // that of so many independent steps
    CHECK(true_error == Approx(1 / std::sqrt(estimator.effective_steps(steps))).epsilon(0.1));
  }
}

TEST_CASE(
    "a drift does not turn the order of scores round, nor hide behind the mean of all steps") {
  // Module 0 falls below module 1 late: their plain means still have the other order.
  const auto falling = simulated(900, 1, [](std::size_t t) { return t < 700 ? 20.0 : 10.0; }),
             level = simulated(900, 2, [](std::size_t) { return 15.0; });
  const Steps steps = as_steps({falling, level});
  const ScoreSpread plain = bootstrap(steps, 1), spread = bootstrap(steps, 1, 200, 0, moving);
  CHECK(plain.mean[0] > plain.mean[1]);
  CHECK(spread.mean[0] == moving(falling));
  CHECK(spread.mean[0] < spread.mean[1]);
  CHECK(spread.below[0][1] == 1);
  CHECK(spread.indistinguishable().empty());
  // A drift adds to the error of an average that forgets only by its lag: here 0.1 of 1.8.
  const auto drifting =
      simulated(900, 2, [](std::size_t t) { return 15.0 + 0.002 * static_cast<double>(t); });
  const auto error = [](const std::vector<double>& column) {
    return standard_errors(as_steps({column}), 1, 400, 0, moving)[0];
  };
  CHECK(error(drifting) == Approx(error(level)).epsilon(0.25));
}

TEST_CASE("the size of a mean of signed steps is not the mean of their sizes") {
  const StepEstimator size{.decay = 1, .absolute = true};
  const auto around = simulated(400, 3, [](std::size_t) { return 0.0; }),
             negative = simulated(400, 4, [](std::size_t) { return -0.5; });
  const ScoreSpread spread = bootstrap(as_steps({around, negative}), 1, 200, 0, size);
  CHECK(spread.mean[1] == Approx(0.5).margin(0.15));
  CHECK(spread.mean[0] < 0.15);  // steps are 0.8 in size
  CHECK(spread.standard_error[1] == Approx(0.05).epsilon(0.25));
  CHECK(spread.below[0][1] == 1);
}

TEST_CASE("an average knows how many steps it amounts to, and which ones it remembers") {
  for (const double decay : {0.5, 0.9, 0.98})
    for (const std::size_t steps : {1u, 7u, 300u}) {
      double weight = 1, sum = 0, squares = 0;
      for (std::size_t t = 0; t < steps; ++t) {
        sum += weight, squares += weight * weight;
        weight *= decay;
      }
      CHECK(StepEstimator{decay}.effective_steps(steps) ==
            Approx(sum * sum / squares).epsilon(1e-12));
    }
  CHECK(StepEstimator{1}.effective_steps(40) == 40);
  CHECK((StepEstimator{1}.remembered(9000) == 9000 && moving.remembered(100) == 100));
  CHECK((moving.remembered(9000) == 1819 && StepEstimator{0}.remembered(9000) == 1));
  const auto all = simulated(3000, 5, [](std::size_t) { return 1.0; });
  CHECK(moving(std::span(all).last(moving.remembered(3000))) == Approx(moving(all)).epsilon(1e-14));
  ScoreAverage average(0.98);
  for (const double x : all) average.add(x);
  CHECK(moving(all) == average.value());
  CHECK(std::isnan(moving(std::vector<double>{nan_score})));
}

TEST_CASE("standard errors alone are those of the whole bootstrap") {
  const Steps steps = noisy_columns(90, 3, 0.2, 0.5);
  for (const StepEstimator& estimator : {StepEstimator{}, moving})
    CHECK(standard_errors(steps, 7, 50, 0, estimator) ==
          bootstrap(steps, 7, 50, 0, estimator).standard_error);
  const auto silent = standard_errors({{1, nan_score}, {3, nan_score}, {5, 2}}, 1);
  CHECK((silent[0] > 0 && std::isnan(silent[1])));
}

}  // namespace bootstrap_tests
