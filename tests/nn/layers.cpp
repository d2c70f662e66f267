// The simple layers: gradients by central differences, and the guarantees of each.
#include "check.hpp"

#include <spat/nn/activation.hpp>
#include <spat/nn/feed_forward.hpp>
#include <spat/nn/instance_norm.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/linear.hpp>

namespace layers_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using Input = spat::Rows<const double>;

static_assert(
    spat::Layer<spat::Linear<double>> &&
    spat::Layer<spat::Linear<double, 3, 4, spat::Bias::none>, spat::Rows<const double, 3>>);
static_assert(spat::Layer<spat::LayerNorm<float>> && spat::Layer<spat::Gelu<double>> &&
              spat::Layer<spat::Dropout<double>>);
static_assert(spat::Layer<spat::FeedForward<double>>);

namespace {

Pass training(std::size_t step = 3) { return {.training = true, .seed = 11, .step = step}; }

/// For layers of one input x [rows x cols] and a cache laid out by `lay_out`: compares dx and every
/// tensor to central differences of <dy, y>. Then repeats the backward, which must add to the
/// gradients and leave x unchanged.
template <class Layer, class LayOut>
void check_layer(Layer layer, std::size_t rows, std::size_t cols, LayOut&& lay_out,
                 const Pass& pass = training()) {
  randomize(layer);
  auto x = random_tensor(rows, cols, 1);
  typename Layer::Cache cache;
  Arena arena;
  arena.prepare(Purpose::training, [&](Arena& a) { lay_out(cache, a, layer); });
  const auto y = layer.forward(pass, x.view(), cache);
  const auto dy = random_tensor(y.rows(), y.cols(), 2);
  const auto loss = [&] { return dot(dy.flat(), layer.forward(pass, x.view(), cache).flat()); };

  auto gradients = zeros_like(layer);
  const auto before = x;
  const auto dx = backward(layer, pass, dy.view(), cache, gradients);
  CHECK(same_bits(x.flat(), before.flat()));
  const auto kept = dx.flat();
  const std::vector<double> dx_values(kept.begin(), kept.end());
  check_input("x", x.flat(), dx_values, loss);
  check_parameters(layer, gradients, loss);

  loss();
  auto twice = gradients;
  backward(layer, pass, dy.view(), cache, twice);
  const auto once = parameters(gradients), both = parameters(twice);
  for (std::size_t i = 0; i < once.size(); ++i)
    for (std::size_t j = 0; j < once[i].values.size(); ++j)
      CHECK(both[i].values[j] == Approx(2 * once[i].values[j]).margin(1e-12));
}

/// Divided among workers: any number of shares gives the same bytes as one.
template <class Layer, class Cache>
void check_shares(const Layer& layer, const Pass& pass, Cache& cache, Layer& whole) {
  for (const std::size_t count : std::initializer_list<std::size_t>{2, 3, 7}) {
    auto pieces = zeros_like(layer);
    for (std::size_t i = 0; i < count; ++i) {
      Share share(i, count);
      layer.backward_weights(pass, cache, pieces, share);
    }
    CHECK(same_parameters(pieces, whole));
  }
}

}  // namespace

TEST_CASE("Linear agrees with central differences, with and without a bias, static and dynamic",
          "[nn]") {
  const auto lay_out = [](auto& cache, Arena& arena, const auto& layer) {
    cache.lay_out(arena, layer, 6);
  };
  check_layer(spat::Linear<double>(5, 7), 6, 5, lay_out);
  check_layer(spat::Linear<double, 5, 7>(5, 7), 6, 5, lay_out);
  check_layer(spat::Linear<double, 5, 7, spat::Bias::none>(5, 7), 6, 5, lay_out);
  check_layer(spat::Linear<double, spat::dynamic, spat::dynamic, spat::Bias::none>(5, 37), 6, 5,
              lay_out);
}

TEST_CASE("Linear is y = x W^T + b", "[nn]") {
  spat::Linear<float, 2, 3> layer(2, 3);
  std::ranges::copy(std::initializer_list<float>{1, 2, 3, 4, 5, 6}, layer.weight.data());
  std::ranges::copy(std::initializer_list<float>{100, 200, 300}, layer.bias.data());
  spat::Tensor<float> x(1, 2);
  x.data()[0] = 1, x.data()[1] = 10;
  spat::Linear<float, 2, 3>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{1});
  const auto y = layer.forward(Pass{}, x.view(), cache);
  CHECK(std::vector<float>(y.data(), y.data() + 3) == std::vector<float>{121, 243, 365});
}

