#include <spat/export/cpp/constant_forecaster.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <spat/autograd/initialize.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/export/cpp/cpp_model.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/itransformer.hpp>
#include <spat/models/timexer.hpp>
#include <spat/models/transformer.hpp>

#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <vector>

namespace cpp_constants_tests {

using namespace spat;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

constexpr ITransformerConfig sizes{.channels = 2,
                                   .lookback = 12,
                                   .horizon = 5,
                                   .width = 8,
                                   .ffn_width = 6,
                                   .heads = 2,
                                   .depth = 3,
                                   .kept = ModuleMask{0b010}};
using Static2 = ITransformer<float, Static<sizes>>;
std::vector<std::uint64_t> words;  // of the constants below
std::vector<double> mean, deviation;
ModelConstants constants;
using Constant = ConstantForecaster<Static2, constants>;

/// A trained model with its data, whose numbers are in `constants`.
struct Trained {
  ITransformer<float> model{{sizes}};
  Series series = synthetic_series(60);
  DataDescription data;

  Trained() {
    initialize(parameters(model), 11);
    series = select_columns(series, {series.names[0], series.names[1]});
    data.names = series.names;
    data.scaler = StandardScaler::fit(series.view(), {0, series.rows()});
    data.window = {.lookback = sizes.lookback, .horizon = sizes.horizon};
    const CppModel found = cpp_model(model, data, {.name = "m"});
    words = found.weights, mean = found.mean, deviation = found.deviation;
    constants = {.weights = words, .digest = found.digest, .mean = mean, .deviation = deviation};
  }
  [[nodiscard]] std::vector<double> history() const {
    const auto numbers = std::span(series.values).last(sizes.lookback * 2);
    return {numbers.begin(), numbers.end()};
  }
};
const Trained& setup() {
  static const Trained once;
  return once;
}

}  // namespace

