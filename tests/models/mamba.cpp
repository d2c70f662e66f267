// Mamba and its parts: by central differences, forward and reversed, divided among workers.
#include <tests/nn/check.hpp>

#include <spat/models/smamba/mamba_layer.hpp>

namespace mamba_tests {

using spat::Arena;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using Input = spat::Rows<const double>;

static_assert(spat::Layer<spat::Mamba<double>> && spat::Layer<spat::BidirectionalMamba<double>> &&
              spat::Layer<spat::MambaLayer<double>>);

namespace {

constexpr std::size_t samples = 2, tokens = 4;

Pass training(spat::Team* team = nullptr) {
  return {.training = true, .seed = 11, .step = 3, .team = team};
}

template <class Layer>
void check_sequence_layer(Layer layer, std::size_t width) {
  randomize(layer);
  auto x = random_tensor(samples * tokens, width, 1);
  const auto dy = random_tensor(samples * tokens, width, 2);
  typename Layer::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, samples, tokens);
  const auto loss = [&] {
    return dot(dy.flat(), layer.forward(training(), x.view(), cache).flat());
  };
  loss();
  auto gradients = zeros_like(layer);
  const auto dx = backward(layer, training(), Input(dy.view()), cache, gradients);
  const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
  check_input("x", x.flat(), kept, loss);
  check_parameters(layer, gradients, loss);
}

/// Reverses the tokens of each sample, [samples * N x D].
spat::Tensor<double> flipped(Input x) {
  spat::Tensor<double> y(x.rows(), x.cols());
  for (std::size_t r = 0; r < x.rows(); ++r)
    std::copy_n(x.row(r / tokens * tokens + tokens - 1 - r % tokens), x.cols(), y.view().row(r));
  return y;
}

}  // namespace

TEST_CASE("CausalConvolution agrees with central differences, ahead and from the end", "[nn]") {
  for (const bool reversed : {false, true})
    for (const std::size_t kernel : std::initializer_list<std::size_t>{1, 2, 4, 6}) {
      spat::CausalConvolution<double> layer(5, kernel);
      layer.reversed = reversed;
      randomize(layer);
      auto x = random_tensor(samples * tokens, 5, 1), dx = random_tensor(samples * tokens, 5, 3);
      const auto dy = random_tensor(samples * tokens, 5, 2);
      spat::CausalConvolution<double>::Cache cache;
      Arena arena;
      prepare(arena, Purpose::training, cache, layer, samples, tokens);
      const auto loss = [&] {
        return dot(dy.flat(), layer.forward(training(), Input(x.view()), cache).flat());
      };
      loss();
      auto gradients = zeros_like(layer);
      layer.backward_input(training(), dy.view(), cache, dx.view());
      Share all;
      layer.backward_weights(training(), cache, gradients, all);
      check_input("x", x.flat(), dx.flat(), loss);
      check_parameters(layer, gradients, loss);
    }
}

TEMPLATE_TEST_CASE_SIG(
    "SelectiveScan agrees with central differences in all four inputs, ahead and from the end",
    "[nn]", ((std::size_t channels, std::size_t states), channels, states),
    (spat::dynamic, spat::dynamic), (19, 3)) {
  const std::size_t rows = samples * tokens;
  for (const bool reversed : {false, true}) {
    spat::SelectiveScan<double, channels, states> layer(19, 3);
    layer.reversed = reversed;
    randomize(layer);
    auto u = random_tensor(rows, 19, 1), delta = random_tensor(rows, 19, 2),
         b = random_tensor(rows, 3, 3), c = random_tensor(rows, 3, 4),
         db = random_tensor(rows, 3, 5), dc = random_tensor(rows, 3, 6);
    for (double& value : delta.flat()) value = 0.1 + std::abs(value);
    const auto dy = random_tensor(rows, 19, 7);
    typename decltype(layer)::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, layer, samples, tokens);
    const auto loss = [&] {
      return dot(
          dy.flat(),
          layer.forward(training(), u.view(), delta.view(), Input(b.view()), Input(c.view()), cache)
              .flat());
    };
    loss();
    auto gradients = zeros_like(layer);
    const auto through = layer.backward_input(training(), dy.view(), cache, db.view(), dc.view());
    Share all;
    layer.backward_weights(training(), cache, gradients, all);
    check_input("u", u.flat(), through.u.flat(), loss);
    check_input("delta", delta.flat(), through.delta.flat(), loss);
    check_input("B", b.flat(), db.flat(), loss);
    check_input("C", c.flat(), dc.flat(), loss);
    check_parameters(layer, gradients, loss);
  }
}

