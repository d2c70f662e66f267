// Layers of whole series, by central differences: decomposition, the frame of normalization and
// transposition, mixers.
#include "check.hpp"

#include <spat/models/dlinear/series_decomposition.hpp>
#include <spat/models/tsmixer/mixer_block.hpp>
#include <spat/nn/residual_feed_forward.hpp>
#include <spat/nn/series_frame.hpp>

namespace series_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;

static_assert(spat::Layer<spat::Relu<double>> && spat::Layer<spat::ResidualFeedForward<double>> &&
              spat::Layer<spat::MixingPerceptron<double>> && spat::Layer<spat::MixerBlock<double>>);

namespace {

Pass training() { return {.training = true, .seed = 11, .step = 3}; }

/// Checks dx and every parameter of <dy, y>.
template <class Layer, class... Sizes>
void check_layer(Layer layer, std::size_t rows, std::size_t cols, Sizes... sizes) {
  randomize(layer);
  auto x = random_tensor(rows, cols, 1);
  const auto dy = random_tensor(rows, cols, 2);
  typename Layer::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, sizes...);
  const auto loss = [&] {
    return dot(dy.flat(), layer.forward(training(), x.view(), cache).flat());
  };
  loss();
  auto gradients = zeros_like(layer);
  const auto dx = backward(layer, training(), dy.view(), cache, gradients);
  const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
  check_input("x", x.flat(), kept, loss);
  check_parameters(layer, gradients, loss);
}

}  // namespace

TEST_CASE("Relu agrees with central differences", "[nn]") {
  const spat::Relu<double> layer;
  auto x = random_tensor(5, 9, 1);
  const auto dy = random_tensor(5, 9, 2);
  spat::Relu<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, std::size_t{5}, std::size_t{9});
  const auto loss = [&] { return dot(dy.flat(), layer.forward(Pass{}, x.view(), cache).flat()); };
  loss();
  const auto dx = layer.backward_input(Pass{}, dy.view(), cache);
  const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
  check_input("x", x.flat(), kept, loss);
}

TEST_CASE("Activations give the same bytes on a team and without one", "[nn]") {
  const auto check = [](const auto& layer) {
    const std::size_t rows = 500, cols = 240;  // large enough to wake workers
    const auto x = random_tensor(rows, cols, 1), dy = random_tensor(rows, cols, 2);
    typename std::remove_cvref_t<decltype(layer)>::Cache alone, shared;
    Arena first, second;
    prepare(first, Purpose::training, alone, rows, cols);
    prepare(second, Purpose::training, shared, rows, cols);
    spat::Team team(3);
    Pass pass;
    pass.team = &team;
    CHECK(same_bits(layer.forward(Pass{}, x.view(), alone).flat(),
                    layer.forward(pass, x.view(), shared).flat()));
    CHECK(same_bits(layer.backward_input(Pass{}, dy.view(), alone).flat(),
                    layer.backward_input(pass, dy.view(), shared).flat()));
  };
  check(spat::Relu<double>());
  check(spat::Gelu<double>());
}

TEST_CASE("ResidualFeedForward agrees with central differences, with and without dropout", "[nn]") {
  for (const double rate : {0.0, 0.4}) {
    const std::size_t rows = 6, sample_rows = 3;
    spat::MixingPerceptron<double> layer(5, 11);
    layer.dropout = {rate, 2};
    check_layer(layer, rows, 5, rows, sample_rows);
    spat::MixingPerceptron<double, 4, 16> fixed(4, 16);
    fixed.dropout = {rate, 2};
    check_layer(fixed, rows, 4, rows, sample_rows);
    spat::ResidualFeedForward<double> normalized(5, 11);  // both dropouts
    normalized.set_dropout(rate, 2);
    check_layer(normalized, rows, 5, rows, sample_rows);
  }
}

TEST_CASE("MixerBlock agrees with central differences, with and without dropout", "[nn]") {
  const std::size_t samples = 2;
  for (const double rate : {0.0, 0.4}) {
    spat::MixerBlock<double> layer(7, 3, 5);
    layer.set_dropout(rate, 4);
    check_layer(layer, samples * 3, 7, samples);
    spat::MixerBlock<double, 7, 3, 5> fixed(7, 3, 5);
    fixed.set_dropout(rate, 4);
    check_layer(fixed, samples * 3, 7, samples);
  }
}

