// Compares the loss with finite differences, Adam with a plain loop, and learning rates and early
// stopping with their rules.
#include <spat/autograd/gradient_check.hpp>
#include <spat/core/random.hpp>
#include <spat/nn/linear.hpp>
#include <spat/train/early_stopping.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/optimizer.hpp>
#include <spat/train/schedule.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <algorithm>
#include <cstring>

namespace arithmetic_tests {

using namespace spat;

namespace {

template <class Scalar>
std::vector<Scalar> normal(std::size_t size, std::uint64_t stream) {
  std::vector<Scalar> values(size);
  Random random(17, stream);
  for (Scalar& value : values) value = static_cast<Scalar>(random.normal());
  return values;
}

template <class Scalar>
Parameter<Scalar> named(const char* name, std::vector<Scalar>& values,
                        ParameterKind kind = ParameterKind::weight) {
  return {{.shape = {values.size()}, .kind = kind}, name, values};
}

}  // namespace

TEMPLATE_TEST_CASE("the squared error is the plain sum, and its gradient that of the mean", "",
                   float, double) {
  const std::size_t rows = 5, cols = 7, size = rows * cols;
  auto y = normal<TestType>(size, 1), target = normal<TestType>(size, 2),
       dy = normal<TestType>(size, 3);
  const auto loss = [&](double count, Rows<TestType> gradient = {}) {
    return squared_error<TestType>(Rows<const TestType>(y.data(), rows, cols),
                                   {target.data(), rows, cols}, count, gradient);
  };
  long double sum = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto difference = static_cast<long double>(y[i]) - static_cast<long double>(target[i]);
    sum += difference * difference;
  }
  CHECK(loss(1) == Approx(static_cast<double>(sum)).epsilon(sizeof(TestType) == 4 ? 1e-6 : 1e-14));
  const double count = 3.0 * size;  // the micro-batch is a third of a batch
  CHECK(loss(count, {dy.data(), rows, cols}) == loss(count));
  if constexpr (sizeof(TestType) == 8)
    CHECK(gradient_error(y, dy, [&] { return loss(count) / count; }) < 1e-9);
  else
    for (std::size_t i = 0; i < size; ++i)
      CHECK(dy[i] == Approx(2 * static_cast<double>(y[i] - target[i]) / count).epsilon(1e-6));
}

TEMPLATE_TEST_CASE("Adam is the textbook's loop", "", float, double) {
  const double rate = 3e-3, beta1 = 0.8, beta2 = 0.95, epsilon = 1e-6, scale = 0.25;
  const std::size_t size = 20'003;  // more than one piece, and a rest
  auto weight = normal<TestType>(size, 1), buffer = normal<TestType>(5, 2), slope = weight,
       buffer_slope = buffer;
  const auto kept = buffer;
  const ParameterList<TestType> weights{named<TestType>("weight", weight),
                                        named<TestType>("running", buffer, ParameterKind::buffer)};
  const ParameterList<TestType> slopes{
      named<TestType>("weight", slope),
      named<TestType>("running", buffer_slope, ParameterKind::buffer)};
  Optimizer<TestType> adam(weights, {.beta1 = beta1, .beta2 = beta2, .epsilon = epsilon});
  const auto exact = [](auto number) { return static_cast<long double>(number); };
  std::vector<long double> expected(weight.begin(), weight.end()), m(size, 0), v(size, 0);
  for (std::size_t t = 1; t <= 30; ++t) {
    const auto gradient = normal<TestType>(size, 10 + t);
    std::ranges::copy(gradient, slope.begin());
    adam.step(weights, slopes, rate, scale);
    CHECK(adam.steps() == t);
    CHECK(std::ranges::count(slope, TestType(0)) ==
          static_cast<std::ptrdiff_t>(size));  // ready for the next batch
    for (std::size_t i = 0; i < size; ++i) {
      const long double g = exact(gradient[i]) * exact(scale);
      m[i] = exact(beta1) * m[i] + exact(1 - beta1) * g;
      v[i] = exact(beta2) * v[i] + exact(1 - beta2) * g * g;
      const long double mean = m[i] / (1 - std::pow(exact(beta1), t));
      const long double square = v[i] / (1 - std::pow(exact(beta2), t));
      expected[i] -= exact(rate) * mean / (std::sqrt(square) + exact(epsilon));
    }
  }
  double worst = 0;
  for (std::size_t i = 0; i < size; ++i)
    worst = std::max(worst, std::abs(static_cast<double>(exact(weight[i]) - expected[i])));
  CHECK(worst < (sizeof(TestType) == 4 ? 3e-6 : 1e-14));
  CHECK(buffer == kept);
  CHECK(adam.second_moment(1).empty());
}