TEST_CASE(
    "A Linear of many outputs gives its weight gradients the same bytes for any number of shares",
    "[nn]") {
  spat::Linear<double> layer(9, 150);
  randomize(layer);
  const auto x = random_tensor(20, 9, 1), dy = random_tensor(20, 150, 2);
  spat::Linear<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, std::size_t{20});
  layer.forward(training(), x.view(), cache);
  auto whole = zeros_like(layer);
  backward(layer, training(), Input(dy.view()), cache, whole);
  check_shares(layer, training(), cache, whole);

  auto skipped = zeros_like(layer);  // dx is not needed
  layer.skip_input(dy.view(), cache);
  Share all;
  layer.backward_weights(training(), cache, skipped, all);
  CHECK(same_parameters(skipped, whole));
}

TEST_CASE("A linear map without a bias holds none", "[nn]") {
  const spat::Linear<float, spat::dynamic, spat::dynamic, spat::Bias::none> map(3, 5);
  CHECK(map.bias.flat().empty());
  CHECK(spat::parameter_count(spat::parameters(map)) == 15);
}

TEST_CASE("LayerNorm agrees with central differences, static and dynamic", "[nn]") {
  const auto lay_out = [](auto& cache, Arena& arena, const auto& layer) {
    cache.lay_out(arena, layer, 5);
  };
  check_layer(spat::LayerNorm<double>(9), 5, 9, lay_out);
  check_layer(spat::LayerNorm<double, 16>(16), 5, 16, lay_out);
}

TEST_CASE("LayerNorm loses nothing to a level far above the spread", "[nn]") {
  double worst = 0;
  for (const std::size_t width : {8u, 100u, 512u, 4096u})
    for (const double level : {0.0, 1e2, 1e4, 1e6}) {
      std::vector<float> x(width);
      spat::Random random(6, width);
      for (float& value : x) value = static_cast<float>(level + random.normal());
      const auto [mean, variance] = exact_moments(x, width);
      const spat::LayerNorm<float> layer(width);
      spat::LayerNorm<float>::Cache cache;
      Arena arena;
      prepare(arena, Purpose::inference, cache, layer, std::size_t{1});
      const auto y = layer.forward(Pass{}, {x.data(), 1, width}, cache);
      for (std::size_t i = 0; i < width; ++i)
        worst = std::max(worst, std::abs(double(y.row(0)[i]) -
                                         (double(x[i]) - mean) / std::sqrt(variance + 1e-5)));
    }
  CHECK(worst < 5e-6);  // of the spread
}

TEST_CASE("LayerNorm adds 1e-5 to the variance, as PyTorch does", "[nn]") {
  const spat::LayerNorm<double> layer(2);
  spat::LayerNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{1});
  const std::vector<double> x{5.001, 4.999};
  CHECK(layer.forward(Pass{}, {x.data(), 1, 2}, cache).row(0)[0] ==
        Approx(1e-3 / std::sqrt(1e-6 + 1e-5)).epsilon(1e-9));
}

TEST_CASE("LayerNorm starts as the plain normalization: gain one, bias zero", "[nn]") {
  const spat::LayerNorm<double> layer(8);
  const auto x = random_tensor(3, 8, 1);
  spat::LayerNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{3});
  const auto y = layer.forward(Pass{}, x.view(), cache);
  for (std::size_t r = 0; r < 3; ++r) {
    double mean = 0, square = 0;
    for (std::size_t c = 0; c < 8; ++c)
      mean += y.row(r)[c] / 8, square += y.row(r)[c] * y.row(r)[c] / 8;
    CHECK(std::abs(mean) < 1e-15);
    CHECK(square == Approx(1).epsilon(1e-4));
  }
}

TEST_CASE("Gelu agrees with central differences, static and dynamic", "[nn]") {
  check_layer(spat::Gelu<double>(), 5, 9,
              [](auto& cache, Arena& arena, const auto&) { cache.lay_out(arena, 5, 9); });
  check_layer(spat::Gelu<double, 16>(), 5, 16,
              [](auto& cache, Arena& arena, const auto&) { cache.lay_out(arena, 5, 16); });
}

TEST_CASE(
    "FeedForward agrees with central differences, with and without dropout, static and dynamic",
    "[nn]") {
  const auto lay_out = [](auto& cache, Arena& arena, const auto& layer) {
    cache.lay_out(arena, layer, 6, 3);
  };
  for (const double rate : {0.0, 0.4}) {
    spat::FeedForward<double> layer(5, 11);
    layer.dropout = {rate, 2};
    check_layer(layer, 6, 5, lay_out);
    spat::FeedForward<double, 4, 16> fixed(4, 16);
    fixed.dropout = {rate, 2};
    check_layer(fixed, 6, 4, lay_out);
  }
}

