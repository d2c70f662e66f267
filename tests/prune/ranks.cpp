// Comparisons of rankings and their stability, checked against values worked out by hand and
// against the definitions.
#include <spat/core/random.hpp>
#include <spat/prune/ranks.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <limits>

namespace ranks_tests {

using namespace spat;

namespace {

using Scores = std::vector<double>;
const double nan_score = std::nan("");

/// Small whole numbers, so that there are ties, and some NaN.
Scores random_scores(std::size_t size, std::uint64_t stream, bool gaps) {
  Random random(5, stream);
  Scores scores;
  for (std::size_t i = 0; i < size; ++i)
    scores.push_back(gaps && random.below(4) == 0 ? nan_score
                                                  : static_cast<double>(random.below(size)));
  return scores;
}

double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

/// As a correlation of signs: sum s_ij t_ij / sqrt(sum s_ij^2 sum t_ij^2).
double tau_by_signs(const Scores& a, const Scores& b) {
  double product = 0, squares_a = 0, squares_b = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t j = 0; j < a.size(); ++j) {
      if (std::isnan(a[i] + b[i] + a[j] + b[j])) continue;
      const double s = sign(a[i] - a[j]), t = sign(b[i] - b[j]);
      product += s * t, squares_a += s * s, squares_b += t * t;
    }
  return product / std::sqrt(squares_a * squares_b);
}

/// Sorts, gives ties the mean of their ranks, and correlates.
double spearman_by_sorting(const Scores& a, const Scores& b) {
  Scores left, right;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!std::isnan(a[i] + b[i])) left.push_back(a[i]), right.push_back(b[i]);
  const auto ranks = [](const Scores& scores) {
    Scores sorted = scores, result;
    std::sort(sorted.begin(), sorted.end());
    for (const double x : scores) {
      const auto [low, high] = std::equal_range(sorted.begin(), sorted.end(), x);
      double places = 0;
      for (auto at = low; at != high; ++at) places += static_cast<double>(at - sorted.begin()) + 1;
      result.push_back(places / static_cast<double>(high - low));
    }
    return result;
  };
  const Scores r = ranks(left), s = ranks(right);
  double mean = 0, product = 0, squares_r = 0, squares_s = 0;
  for (const double x : r) mean += x / static_cast<double>(r.size());
  for (std::size_t i = 0; i < r.size(); ++i) {
    product += (r[i] - mean) * (s[i] - mean);
    squares_r += (r[i] - mean) * (r[i] - mean), squares_s += (s[i] - mean) * (s[i] - mean);
  }
  return product / std::sqrt(squares_r * squares_s);
}

bool stable_after(const std::vector<Scores>& rows, StabilityOptions options = {}) {
  Stability stability(options);
  for (const Scores& row : rows) stability.add(row);
  return stability.stable();
}

}  // namespace

TEST_CASE("Kendall's tau and Spearman's rho are those worked out by hand") {
  const Scores up{0.1, 0.2, 0.3, 0.4}, down{4, 3, 2, 1}, swapped{1, 3, 2, 4};
  CHECK(kendall_tau(up, up) == 1);
  CHECK(kendall_tau(up, down) == -1);
  CHECK(kendall_tau(up, swapped) == Approx(4.0 / 6).epsilon(1e-15));  // five alike, one not, of six
  CHECK(spearman(up, up) == 1);
  CHECK(spearman(up, down) == -1);
  CHECK(spearman(up, swapped) ==
        Approx(1 - 6 * 2.0 / 60).epsilon(1e-15));  // 1 - 6 sum d^2 / (n (n^2 - 1))
  // One tie: C = 5, D = 0, U_a = 6, U_b = 5. Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(5
  // * 4.5).
  const Scores tied{1, 2, 2, 4};
  CHECK(kendall_tau(up, tied) == Approx(5 / std::sqrt(30.0)).epsilon(1e-15));
  CHECK(spearman(up, tied) == Approx(4.5 / std::sqrt(22.5)).epsilon(1e-15));
  CHECK(kendall_tau(tied, tied) == 1);
  CHECK(spearman(tied, tied) == 1);
  CHECK(kendall_tau(Scores{-std::numeric_limits<double>::infinity(), 0, 1}, Scores{1, 2, 3}) == 1);
}

TEST_CASE("tau and rho agree with their definitions, with ties and gaps") {
  for (const std::size_t size : {2u, 3u, 5u, 12u, 40u})
    for (std::uint64_t stream = 0; stream < 20; ++stream) {
      const Scores a = random_scores(size, 100 * size + 2 * stream, stream % 2),
                   b = random_scores(size, 100 * size + 2 * stream + 1, stream % 2);
      const double tau = tau_by_signs(a, b), rho = spearman_by_sorting(a, b);
      INFO("size " << size << ", stream " << stream);
      CHECK(std::isnan(kendall_tau(a, b)) == std::isnan(tau));
      CHECK(std::isnan(spearman(a, b)) == std::isnan(tau));
      if (std::isnan(tau)) continue;
      CHECK(kendall_tau(a, b) == Approx(tau).margin(1e-14));
      CHECK(spearman(a, b) == Approx(rho).margin(1e-14));
      CHECK(kendall_tau(b, a) == kendall_tau(a, b));
      CHECK(spearman(b, a) == spearman(a, b));
    }
}