TEST_CASE("Adam's bytes do not depend on the workers") {
  const std::size_t size = 70'001;
  std::vector<std::vector<float>> results;
  for (const std::size_t workers : {0u, 1u, 2u, 3u}) {
    auto weight = normal<float>(size, 1), slope = normal<float>(size, 2);
    const ParameterList<float> weights{named<float>("w", weight)}, slopes{named<float>("w", slope)};
    Optimizer<float> adam(weights);
    Team team(std::max<std::size_t>(workers, 1));
    for (std::uint64_t t = 0; t < 3; ++t) {
      std::ranges::copy(normal<float>(size, 2 + t), slope.begin());
      adam.step(weights, slopes, 1e-2, 1, workers ? &team : nullptr);
    }
    results.push_back(weight);
  }
  for (const auto& result : results)
    CHECK(std::memcmp(result.data(), results[0].data(), size * sizeof(float)) == 0);
}

TEST_CASE("learning rates follow the Time-Series-Library's rules") {
  const auto rates = [](RateSchedule schedule) {
    std::vector<double> all;
    for (std::size_t epoch = 1; epoch <= 6; ++epoch)
      all.push_back(rate_of_epoch(schedule, 0.4, epoch, 6));
    return all;
  };
  const auto check = [](const std::vector<double>& found, const std::vector<double>& expected) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      CHECK(found[i] == Approx(expected[i]).epsilon(1e-14));
  };
  check(rates(RateSchedule::constant), {0.4, 0.4, 0.4, 0.4, 0.4, 0.4});
  check(rates(RateSchedule::type1), {0.4, 0.4, 0.2, 0.1, 0.05, 0.025});
  check(rates(RateSchedule::type3), {0.4, 0.4, 0.4, 0.4, 0.36, 0.324});
  const double root = std::sqrt(3.0) / 2;
  check(rates(RateSchedule::cosine), {0.4, 0.2 * (1 + root), 0.3, 0.2, 0.1, 0.2 * (1 - root)});
  CHECK(parse_rate_schedule("constant") == RateSchedule::constant);
  CHECK(parse_rate_schedule("type1") == RateSchedule::type1);
  CHECK(parse_rate_schedule("type3") == RateSchedule::type3);
  CHECK(parse_rate_schedule("cosine") == RateSchedule::cosine);
  CHECK(message_of<ConfigError>([] { (void)parse_rate_schedule("type2"); }).find("\"type2\"") !=
        std::string::npos);
}

TEST_CASE("early stopping counts epochs that were strictly worse than the best") {
  EarlyStopping stopping{.patience = 2};
  CHECK(stopping.improves(1, 1.0));
  CHECK_FALSE(stopping.improves(2, 1.5));
  CHECK(stopping.improves(3, 1.0));  // a tie is an improvement
  CHECK((stopping.best_epoch == 3 && stopping.worse == 0));
  CHECK_FALSE(stopping.improves(4, 1.2));
  CHECK_FALSE(stopping.stops());
  CHECK_FALSE(stopping.improves(5, 1.1));  // better than the last, worse than the best
  CHECK(stopping.stops());
  CHECK((stopping.best == 1.0 && stopping.best_epoch == 3));
}

TEST_CASE("NaN is never an improvement, and no patience means no end") {
  EarlyStopping stopping{.patience = 2};
  const double nan = std::nan("");
  CHECK_FALSE(stopping.improves(1, nan));
  CHECK(stopping.improves(2, 5.0));
  CHECK_FALSE(stopping.improves(3, nan));
  CHECK_FALSE(stopping.improves(4, nan));
  CHECK(stopping.stops());
  EarlyStopping endless{.patience = 0};
  for (std::size_t epoch = 1; epoch < 20; ++epoch) endless.improves(epoch, nan);
  CHECK_FALSE(endless.stops());
}

}  // namespace arithmetic_tests
