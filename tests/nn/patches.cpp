// Patches as tokens, their positions, and the head that flattens them: gradients, and each gather
// compared to its formula.
#include "check.hpp"

#include <spat/nn/flatten_head.hpp>
#include <spat/nn/patch_embedding.hpp>

#include <tests/support/errors.hpp>

namespace patches_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;

static_assert(spat::Layer<spat::Patches<double>> && spat::Layer<spat::Patches<double, 4>>);
static_assert(spat::Layer<spat::PatchEmbedding<double>> && spat::Layer<spat::FlattenHead<double>>);
static_assert(spat::Layer<spat::LearnedPositions<double>>);

namespace {

Pass training() { return {.training = true, .seed = 11, .step = 3}; }

/// Compares dx and every tensor of a layer with one input x [rows x cols] to central differences of
/// <dy, y>.
template <class Layer, class... Sizes>
void check_layer(Layer layer, std::size_t rows, std::size_t cols, Sizes... sizes) {
  randomize(layer);
  auto x = random_tensor(rows, cols, 1);
  typename Layer::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, sizes...);
  const auto y = layer.forward(training(), x.view(), cache);
  const auto dy = random_tensor(y.rows(), y.cols(), 2);
  const auto loss = [&] {
    return dot(dy.flat(), layer.forward(training(), x.view(), cache).flat());
  };
  auto gradients = zeros_like(layer);
  const auto dx = backward(layer, training(), dy.view(), cache, gradients);
  const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
  check_input("x", x.flat(), kept, loss);
  check_parameters(layer, gradients, loss);

  loss();
  auto twice = gradients;  // weight gradients are added
  backward(layer, training(), dy.view(), cache, twice);
  const auto once = parameters(gradients), both = parameters(twice);
  for (std::size_t i = 0; i < once.size(); ++i)
    for (std::size_t j = 0; j < once[i].values.size(); ++j)
      CHECK(both[i].values[j] == Approx(2 * once[i].values[j]).margin(1e-12));
}

/// Lookback, patch, stride, padding: overlapping, separate and adjacent patches, and one that fits
/// only by padding.
struct Cut {
  std::size_t lookback, patch, stride, padding;
};
constexpr Cut cuts[]{{11, 4, 2, 2}, {12, 3, 5, 5}, {12, 4, 4, 0},
                     {7, 7, 3, 0},  {5, 8, 2, 4},  {9, 2, 1, 6}};

}  // namespace

TEST_CASE("a patch is a stretch of its series, continued by its last value", "[nn]") {
  const std::size_t samples = 3, channels = 2;
  for (const auto& [lookback, patch, stride, padding] : cuts) {
    INFO("lookback " << lookback << ", patch " << patch << ", stride " << stride << ", padding "
                     << padding);
    const spat::Patches<double> layer(lookback, patch, stride, padding);
    const auto x = random_tensor(samples * lookback, channels, 1);
    spat::Patches<double>::Cache cache;
    Arena arena;
    prepare(arena, Purpose::inference, cache, layer, samples, channels);
    const auto y = layer.forward(Pass{}, x.view(), cache);
    std::size_t row = 0, wrong = 0;
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t c = 0; c < channels; ++c) {
        std::vector<double> series;
        for (std::size_t t = 0; t < lookback; ++t)
          series.push_back(x.view().row(s * lookback + t)[c]);
        series.insert(series.end(), padding, series.back());
        for (std::size_t first = 0; first + patch <= series.size(); first += stride, ++row)
          for (std::size_t i = 0; i < patch; ++i) wrong += y.row(row)[i] != series[first + i];
      }
    CHECK((y.rows() == row && row == samples * channels * layer.count));
    CHECK(wrong == 0);
  }
}

TEST_CASE("Patches agree with central differences, overlapping and padded, static and dynamic",
          "[nn]") {
  for (const auto& [lookback, patch, stride, padding] : cuts)
    check_layer(spat::Patches<double>(lookback, patch, stride, padding), 3 * lookback, 2,
                std::size_t{3}, std::size_t{2});
  check_layer(spat::Patches<double, 4>(11, 4, 2, 2), 3 * 11, 2, std::size_t{3}, std::size_t{2});
}

TEST_CASE("a patch that does not fit is refused, with all four numbers", "[nn]") {
  CHECK(message_of<spat::ConfigError>([] { spat::Patches<float>(5, 8, 2, 2); }) ==
        "a patch must fit into the lookback: lookback 5, padding 2, patch 8, stride 2");
  CHECK_THROWS_AS(spat::Patches<float>(5, 0, 2, 2), spat::ConfigError);
  CHECK_THROWS_AS(spat::Patches<float>(5, 2, 0, 2), spat::ConfigError);
}

TEST_CASE(
    "fixed positions are sines and cosines of falling frequencies, and follow a product tile by "
    "tile",
    "[nn]") {
  for (const std::size_t width : std::initializer_list<std::size_t>{1, 6, 7}) {
    const std::size_t tokens = 5, sequences = 3;
    const auto before = random_tensor(sequences * tokens, width, 1);
    auto x = before;
    const spat::SinusoidalPositions<double> layer(tokens, width);
    const auto add = layer.follow(x.view());
    const std::size_t top = 4, left = width / 2;  // tiles that begin and end within a sequence
    add(0, top, 0, width);
    add(top, x.rows() - top, 0, left), add(top, x.rows() - top, left, width - left);
    double worst = 0;
    for (std::size_t r = 0; r < x.rows(); ++r)
      for (std::size_t c = 0; c < width; ++c) {
        const double angle =
            double(r % tokens) / std::pow(10000.0, double(c - c % 2) / double(width));
        const double expected =
            before.view().row(r)[c] + (c % 2 == 0 ? std::sin(angle) : std::cos(angle));
        worst = larger(worst, std::abs(x.view().row(r)[c] - expected));
      }
    CHECK(worst < 1e-14);
  }
}