TEST_CASE("Static and dynamic FeedForward give the same bytes", "[nn]") {
  spat::FeedForward<double> layer(6, 20);
  spat::FeedForward<double, 6, 20> fixed(6, 20);
  randomize(layer), randomize(fixed);
  layer.dropout = fixed.dropout = {0.3, 1};
  const auto x = random_tensor(8, 6, 1), dy = random_tensor(8, 6, 2);
  decltype(layer)::Cache cache;
  decltype(fixed)::Cache fixed_cache;
  Arena arena, fixed_arena;
  prepare(arena, Purpose::training, cache, layer, std::size_t{8}, std::size_t{4});
  prepare(fixed_arena, Purpose::training, fixed_cache, fixed, std::size_t{8}, std::size_t{4});
  CHECK(same_bits(layer.forward(training(), x.view(), cache).flat(),
                  fixed.forward(training(), x.view(), fixed_cache).flat()));
  auto gradients = zeros_like(layer);
  auto fixed_gradients = zeros_like(fixed);
  CHECK(same_bits(backward(layer, training(), Input(dy.view()), cache, gradients).flat(),
                  backward(fixed, training(), spat::Rows<const double, 6>(dy.view()), fixed_cache,
                           fixed_gradients)
                      .flat()));
  const auto list = parameters(gradients), fixed_list = parameters(fixed_gradients);
  for (std::size_t i = 0; i < list.size(); ++i)
    CHECK(same_bits(list[i].values, fixed_list[i].values));
}

TEST_CASE("Dropout agrees with central differences while training", "[nn]") {
  spat::Dropout<double> layer{0.35, 5};
  check_layer(layer, 8, 7,
              [](auto& cache, Arena& arena, const auto& l) { cache.lay_out(arena, l, 8, 7, 2); });
}

TEST_CASE("Dropout keeps the expected value, and is x itself when nothing is dropped", "[nn]") {
  spat::Dropout<double> layer{0.25, 5};
  spat::Tensor<double> x(100, 400);
  std::ranges::fill(x.flat(), 1.0);
  spat::Dropout<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, std::size_t{100}, std::size_t{400},
          std::size_t{10});
  const auto y = layer.forward(training(), x.view(), cache);
  double mean = 0;
  std::size_t others = 0;
  for (const double value : y.flat()) {
    mean += value / 40'000;
    others += value != 0 && value != 1 / 0.75;
  }
  CHECK(others == 0);
  CHECK(std::abs(mean - 1) < 5 * std::sqrt(0.25 / 0.75 / 40'000));

  CHECK(layer.forward(Pass{}, x.view(), cache).data() == x.data());
  CHECK(layer.backward_input(Pass{}, x.view(), cache).data() == x.data());
  layer.rate = 0;
  CHECK(layer.forward(training(), x.view(), cache).data() == x.data());
}

TEST_CASE("A dropout's mask belongs to the sample, not to the division of the batch", "[nn]") {
  const spat::Dropout<double> layer{0.5, 5};
  const auto x = random_tensor(12, 5, 1);
  spat::Dropout<double>::Cache whole, part;
  Arena whole_arena, part_arena;
  prepare(whole_arena, Purpose::training, whole, layer, std::size_t{12}, std::size_t{5},
          std::size_t{3});
  prepare(part_arena, Purpose::training, part, layer, std::size_t{12}, std::size_t{5},
          std::size_t{3});
  const auto y = layer.forward(training(), x.view(), whole);
  for (std::size_t first = 0; first < 4; ++first)
    for (std::size_t count = 1; first + count <= 4; ++count) {
      Pass pass = training();
      pass.first_sample = first;
      const auto rows =
          layer.forward(pass, Input(x.view()).middle_rows(3 * first, 3 * count), part);
      CHECK(same_bits(rows.flat(), y.middle_rows(3 * first, 3 * count).flat()));
    }
  const auto copy = random_tensor(12, 5, 1);
  CHECK_FALSE(same_bits(layer.forward(training(4), copy.view(), part).flat(), y.flat()));
}

TEST_CASE(
    "InstanceNorm agrees with central differences through both of its halves, also if fewer "
    "channels are restored",
    "[nn]") {
  const std::size_t samples = 3, lookback = 5, horizon = 4, channels = 2;
  for (const std::size_t targets : std::initializer_list<std::size_t>{2, 1}) {
    INFO(targets << " of " << channels << " channels come back");
    const spat::InstanceNorm<double> layer;
    auto x = random_tensor(samples * lookback, channels, 1);
    const auto mixing = random_tensor(horizon, lookback, 2),
               dy = random_tensor(samples * horizon, targets, 3);
    spat::InstanceNorm<double>::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, samples, lookback, horizon, channels, targets);
    spat::Tensor<double> z(samples * horizon, targets), dn(samples * lookback, channels);

    // between the halves, z = tanh(mixing n), so that the level, the scale and n itself all have
    // gradients
    const std::size_t first = channels - targets;
    const auto loss = [&] {
      const auto n = layer.forward(Pass{}, x.view(), cache);
      for (std::size_t s = 0; s < samples; ++s)
        for (std::size_t t = 0; t < horizon; ++t)
          for (std::size_t c = 0; c < targets; ++c) {
            double sum = 0;
            for (std::size_t l = 0; l < lookback; ++l)
              sum += mixing.view().row(t)[l] * n.row(s * lookback + l)[first + c];
            z.view().row(s * horizon + t)[c] = std::tanh(sum);
          }
      return dot(dy.flat(), layer.restore(Pass{}, z.view(), cache).flat());
    };
    loss();
    const auto dz = layer.backward_restore(Pass{}, dy.view(), z.view(), cache);
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t c = 0; c < targets; ++c)
        for (std::size_t t = 0; t < horizon; ++t) {
          const double value = z.view().row(s * horizon + t)[c];
          for (std::size_t l = 0; l < lookback; ++l)
            dn.view().row(s * lookback + l)[first + c] +=
                (1 - value * value) * mixing.view().row(t)[l] * dz.row(s * horizon + t)[c];
        }
    const auto dx = layer.backward_input(Pass{}, dn.view(), cache);
    const std::vector<double> kept(dx.flat().begin(), dx.flat().end()),
        dz_kept(dz.flat().begin(), dz.flat().end());
    check_input("x", x.flat(), kept, loss);
    check_input("z", z.flat(), dz_kept,
                [&] { return dot(dy.flat(), layer.restore(Pass{}, z.view(), cache).flat()); });
  }
}