TEST_CASE("Weights keep every bit, and fit no other tensors") {
  Tensor<float> a(1, 3), b(1, 2), longer(1, 4);
  const std::array<float, 5> numbers{-0.0f, 1e-45f, -3.4e38f, 0.1f, 7};
  std::copy_n(numbers.begin(), 3, a.data());
  std::copy_n(numbers.begin() + 3, 2, b.data());
  const auto list = [](Tensor<float>& first, const char* name, Tensor<float>& second) {
    ParameterCollector<float> collector;
    collector.add("a", first);
    collector.add(name, second);
    return collector.list;
  };
  const auto packed = weight_words(list(a, "b", b));
  REQUIRE(packed.size() == 3);
  CHECK(packed[0] == 0x00000001'80000000u);
  CHECK(packed[2] == std::bit_cast<std::uint32_t>(7.0f));
  const ModelConstants saved{.weights = packed, .digest = tensor_digest(list(a, "b", b))};
  Tensor<float> c(1, 3), d(1, 2);
  take_weights(list(c, "b", d), saved);
  CHECK(std::bit_cast<std::array<std::uint32_t, 3>>(
            std::to_array({c.data()[0], c.data()[1], c.data()[2]})) ==
        std::bit_cast<std::array<std::uint32_t, 3>>(std::to_array({-0.0f, 1e-45f, -3.4e38f})));
  CHECK(d.data()[1] == 7);

  const auto refused = [&](const ParameterList<float>& to, const ModelConstants& from) {
    return message_of<ConfigError>([&] { take_weights(to, from); });
  };
  CHECK(refused(list(c, "B", d), saved) ==
        "the constants of a model fit other tensors than those of its type, which has 5 numbers: "
        "another version of spat wrote them; export the model again");
  CHECK(contains(refused(list(longer, "b", a), saved), "which has 7 numbers"));
  Tensor<float> e(1, 2), f(1, 3);  // as many numbers, in other tensors
  CHECK(contains(refused(list(e, "b", f), saved), "which has 5 numbers"));
  ModelConstants cut = saved;
  cut.weights = cut.weights.first(2);
  CHECK(contains(refused(list(c, "b", d), cut), "export the model again"));
}

TEST_CASE("A forecast by constants has the bits of the library's forecast of the series") {
  const auto& [model, series, data] = setup();
  const auto expected = forecast(model, data, series).values;
  Constant forecaster;
  std::vector<double> found(sizes.horizon * 2);
  forecaster.forecast(setup().history(), {}, {}, found);
  CHECK(found == expected);

  // Floats: the same arithmetic, on rounded numbers.
  Series rounded = series;
  for (double& value : rounded.values) value = static_cast<double>(static_cast<float>(value));
  const auto doubles = setup().history();
  std::vector<float> floats(doubles.begin(), doubles.end()), result(found.size());
  forecaster.forecast(floats, {}, {}, result);
  const auto of_rounded = forecast(model, data, rounded).values;
  CHECK(result == std::vector<float>(of_rounded.begin(), of_rounded.end()));

  // Other windows in between leave nothing behind; a copy forecasts the same.
  std::ranges::fill(floats, 5.0f);
  forecaster.forecast(floats, {}, {}, result);
  Constant copy(forecaster);
  copy = forecaster;
  std::vector<double> again(found.size());
  for (Constant* one : {&forecaster, &copy}) {
    one->forecast(setup().history(), {}, {}, again);
    CHECK(again == expected);
  }
}

TEST_CASE("Without a scaler, history and forecast are in scaled units") {
  const auto& [model, series, data] = setup();
  const ModelConstants with_scaler = constants;
  constants.mean = constants.deviation = {};
  WindowBuffer<float> buffer;
  const auto window = latest_window(series, data.scaler, data.window, buffer);
  Predictor predictor(model);
  const auto expected = predictor.forecast(window).flat();
  Constant forecaster;
  std::vector<float> result(expected.size());
  forecaster.forecast(buffer.history, {}, {}, result);
  constants = with_scaler;
  CHECK(std::ranges::equal(result, expected));
}

TEST_CASE("Each thread has a forecaster of its own, and all forecast the same") {
  const auto history = setup().history();
  std::array<std::vector<double>, 3> results;
  std::vector<std::thread> threads;
  for (auto& result : results)
    threads.emplace_back([&] {
      Constant forecaster;
      result.resize(sizes.horizon * 2);
      for (int i = 0; i < 50; ++i) forecaster.forecast(history, {}, {}, result);
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(results[1] == results[0]);
  CHECK(results[2] == forecast(setup().model, setup().data, setup().series).values);
}

TEST_CASE("Numbers of another size, and numbers that are not finite, are refused") {
  auto history = setup().history();
  Constant forecaster;
  const std::vector<double> untouched(sizes.horizon * 2, 42);
  std::vector<double> result = untouched;
  const auto try_it = [&](std::span<const double> from, std::span<const float> marks = {}) {
    forecaster.forecast(from, marks, {}, result);
  };
  CHECK(message_of<ShapeError>([&] { try_it(std::span(history).first(23)); }) ==
        "iTransformer: history: expected 24 numbers, 12 rows of 2, found 23");
  const std::array<float, 12> marks{};
  CHECK(message_of<ShapeError>([&] { try_it(history, marks); }) ==
        "iTransformer: history marks: expected 0 numbers, 0 rows of 0, found 12");
  CHECK(message_of<ShapeError>([&] {
          forecaster.forecast(history, {}, {}, std::span(result).first(9));
        }) == "iTransformer: result: expected 10 numbers, 5 rows of 2, found 9");
  for (const double bad : {infinity, std::nan(""), 1e300}) {
    auto wrong = history;
    wrong[7] = bad;
    CHECK(contains(message_of<DataError>([&] { try_it(wrong); }),
                   "iTransformer: history: row 3, column 1: "));
  }
  CHECK(result == untouched);
  CHECK_NOTHROW(try_it(history));
  CHECK(result != untouched);
}

TEST_CASE("Marks reach a model that reads them, and have to be finite") {
  static constexpr TransformerConfig config{.channels = 2,
                                            .marks = 3,
                                            .lookback = 4,
                                            .horizon = 2,
                                            .label = 2,
                                            .width = 4,
                                            .ffn_width = 4,
                                            .heads = 2,
                                            .depth = 1};
  static std::vector<std::uint64_t> weights;
  static ModelConstants numbers;
  Transformer<float> model({config});
  initialize(parameters(model), 5);
  weights = weight_words(parameters(model));
  numbers = {.weights = weights,
             .digest = tensor_digest(parameters(model)),
             .history_marks = 3,
             .future_marks = 3};
  std::array<float, 8> history{1, 0, -1, 2, 0.5f, 0.25f, -2, 1};
  std::array<float, 12> past{0.1f, 0.2f, 0.3f, -0.1f, 0.5f};
  std::array<float, 6> future{0.5f, -0.5f, 0.1f};
  ConstantForecaster<Transformer<float, Static<config>>, numbers> forecaster;
  std::array<float, 4> result{};
  forecaster.forecast(history, past, future, result);
  Predictor predictor(model);
  const auto expected = predictor.forecast({.samples = 1,
                                            .lookback = 4,
                                            .horizon = 2,
                                            .history = {history.data(), 4, 2},
                                            .history_marks = {past.data(), 4, 3},
                                            .future_marks = {future.data(), 2, 3}});
  CHECK(std::ranges::equal(result, expected.flat()));
  future[5] = std::nanf("");
  CHECK(message_of<DataError>([&] { forecaster.forecast(history, past, future, result); }) ==
        "Transformer: future marks: row 1, column 2: nan is not finite");
  CHECK(message_of<ShapeError>([&] { forecaster.forecast(history, past, {}, result); }) ==
        "Transformer: future marks: expected 6 numbers, 2 rows of 3, found 0");
}

TEST_CASE("A model of some targets forecasts the last channels, in their units") {
  static constexpr TimeXerConfig config{.channels = 3,
                                        .targets = 1,
                                        .lookback = 4,
                                        .horizon = 2,
                                        .width = 4,
                                        .ffn_width = 4,
                                        .heads = 2,
                                        .depth = 1,
                                        .patch = 2};
  static std::vector<std::uint64_t> weights;
  static constexpr std::array<double, 3> level{10, 20, 30}, spread{1, 2, 3};
  static ModelConstants numbers;
  TimeXer<float> model({config});
  initialize(parameters(model), 5);
  weights = weight_words(parameters(model));
  numbers = {.weights = weights,
             .digest = tensor_digest(parameters(model)),
             .mean = level,
             .deviation = spread};
  Series series;
  series.names = {"a", "b", "c"};
  series.values = {11, 21, 34, 10, 22, 29, 9, 17, 30, 10, 20, 35};
  DataDescription data;
  data.scaler = StandardScaler({10, 20, 30}, {1, 2, 3});
  data.window = {.lookback = 4, .horizon = 2, .features = Features::target_from_all};
  const auto expected = forecast(model, data, series);
  REQUIRE(expected.names == std::vector<std::string>{"c"});
  ConstantForecaster<TimeXer<float, Static<config>>, numbers> forecaster;
  std::vector<double> result(2);
  forecaster.forecast(series.values, {}, {}, result);
  CHECK(result == expected.values);
}

}  // namespace cpp_constants_tests