TEST_CASE("the positions in a file are those of the model, continued", "[nn]") {
  spat::SinusoidalPositions<double> layer(5, 6);
  const auto list = spat::parameters(layer);
  REQUIRE(list.size() == 1);
  CHECK(list[0].kind == spat::ParameterKind::constant);
  CHECK(list[0].shape == std::vector<std::size_t>{1, 5000, 6});
  CHECK(list[0].values.empty());
  std::vector<double> table(5000 * 6);
  list[0].compute(table, list[0].shape);
  spat::Tensor<double> zeros(5, 6);
  layer.follow(zeros.view())(0, 5, 0, 6);
  CHECK(same_bits(zeros.flat(), std::span(table).first(5 * 6)));
  CHECK(table[4999 * 6 + 3] == Approx(std::cos(4999 / std::pow(10000.0, 2.0 / 6))).margin(1e-9));
}

TEST_CASE("LearnedPositions agree with central differences, static and dynamic", "[nn]") {
  check_layer(spat::LearnedPositions<double>(3, 5), 4 * 3, 5, std::size_t{12});
  check_layer(spat::LearnedPositions<double, 8>(3, 8), 4 * 3, 8, std::size_t{12});
}

TEST_CASE("LearnedPositions add one table to every sequence", "[nn]") {
  spat::LearnedPositions<double> layer(3, 5);
  randomize(layer);
  const auto x = random_tensor(12, 5, 1);
  spat::LearnedPositions<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{12});
  const auto y = layer.forward(Pass{}, x.view(), cache);
  for (std::size_t r = 0; r < 12; ++r)
    for (std::size_t c = 0; c < 5; ++c)
      CHECK(y.row(r)[c] == x.view().row(r)[c] + layer.table.view().row(r % 3)[c]);
}

TEST_CASE(
    "PatchEmbedding agrees with central differences, with and without dropout, static and dynamic",
    "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    spat::PatchEmbedding<double> layer(11, 4, 2, 2, 6);
    layer.dropout = {rate, 3};
    check_layer(layer, 3 * 11, 2, std::size_t{3}, std::size_t{2});
    spat::PatchEmbedding<double, 4, 8> fixed(11, 4, 2, 2, 8);
    fixed.dropout = {rate, 3};
    check_layer(fixed, 3 * 11, 2, std::size_t{3}, std::size_t{2});
  }
}

TEST_CASE("PatchEmbedding's weights need no dx", "[nn]") {
  spat::PatchEmbedding<double> layer(11, 4, 2, 2, 6);
  layer.dropout = {0.3, 3};
  randomize(layer);
  const auto x = random_tensor(33, 2, 1), dy = random_tensor(3 * 2 * layer.patches.count, 6, 2);
  spat::PatchEmbedding<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, std::size_t{3}, std::size_t{2});
  layer.forward(training(), x.view(), cache);
  auto whole = zeros_like(layer), skipped = zeros_like(layer);
  backward(layer, training(), spat::Rows<const double>(dy.view()), cache, whole);
  layer.skip_input(training(), dy.view(), cache);
  Share all;
  layer.backward_weights(training(), cache, skipped, all);
  CHECK(same_parameters(skipped, whole));
}

TEST_CASE(
    "FlattenHead agrees with central differences, with and without dropout, static and dynamic",
    "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    spat::FlattenHead<double> layer(5, 6, 7);
    layer.dropout = {rate, 3};
    check_layer(layer, 4 * 5, 6, std::size_t{2}, std::size_t{2}, std::size_t{5});
    spat::FlattenHead<double, 40, 7, 8> fixed(5, 8, 7);
    fixed.dropout = {rate, 3};
    check_layer(fixed, 4 * 5, 8, std::size_t{2}, std::size_t{2}, std::size_t{5});
  }
}

TEST_CASE("FlattenHead reads element d of token n as input d N + n", "[nn]") {
  const std::size_t tokens = 5, width = 6, horizon = 7, series = 4;
  spat::FlattenHead<double> layer(tokens, width, horizon);
  randomize(layer);
  const auto x = random_tensor(series * tokens, width, 1);
  spat::FlattenHead<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{2}, std::size_t{2}, tokens);
  const auto y = layer.forward(Pass{}, x.view(), cache);
  for (std::size_t i = 0; i < series; ++i)
    for (std::size_t t = 0; t < horizon; ++t) {
      double sum = layer.linear.bias.data()[t];
      for (std::size_t n = 0; n < tokens; ++n)
        for (std::size_t d = 0; d < width; ++d)
          sum +=
              layer.linear.weight.view().row(t)[d * tokens + n] * x.view().row(i * tokens + n)[d];
      CHECK(y.row(i)[t] == Approx(sum).margin(1e-12));
    }
}

}  // namespace patches_tests
