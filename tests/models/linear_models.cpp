// DLinear and RLinear: gradients, forecasts, training, files, and refused sizes.
#include <spat/models/dlinear.hpp>
#include <spat/models/rlinear.hpp>

#include <tests/models/gradients.hpp>
#include <tests/models/promises.hpp>

namespace linear_models_tests {

using namespace spat;

namespace {

constexpr DLinearConfig decomposed{.channels = 3, .lookback = 13, .horizon = 5, .kernel = 7};
constexpr RLinearConfig normalized{.channels = 3, .lookback = 13, .horizon = 5};
constexpr DLinearConfig wide_decomposed{.channels = 7, .lookback = 96, .horizon = 33};
constexpr RLinearConfig wide_normalized{.channels = 7, .lookback = 96, .horizon = 33};

}  // namespace

TEST_CASE("DLinear's and RLinear's gradients agree with central differences in every parameter") {
  tests::check_model_gradients<DLinear>(decomposed, 0);
  tests::check_model_gradients<RLinear>(normalized, 0);
  auto plain = normalized;
  plain.instance_norm = false;
  tests::check_model_gradients<RLinear>(plain, 0);
}

TEST_CASE("a window's forecast by DLinear and RLinear depends only on the window") {
  tests::check_forecasts<DLinear, decomposed>();
  tests::check_forecasts<RLinear, normalized>();
  tests::check_forecasts<DLinear, wide_decomposed>();
  tests::check_forecasts<RLinear, wide_normalized>();
}

TEST_CASE("DLinear and RLinear train to the same bytes on any number of workers") {
  tests::check_training<DLinear>(wide_decomposed);
  tests::check_training<RLinear>(wide_normalized);
}

TEST_CASE("DLinear and RLinear are restored from files, and pruning does not change them") {
  tests::check_files<DLinear, decomposed>();
  tests::check_files<RLinear, normalized>();
  tests::check_without_modules<DLinear, decomposed>();
  tests::check_without_modules<RLinear, normalized>();
}

TEST_CASE("DLinear starts as the mean of its window") {
  const auto model = example::made<DLinear<double>>({decomposed});
  for (const double weight : model.seasonal.weight.flat()) CHECK(weight == 1.0 / 13);
  for (const double weight : model.trend.weight.flat()) CHECK(weight == 1.0 / 13);
  for (const double bias : model.trend.bias.flat())
    CHECK((bias != 0 && std::abs(bias) <= 1 / std::sqrt(13.0)));
}

TEST_CASE("DLinear and RLinear forecast any number of channels, each by itself") {
  const auto model = example::made<DLinear<float>>({decomposed});
  Predictor predictor(model);
  auto other = decomposed;
  other.channels = 5;
  const example::RandomBatch<float> data(other, 2);
  const auto y = predictor.forecast(data.batch);
  CHECK((y.rows() == 2 * 5 && y.cols() == 5));
}

TEST_CASE(
    "the configurations of DLinear and RLinear count their parameters and refuse what does not "
    "fit") {
  tests::check_count<DLinear>(decomposed);
  tests::check_count<RLinear>(normalized);
  CHECK(tests::refused<DLinear>(decomposed, [](auto& c) { c.kernel = 24; }) ==
        "the moving average needs an odd kernel: kernel 24");
  CHECK(tests::refused<DLinear>(decomposed, [](auto& c) { c.kernel = ~std::size_t{0} / 2; }) ==
        "the moving average is too long: kernel 9223372036854775807, most 65535");
  CHECK(tests::refused<DLinear>(decomposed, [](auto& c) { c.channels = 0; }) ==
        "there must be at least one channel: channels 0");
  CHECK(tests::refused<RLinear>(normalized, [](auto& c) { c.horizon = 0; }) ==
        "lookback and horizon must be positive: lookback 13, horizon 0");
  const auto longer = [](auto& c) { c.lookback = 14; };
  CHECK(tests::refused_batch<DLinear>(decomposed, longer).find("lookback: expected 13, found 14") !=
        std::string::npos);
  CHECK(tests::refused_batch<RLinear>(normalized, longer).find("lookback: expected 13, found 14") !=
        std::string::npos);
}

}  // namespace linear_models_tests