TEST_CASE("Mamba agrees with central differences, ahead and from the end, static and dynamic",
          "[nn]") {
  for (const bool reversed : {false, true}) {
    check_sequence_layer(spat::Mamba<double>(18, 7, 3, 2, reversed), 18);
    check_sequence_layer(spat::Mamba<double, 4, 8, 2>(4, 8, 2, 3, reversed), 4);
  }
}

TEST_CASE("a Mamba from the end is a Mamba of the flipped sequence, to the last bit", "[nn]") {
  spat::Mamba<double> ahead(6, 10, 3, 2), back(6, 10, 3, 2, true);
  randomize(ahead), randomize(back);
  const auto x = random_tensor(samples * tokens, 6, 1), turned = flipped(x.view());
  spat::Mamba<double>::Cache cache, other;
  Arena arena, other_arena;
  prepare(arena, Purpose::inference, cache, ahead, samples, tokens);
  prepare(other_arena, Purpose::inference, other, back, samples, tokens);
  const auto y = flipped(ahead.forward(Pass{}, turned.view(), cache));
  CHECK(same_bits(back.forward(Pass{}, x.view(), other).flat(), y.flat()));
}

TEST_CASE("a Mamba is causal: later tokens change nothing", "[nn]") {
  spat::Mamba<double> layer(6, 10, 3, 2);
  randomize(layer);
  auto x = random_tensor(tokens, 6, 1);
  spat::Mamba<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{1}, tokens);
  const auto y = layer.forward(Pass{}, x.view(), cache);
  const std::vector<double> before(y.flat().begin(), y.flat().end());
  x.view().row(2)[1] += 1;
  layer.forward(Pass{}, x.view(), cache);
  CHECK(same_bits(y.flat().first(12), std::span(before).first(12)));
  CHECK_FALSE(same_bits(y.flat().subspan(12), std::span(before).subspan(12)));
}

TEST_CASE("a Mamba starts with steps from 0.001 to 0.1 and decays of 1 to S", "[nn]") {
  const spat::Mamba<double> layer(6, 10, 3, 2);
  for (std::size_t i = 0; i < 10; ++i) {
    const double step = std::log1p(std::exp(layer.dt_proj.bias.data()[i]));
    CHECK(step == Approx(0.001 * std::pow(100, (static_cast<double>(i) + 0.5) / 10)));
    for (std::size_t s = 0; s < 3; ++s)
      CHECK(std::exp(layer.scan.decay_log.view().row(i)[s]) == Approx(static_cast<double>(s + 1)));
    CHECK(layer.scan.skip.data()[i] == 1);
  }
}

TEST_CASE("MambaLayer agrees with central differences, with dropout, kept and pruned", "[nn]") {
  for (const bool keeps : {true, false}) {
    spat::MambaLayer<double> layer(6, 9, 12, 3, 2, spat::ModuleMask{keeps});
    layer.set_dropout(0.3, 2);
    check_sequence_layer(layer, 6);
  }
  check_sequence_layer(spat::MambaLayer<double, spat::BlockMask{false, {0}}, 6, 9, 12, 3>(
                           6, 9, 12, 3, 2, spat::ModuleMask{0}),
                       6);
  check_sequence_layer(spat::MambaLayer<double, spat::BlockMask{false, {1}}, 6, 9, 12, 3>(
                           6, 9, 12, 3, 2, spat::ModuleMask{1}),
                       6);
}

TEST_CASE("workers inside a Mamba and any number of shares give the bytes of one", "[nn]") {
  spat::Mamba<double> layer(96, 150, 8, 3);
  randomize(layer);
  const std::size_t many = 24;
  const auto x = random_tensor(samples * many, 96, 1), dy = random_tensor(samples * many, 96, 2);
  spat::Mamba<double>::Cache cache, other;
  Arena arena, other_arena;
  prepare(arena, Purpose::training, cache, layer, samples, many);
  prepare(other_arena, Purpose::training, other, layer, samples, many);
  auto whole = zeros_like(layer);
  const auto y = layer.forward(training(), x.view(), cache);
  const auto dx = backward(layer, training(), Input(dy.view()), cache, whole);
  for (const std::size_t count : std::initializer_list<std::size_t>{2, 3}) {
    spat::Team team(count);
    CHECK(same_bits(layer.forward(training(&team), x.view(), other).flat(), y.flat()));
    CHECK(same_bits(layer.backward_input(training(&team), dy.view(), other).flat(), dx.flat()));
    auto pieces = zeros_like(layer);
    for (std::size_t i = 0; i < count; ++i) {
      Share share(i, count);
      layer.backward_weights(training(), other, pieces, share);
    }
    CHECK(same_parameters(pieces, whole));
  }
}

}  // namespace mamba_tests