TEST_CASE("modules without a score on either side are left out") {
  const Scores a{1, nan_score, 2, 3, 9}, b{10, 0, 20, 30, nan_score};
  CHECK(kendall_tau(a, b) == 1);
  CHECK(spearman(a, b) == 1);
}

TEST_CASE("what orders nothing has no rank correlation") {
  const std::vector<std::pair<Scores, Scores>> without{{{}, {}},
                                                       {{1}, {2}},
                                                       {{1, nan_score}, {nan_score, 1}},
                                                       {{1, 2, nan_score}, {1, nan_score, 2}},
                                                       {{3, 3}, {1, 2}},
                                                       {{1, 2}, {3, 3}},
                                                       {{3, 3}, {3, 3}}};
  for (const auto& [a, b] : without) {
    CHECK(std::isnan(kendall_tau(a, b)));
    CHECK(std::isnan(spearman(a, b)));
  }
}

TEST_CASE("rankings of different lengths are an error") {
  const std::string expected = "two rankings must score the same modules, found 3 and 2";
  CHECK(message_of<ShapeError>([] {
          (void)kendall_tau(Scores{1, 2, 3}, Scores{1, 2});
        }) == expected);
  CHECK(message_of<ShapeError>([] { (void)spearman(Scores{1, 2, 3}, Scores{1, 2}); }) == expected);
  Stability stability;
  stability.add(Scores{1, 2, 3});
  CHECK(message_of<ShapeError>([&] { stability.add(Scores{1, 2}); }) == expected);
}

TEST_CASE("a ranking is stable when the last vectors of the window agree, each with the next") {
  const Scores a{1, 2, 3, 4}, scaled{10, 30, 31, 90}, swapped{1, 3, 2, 4};
  CHECK_FALSE(stable_after({}));
  CHECK_FALSE(stable_after({a}));
  CHECK_FALSE(stable_after({a, a}));
  CHECK(stable_after({a, scaled, a}));
  CHECK_FALSE(stable_after({a, a, swapped}));
  CHECK_FALSE(stable_after({a, swapped, swapped}));
  CHECK_FALSE(stable_after({a, swapped, a}));
  CHECK(stable_after({a, swapped, swapped, swapped}));
  CHECK(stable_after({swapped, a, a, a, a, a}));
  CHECK_FALSE(stable_after({a, a, a, a, a, swapped}));
  CHECK(stable_after({a, a}, {.window = 2}));
  CHECK_FALSE(stable_after({a, a, a}, {.window = 4}));
  CHECK(stable_after({a, a, a, a}, {.window = 4}));
}

TEST_CASE("the threshold is reached by what equals it") {
  const Scores a{1, 2, 3}, swapped{1, 3, 2};  // tau 1/3
  CHECK(stable_after({a, swapped, a}, {.threshold = 1.0 / 3}));
  CHECK_FALSE(stable_after({a, swapped, a}, {.threshold = 0.34}));
  CHECK(stable_after({{1, 2}, {2, 1}, {1, 2}}, {.threshold = -1}));
  // 0.9 allows one swap among seven modules, none among six.
  CHECK(stable_after({{1, 2, 3, 4, 5, 6, 7}, {2, 1, 3, 4, 5, 6, 7}, {1, 2, 3, 4, 5, 6, 7}}));
  CHECK_FALSE(stable_after({{1, 2, 3, 4, 5, 6}, {2, 1, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}}));
}

TEST_CASE("stability of one or two modules, and of none that was scored") {
  const Scores alone{nan_score, 5}, none{nan_score, nan_score};
  CHECK(stable_after({alone, {nan_score, 7}, {nan_score, 1}}));
  CHECK(stable_after({{1, 2}, {3, 4}, {0, 9}}));
  CHECK_FALSE(stable_after({{1, 2}, {2, 1}, {2, 1}}));
  CHECK_FALSE(stable_after({none, none, none}));
  CHECK_FALSE(stable_after({none, {1, 2}, {1, 2}}));
  CHECK(stable_after({{1, 2}, {1, 2}, alone}));  // module 0 was removed: the rest agrees
  CHECK(stable_after({{3, 3}, {4, 4}, {5, 5}}));
  CHECK_FALSE(stable_after({{3, 3}, {3, 3}, {3, 4}}));
}

TEST_CASE("a window without neighbours or a threshold that is no tau is an error") {
  for (const std::size_t window : {0u, 1u})
    CHECK(message_of<ConfigError>([&] {
            Stability({.window = window});
          }).starts_with("stability compares neighbours: a window of at least 2"));
  for (const double threshold : {-1.01, 1.01, nan_score})
    CHECK(message_of<ConfigError>([&] {
            Stability({.threshold = threshold});
          }).starts_with("a threshold of Kendall's tau must lie in [-1, 1]"));
}

}  // namespace ranks_tests
