// Cells without a number in the file count in no loss, metric and interval.
#include <spat/autograd/initialize.hpp>
#include <spat/models/rlinear.hpp>
#include <spat/train/conformal.hpp>
#include <spat/train/naive.hpp>
#include <spat/train/training_step.hpp>

#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace filled_cells_tests {

using namespace spat;

namespace {

using Model = RLinear<double>;
constexpr WindowOptions options{.lookback = 3, .horizon = 2, .stride = 5};

/// Three windows that share no row. The last channel of the second window's target is filled, with
/// `value`.
WindowDataset<double> windows_with(double value) {
  Series series{.names = {"a", "b"}};
  Random random(3, 0);
  for (std::size_t i = 0; i < 30; ++i) series.values.push_back(random.normal());
  series.filled.resize(30);
  for (const std::size_t row : {8u, 9u}) {
    series.filled[2 * row + 1] = 1;
    series.values[2 * row + 1] = value;
  }
  return {series, StandardScaler({0, 0}, {1, 1}), {0, 15}, options};
}
Model made() {
  Model model({RLinearConfig{.channels = 2, .lookback = 3, .horizon = 2}});
  initialize(parameters(model), 1);
  return model;
}

}  // namespace

TEST_CASE("filled cells of a target change no error") {
  const Model model = made();
  const auto one = windows_with(0), other = windows_with(1e6);
  for (const LossRule rule : {LossRule::mse, LossRule::mae, LossRule::huber, LossRule::quantile}) {
    const auto loss = LossOptions{.rule = rule}.function<double>();
    const Validation a = validate(model, one, loss), b = validate(model, other, loss);
    CHECK(a.metrics.mse == b.metrics.mse);
    CHECK(a.metrics.mae == b.metrics.mae);
    CHECK(a.loss == b.loss);
  }
  // by hand, over the ten numbers that count
  double squares = 0, second_window = 0, losses = 0;
  std::size_t count = 0, in_second = 0;
  for_each_forecast(model, one, nullptr, 64, [&](const auto& batch, const auto& y) {
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (i / 4 == 1 && i % 2 == 1) continue;
      const double error = y.data()[i] - batch.target.data()[i];
      squares += error * error, losses += std::abs(error), ++count;
      if (i / 4 == 1) second_window += error * error, ++in_second;
    }
  });
  CHECK(count == 10);
  CHECK(evaluate(model, one).mse == Approx(squares / 10));
  const auto mae = LossOptions{.rule = LossRule::mae}.function<double>();
  CHECK(validate(model, one, mae).loss == Approx(losses / 10));
  CHECK(error_profile(model, one).by_window[1] ==
        Approx(second_window / static_cast<double>(in_second)));
  CHECK(error_profile(model, one).by_step == error_profile(model, other).by_step);
  CHECK(naive_errors(one).mse == naive_errors(other).mse);
}

TEST_CASE("filled cells of a target change no interval and no coverage") {
  const Model model = made();
  const std::array<double, 1> level{0.5};
  const auto one = calibrate(model, windows_with(0), level),
             other = calibrate(model, windows_with(1e6), level);
  CHECK(one.radii == other.radii);
  CHECK(coverage_of(model, one, windows_with(0))[0].coverage ==
        coverage_of(model, one, windows_with(1e6))[0].coverage);
}

TEST_CASE("filled cells of a target have no slope") {
  const Model model = made();
  const auto gradients_of = [&](double value) {
    const auto windows = windows_with(value);
    WindowBuffer<double> buffer;
    const std::array<std::size_t, 3> all{0, 1, 2};
    TrainingStep<Model> step;
    Model gradients(model.form);
    NoObserver nobody;
    const double loss = step(model, {}, windows.gather(all, buffer), gradients, nobody);
    return std::pair{loss, gradients};
  };
  const auto [loss, gradients] = gradients_of(0);
  const auto [other_loss, other_gradients] = gradients_of(1e6);
  CHECK(loss == other_loss);
  CHECK(tests::same_parameters(gradients, other_gradients));
}

TEST_CASE("windows whose targets are all filled have no error") {
  Series series{.names = {"a", "b"}};
  series.values.resize(10, 1), series.filled.resize(10, 1);
  const WindowDataset<double> windows(series, StandardScaler({0, 0}, {1, 1}), {0, 5}, options);
  const Model model = made();
  CHECK(message_of<DataError>([&] { (void)evaluate(model, windows); }) ==
        "the windows have no numbers to compare forecasts with");
  CHECK_THROWS_AS(naive_errors(windows), DataError);
}

}  // namespace filled_cells_tests