TEST_CASE("InstanceNorm restores what it normalized, and survives a constant channel", "[nn]") {
  const spat::InstanceNorm<double> layer;
  auto x = random_tensor(2 * 6, 3, 1);
  for (std::size_t r = 0; r < 6; ++r) x.view().row(r)[1] = 4;
  spat::InstanceNorm<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, std::size_t{2}, std::size_t{6}, std::size_t{6},
          std::size_t{3}, std::size_t{3});
  const auto n = layer.forward(Pass{}, x.view(), cache);
  CHECK(n.row(0)[1] == 0);
  const auto y = layer.restore(Pass{}, n, cache);
  for (std::size_t i = 0; i < x.flat().size(); ++i)
    CHECK(y.flat()[i] == Approx(x.flat()[i]).margin(1e-12));
}

TEMPLATE_TEST_CASE_SIG(
    "InvertedEmbedding agrees with central differences, with and without marks and dropout", "[nn]",
    ((std::size_t lookback, std::size_t width), lookback, width), (spat::dynamic, spat::dynamic),
    (5, 8)) {
  const std::size_t samples = 3, l = 5, channels = 4;
  for (const std::size_t mark_count : std::initializer_list<std::size_t>{0, 2})
    for (const double rate : {0.0, 0.3}) {
      using Embedding = spat::InvertedEmbedding<double, lookback, width>;
      Embedding layer(l, 8);
      layer.dropout = {rate, 1};
      randomize(layer);
      auto x = random_tensor(samples * l, channels, 1),
           marks = random_tensor(mark_count ? samples * l : 0, mark_count, 3);
      const auto dy = random_tensor(samples * (channels + mark_count), 8, 2);
      typename Embedding::Cache cache;
      Arena arena;
      prepare(arena, Purpose::training, cache, layer, samples, channels, mark_count);
      const auto loss = [&] {
        return dot(dy.flat(), layer.forward(training(), x.view(), marks.view(), cache).flat());
      };
      loss();
      auto gradients = zeros_like(layer);
      const auto dx = layer.backward_input(training(), dy.view(), cache);
      Share all;
      layer.backward_weights(training(), cache, gradients, all);
      const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
      check_input("x", x.flat(), kept, loss);
      check_parameters(layer, gradients, loss);

      loss();
      auto skipped = zeros_like(layer);  // the first layer of a model does not compute dx
      Share again;
      layer.skip_input(training(), dy.view(), cache);
      layer.backward_weights(training(), cache, skipped, again);
      CHECK(same_parameters(skipped, gradients));
    }
}

}  // namespace layers_tests
