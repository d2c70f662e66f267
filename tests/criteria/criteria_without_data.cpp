// The criteria that need no pass: chance, position, weights, and losses without the module.
#include <spat/criteria/leave_one_out.hpp>
#include <spat/criteria/magnitude.hpp>
#include <spat/criteria/position.hpp>
#include <spat/criteria/random.hpp>

#include <tests/criteria/attended.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <limits>
#include <set>

namespace criteria_without_data_tests {

using namespace spat;

namespace {

/// The modules of a model of n by ascending score; of equal scores the deeper first.
template <class C>
std::vector<std::size_t> order_of(C prototype, std::size_t n) {
  std::vector<double> scores;
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < n; ++i) {
    C criterion = prototype;
    criterion.hear({i, n, {}});
    scores.push_back(criterion.score()), order.push_back(n - 1 - i);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return scores[i]; });
  return order;
}

}  // namespace

TEST_CASE("controls order modules only by their position") {
  CHECK(order_of(DropFirst<float>(), 5) == std::vector<std::size_t>{0, 1, 2, 3, 4});
  CHECK(order_of(DropLast<float>(), 5) == std::vector<std::size_t>{4, 3, 2, 1, 0});
  CHECK(order_of(DropEveryOther<float>(), 5) == std::vector<std::size_t>{3, 1, 4, 2, 0});
  CHECK(order_of(DropEveryOther<float>(), 4) == std::vector<std::size_t>{3, 1, 2, 0});
}

TEST_CASE("random scores are uniform, and a function of the seed and the module") {
  const auto score = [](std::uint64_t seed, std::size_t module, std::size_t modules) {
    RandomScore<float> criterion({.seed = seed});
    criterion.hear({module, modules, {}});
    return criterion.score();
  };
  CHECK(score(3, 7, 8) == score(3, 7, 100));
  double sum = 0, squares = 0;
  std::set<double> different;
  for (std::uint64_t seed = 0; seed < 50; ++seed)
    for (std::size_t module = 0; module < 20; ++module) {
      const double x = score(seed, module, 20);
      CHECK((x >= 0 && x < 1));
      sum += x, squares += x * x, different.insert(x);
    }
  CHECK(different.size() == 1000);
  CHECK(sum / 1000 == Approx(0.5).margin(0.03));
  CHECK(squares / 1000 == Approx(1.0 / 3).margin(0.03));
  std::set<std::vector<std::size_t>> orders;
  for (std::uint64_t seed = 0; seed < 60; ++seed)
    orders.insert(order_of(RandomScore<float>({.seed = seed}), 3));
  CHECK(orders.size() == 6);
}

TEMPLATE_TEST_CASE("magnitude is the sum of the projections' norms, per element of theirs", "",
                   float, double) {
  const tests::Attended<TestType> attended({.name = "self"});
  const auto& layer = attended.layer;
  double norms = 0, count = 0;
  for (const auto* projection : {&layer.query_projection, &layer.key_projection,
                                 &layer.value_projection, &layer.out_projection}) {
    double squares = 0;
    for (const TestType w : projection->weight.flat())
      squares += static_cast<double>(w) * static_cast<double>(w), ++count;
    norms += std::sqrt(squares);
  }
  ModuleEvent<TestType> event{0, 1, parameters(layer)};
  Magnitude<TestType> criterion;
  criterion.hear(event);
  CHECK(criterion.score() == Approx(norms / count).epsilon(1e-14));
  CHECK(count == 4 * 36);
  Magnitude<TestType> nothing;
  nothing.hear({0, 1, {}});  // a module that was pruned
  CHECK(std::isnan(nothing.score()));
  auto broken = attended.layer;
  broken.key_projection.weight.flat()[3] = std::numeric_limits<TestType>::quiet_NaN();
  event.weights = parameters(std::as_const(broken));
  CHECK_THROWS_AS(criterion.hear(event), NumericError);
}

TEST_CASE("leave-one-out is the rise of the loss in the last event") {
  LeaveOneOut<float> criterion, other;
  CHECK(std::isnan(criterion.score()));
  criterion.hear({1, 1.5});
  CHECK(criterion.score() == 0.5);
  criterion.hear({2, 1.75});
  CHECK(criterion.score() == -0.25);
  other.merge(criterion);
  CHECK(other.score() == -0.25);
  CHECK_THROWS_AS(criterion.hear({1, std::nan("")}), NumericError);
  CHECK(criterion.score() == -0.25);
}

}  // namespace criteria_without_data_tests