TEST_CASE("SeriesDecomposition agrees with central differences, and its parts add up", "[nn]") {
  for (const std::size_t window : std::initializer_list<std::size_t>{1, 5, 25}) {
    const spat::SeriesDecomposition<double> layer(window);
    auto x = random_tensor(3, 11, 1);
    const auto dtrend = random_tensor(3, 11, 2), dseasonal = random_tensor(3, 11, 3);
    spat::SeriesDecomposition<double>::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, std::size_t{3}, std::size_t{11});
    const auto loss = [&] {
      const auto parts = layer.forward(Pass{}, x.view(), cache);
      return dot(dtrend.flat(), parts.trend.flat()) + dot(dseasonal.flat(), parts.seasonal.flat());
    };
    loss();
    const auto dx = layer.backward_input(Pass{}, {dtrend.view(), dseasonal.view()}, cache);
    const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
    check_input("x", x.flat(), kept, loss);
    for (std::size_t i = 0; i < x.flat().size(); ++i)
      CHECK(cache.trend.flat()[i] + cache.seasonal.flat()[i] == Approx(x.flat()[i]).margin(1e-14));
  }
  CHECK_THROWS_AS(spat::SeriesDecomposition<double>(4), spat::ConfigError);
}

TEST_CASE(
    "SeriesFrame agrees with central differences around a map of series, with and without "
    "normalization",
    "[nn]") {
  const std::size_t samples = 2, lookback = 6, horizon = 4, channels = 3, tokens = 5;
  for (const bool normalizes : {true, false}) {
    const spat::SeriesFrame<double> layer(normalizes, lookback, horizon);
    auto x = random_tensor(samples * lookback, channels, 1);
    const auto mixing = random_tensor(lookback, horizon, 2),
               dy = random_tensor(samples * horizon, channels, 3);
    spat::SeriesFrame<double>::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, layer, samples, channels, tokens);
    spat::Tensor<double> series(samples * channels, lookback), y(samples * tokens, horizon),
        dseries(samples * channels, lookback), dn(samples * lookback, channels);
    const auto loss = [&] {
      spat::transpose_samples<double>(layer.enter(Pass{}, x.view(), cache), samples, series.view());
      for (std::size_t r = 0; r < samples * channels; ++r)
        for (std::size_t t = 0; t < horizon; ++t) {
          double sum = 0;
          for (std::size_t l = 0; l < lookback; ++l)
            sum += series.view().row(r)[l] * mixing.view().row(l)[t];
          y.view().row(r / channels * tokens + r % channels)[t] = std::tanh(sum);
        }
      return dot(dy.flat(), layer.leave(Pass{}, y.view(), cache).flat());
    };
    loss();
    const auto dz = layer.backward_leave(Pass{}, dy.view(), cache);
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t n = channels; n < tokens; ++n)
        for (std::size_t t = 0; t < horizon; ++t) CHECK(dz.row(s * tokens + n)[t] == 0);
    for (std::size_t r = 0; r < samples * channels; ++r)
      for (std::size_t t = 0; t < horizon; ++t) {
        const std::size_t at = r / channels * tokens + r % channels;
        const double value = y.view().row(at)[t];
        for (std::size_t l = 0; l < lookback; ++l)
          dseries.view().row(r)[l] += (1 - value * value) * mixing.view().row(l)[t] * dz.row(at)[t];
      }
    spat::transpose_samples<double>(dseries.view(), samples, dn.view());
    const auto dx = layer.backward_enter(Pass{}, dn.view(), cache);
    const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
    check_input("x", x.flat(), kept, loss);
  }
}

TEST_CASE("InstanceNorm adds 1e-5 to the variance, as the reference does", "[nn]") {
  const spat::InstanceNorm<double> layer;
  spat::InstanceNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, std::size_t{1}, std::size_t{2}, std::size_t{1},
          std::size_t{1}, std::size_t{1});
  const std::vector<double> x{5.001, 4.999};
  CHECK(layer.forward(Pass{}, {x.data(), 2, 1}, cache).flat()[0] ==
        Approx(1e-3 / std::sqrt(1e-6 + 1e-5)).epsilon(1e-9));
}

TEST_CASE("InstanceNorm loses nothing to a level far above the spread", "[nn]") {
  double worst = 0;
  for (const std::size_t length : {12u, 96u, 480u, 4000u})
    for (const double level : {0.0, 1e2, 1e5, 1e6}) {
      std::vector<float> x(length);
      spat::Random random(6, length);
      for (float& value : x) value = static_cast<float>(level + random.normal());
      const auto [mean, variance] = exact_moments(x, length);
      spat::InstanceNorm<float> layer;
      spat::InstanceNorm<float>::Cache cache;
      Arena arena;
      prepare(arena, Purpose::inference, cache, std::size_t{1}, length, std::size_t{1},
              std::size_t{1}, std::size_t{1});
      const auto n = layer.forward(Pass{}, {x.data(), length, 1}, cache);
      for (std::size_t t = 0; t < length; ++t)
        worst = std::max(worst, std::abs(double(n.flat()[t]) -
                                         (double(x[t]) - mean) / std::sqrt(variance + 1e-5)));
      CHECK(std::abs(double(cache.mean.flat()[0]) - mean) <= 1e-7 * level + 1e-6);
    }
  CHECK(worst < 2e-5);  // of the spread; with plain sums .5 at a level of 1e5 over 480 rows
}

}  // namespace series_tests
