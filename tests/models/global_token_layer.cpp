// EndogenousEmbedding and GlobalTokenLayer: patches of each variate with a global token, and the
// attention of that token.
#include <tests/nn/check.hpp>

#include <spat/models/timexer/endogenous_embedding.hpp>
#include <spat/models/timexer/global_token_layer.hpp>
#include <spat/nn/stack.hpp>

namespace global_token_layer_tests {

using spat::Arena;
using spat::BlockMask;
using spat::ModuleMask;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;

namespace {

/// Series of three tokens, two per sample, and a memory of five tokens.
constexpr std::size_t samples = 4, series = 2, tokens = 3, memory_tokens = 5, width = 6,
                      ffn_width = 10, heads = 2, sample_rows = series * tokens;

using Dynamic = spat::GlobalTokenLayer<double>;
template <BlockMask kept>
using Static = spat::GlobalTokenLayer<double, kept, width, ffn_width, heads>;
template <BlockMask kept>
using GlobalTokenBlock =
    spat::GlobalTokenLayer<double, kept, spat::dynamic, spat::dynamic, spat::dynamic>;
using Stack = spat::Stack<GlobalTokenBlock>;

inline constexpr BlockMask both{false, {0b11}}, none{false, {0b00}};

Dynamic layer_of(std::uint64_t keeps) { return {width, ffn_width, heads, ModuleMask{keeps}}; }
Stack stack_of(std::uint64_t keeps) { return {3, ModuleMask{keeps}, width, ffn_width, heads}; }

Pass training(std::size_t first_sample = 0, spat::Team* team = nullptr) {
  return {.training = true, .seed = 5, .step = 9, .first_sample = first_sample, .team = team};
}

/// A layer or a stack of them, its inputs, and the results of one forward and backward of some of
/// the samples.
template <class Layer>
struct Example {
  Example(Layer the_layer, double rate, std::size_t first_sample = 0, std::size_t count = samples,
          spat::Team* team = nullptr)
      : layer(std::move(the_layer)), pass(training(first_sample, team)),
        all_x(random_tensor(samples * sample_rows, width, 1)),
        all_m(random_tensor(samples * memory_tokens, width, 2)),
        all_dy(random_tensor(samples * sample_rows, width, 3)),
        dmemory(count * memory_tokens, width),
        x(all_x.view().middle_rows(first_sample * sample_rows, count * sample_rows)),
        m(all_m.view().middle_rows(first_sample * memory_tokens, count * memory_tokens)),
        dy(all_dy.view().middle_rows(first_sample * sample_rows, count * sample_rows)) {
    randomize(layer);
    layer.set_dropout(rate, 20);
    ::prepare(arena, Purpose::training, cache, layer, count, series, tokens, memory_tokens);
  }

  RowsOfDouble forward() { return layer.forward(pass, RowsOfDouble(x), cache, RowsOfDouble(m)); }
  double loss() { return dot(dy.flat(), forward().flat()); }

  /// Adds to `gradients` and to dmemory.
  std::vector<double> backward(Layer& gradients) {
    const RowsOfDouble dx = layer.backward_input(pass, RowsOfDouble(dy), cache, dmemory.view());
    Share all;
    layer.backward_weights(pass, cache, gradients, all);
    return {dx.flat().begin(), dx.flat().end()};
  }

  Layer layer;
  Pass pass;
  spat::Tensor<double> all_x, all_m, all_dy, dmemory;
  spat::Rows<double> x, m;
  RowsOfDouble dy;
  Arena arena;
  typename Layer::Cache cache;
};

template <class Layer>
void check_gradients(Layer layer, double rate, bool crosses) {
  Example example(std::move(layer), rate);
  example.loss();
  auto gradients = zeros_like(example.layer);
  const auto dx = example.backward(gradients);
  check_input("x", example.x.flat(), dx, [&] { return example.loss(); });
  if (crosses)
    check_input("memory", example.m.flat(), example.dmemory.flat(), [&] { return example.loss(); });
  else
    CHECK(std::ranges::all_of(example.dmemory.flat(), [](double d) { return d == 0; }));
  check_parameters(example.layer, gradients, [&] { return example.loss(); });
}

}  // namespace

TEST_CASE(
    "GlobalTokenLayer agrees with central differences in its inputs and parameters, whichever "
    "modules are kept",
    "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    for (const std::uint64_t keeps : {0b00u, 0b01u, 0b10u, 0b11u}) {
      INFO("rate " << rate << ", modules " << keeps);
      check_gradients(layer_of(keeps), rate, keeps & 0b10);
    }
    check_gradients(Static<both>(width, ffn_width, heads, ModuleMask{0b11}), rate, true);
    check_gradients(Static<none>(width, ffn_width, heads, ModuleMask{0b00}), rate, false);
  }
}

TEMPLATE_TEST_CASE_SIG(
    "Static and dynamic GlobalTokenLayers give the same bytes, and so does one with zeroed "
    "projections",
    "[nn]", ((std::uint64_t keeps), keeps), 0b00, 0b01, 0b10, 0b11) {
  Example dynamic(layer_of(keeps), 0.2);
  constexpr BlockMask kept{false, {keeps}};
  Example fixed(Static<kept>(width, ffn_width, heads, ModuleMask{keeps}), 0.2);
  Example zeroed(layer_of(0b11), 0.2);
  const auto silence = [](auto& attention) {
    std::ranges::fill(attention->out_projection.weight.flat(), 0.0);
    std::ranges::fill(attention->out_projection.bias.flat(), 0.0);
  };
  if (!(keeps & 0b01)) silence(zeroed.layer.self_attention.mixer);
  if (!(keeps & 0b10)) silence(zeroed.layer.cross_attention.mixer);
  take_surviving(parameters(dynamic.layer), parameters(zeroed.layer));
  take_surviving(parameters(fixed.layer), parameters(zeroed.layer));

  const auto y = dynamic.forward();
  CHECK(same_bits(fixed.forward().flat(), y.flat()));
  CHECK(same_bits(zeroed.forward().flat(), y.flat()));
  auto gradients = zeros_like(dynamic.layer), of_zeroed = zeros_like(zeroed.layer);
  auto of_fixed = zeros_like(fixed.layer);
  const auto dx = dynamic.backward(gradients);
  CHECK(same_bits(fixed.backward(of_fixed), dx));
  CHECK(same_bits(zeroed.backward(of_zeroed), dx));
  CHECK(same_bits(fixed.dmemory.flat(), dynamic.dmemory.flat()));
  CHECK(same_bits(zeroed.dmemory.flat(), dynamic.dmemory.flat()));
  const auto in_fixed = parameters(of_fixed), in_zeroed = parameters(of_zeroed);
  for (const auto& gradient : parameters(gradients)) {
    INFO(gradient.name);
    CHECK(same_bits(find_parameter(in_fixed, gradient.name)->values, gradient.values));
    CHECK(same_bits(find_parameter(in_zeroed, gradient.name)->values, gradient.values));
  }
}

TEST_CASE("a GlobalTokenLayer laid out for inference gives the bytes of training without dropout",
          "[nn]") {
  for (const std::uint64_t keeps : {0b00u, 0b01u, 0b10u, 0b11u}) {
    Example example(layer_of(keeps), 0);
    const auto y = example.forward();
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, example.layer, samples, series, tokens,
            memory_tokens);
    CHECK(small.size_bytes() < example.arena.size_bytes() / 2);
    CHECK(same_bits(
        example.layer.forward(Pass{}, RowsOfDouble(example.x), cache, RowsOfDouble(example.m))
            .flat(),
        y.flat()));
  }
}

TEST_CASE(
    "a stack of GlobalTokenLayers in micro-batches, or on any team, gives the bytes of the batch "
    "at once",
    "[nn]") {
  Example whole(stack_of(0b101110), 0.3);
  const auto y = whole.forward();
  auto expected = zeros_like(whole.layer);
  const auto dx = whole.backward(expected);
  for (const std::size_t first_part : std::initializer_list<std::size_t>{1, 2, 3}) {
    auto gradients = zeros_like(whole.layer);
    for (const std::size_t first : {std::size_t{0}, first_part}) {
      const std::size_t count = first == 0 ? first_part : samples - first_part;
      Example part(stack_of(0b101110), 0.3, first, count);
      CHECK(same_bits(part.forward().flat(),
                      y.middle_rows(first * sample_rows, count * sample_rows).flat()));
      CHECK(same_bits(
          part.backward(gradients),
          std::span(dx).subspan(first * sample_rows * width, count * sample_rows * width)));
      CHECK(same_bits(
          part.dmemory.flat(),
          whole.dmemory.view().middle_rows(first * memory_tokens, count * memory_tokens).flat()));
    }
    CHECK(same_parameters(gradients, expected));
  }
  for (const std::size_t workers : std::initializer_list<std::size_t>{1, 2, 3}) {
    spat::Team team(workers);
    Example example(stack_of(0b101110), 0.3, 0, samples, &team);
    CHECK(same_bits(example.forward().flat(), y.flat()));
    auto gradients = zeros_like(example.layer), shared = gradients;
    CHECK(same_bits(example.backward(gradients), dx));
    CHECK(same_bits(example.dmemory.flat(), whole.dmemory.flat()));
    team.for_each_worker([&](std::size_t worker) {
      Share share(worker, workers);
      example.layer.backward_weights(example.pass, example.cache, shared, share);
    });
    CHECK(same_parameters(shared, expected));
  }
}

TEST_CASE("a stack of GlobalTokenLayers sums the memory's gradient and numbers two modules a layer",
          "[nn]") {
  check_gradients(stack_of(0b111110), 0.2, true);
  check_gradients(stack_of(0b010101), 0.2, false);

  struct Modules {
    std::vector<std::array<std::size_t, 4>> seen;  // module, samples, query and memory tokens
    void hear(const spat::ForwardEvent<double>& event) {
      seen.push_back({event.module, event.samples, event.query_tokens, event.memory_tokens});
    }
    void hear(const spat::BackwardEvent<double>& event) {
      seen.push_back(
          {10 + event.module, event.first_sample, event.query_tokens, event.memory_tokens});
    }
  } modules;
  Example example(stack_of(0b100111), 0, 2, 1);
  const spat::ScoredPass<Modules> scored(example.pass, modules);
  example.layer.forward(scored, RowsOfDouble(example.x), example.cache, RowsOfDouble(example.m));
  example.layer.backward_input(scored, RowsOfDouble(example.dy), example.cache,
                               example.dmemory.view());
  CHECK(modules.seen == std::vector<std::array<std::size_t, 4>>{{0, 2, 3, 3},
                                                                {1, 1, 2, 5},
                                                                {2, 2, 3, 3},
                                                                {5, 1, 2, 5},
                                                                {15, 2, 2, 5},
                                                                {12, 4, 3, 3},
                                                                {11, 2, 2, 5},
                                                                {10, 4, 3, 3}});
}

TEMPLATE_TEST_CASE_SIG(
    "EndogenousEmbedding agrees with central differences; rows that fill no patch are left out",
    "[nn]", ((std::size_t patch, std::size_t columns), patch, columns),
    (spat::dynamic, spat::dynamic), (4, 6)) {
  using Embedding = spat::EndogenousEmbedding<double, patch, columns>;
  const std::size_t lookback = 11, channels = 2;
  for (const double rate : {0.0, 0.3}) {
    Embedding layer(lookback, 4, channels, width);
    CHECK(layer.tokens() == 3);
    layer.dropout = {rate, 1};
    randomize(layer);
    auto x = random_tensor(samples * lookback, channels, 1);
    const auto dy = random_tensor(samples * channels * 3, width, 2);
    typename Embedding::Cache cache;
    Arena arena;
    prepare(arena, Purpose::training, cache, layer, samples);
    const Pass pass = training();
    const auto loss = [&] { return dot(dy.flat(), layer.forward(pass, x.view(), cache).flat()); };
    loss();
    auto gradients = zeros_like(layer);
    const auto dx = backward(layer, pass, RowsOfDouble(dy.view()), cache, gradients);
    const std::vector<double> kept(dx.flat().begin(), dx.flat().end());
    check_input("x", x.flat(), kept, loss);
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t l = 8; l < lookback; ++l) CHECK(kept[(s * lookback + l) * channels] == 0);
    check_parameters(layer, gradients, loss);

    auto skipped = zeros_like(layer);
    layer.skip_input(pass, dy.view(), cache);
    Share all;
    layer.backward_weights(pass, cache, skipped, all);
    CHECK(same_parameters(skipped, gradients));
  }
}

}  // namespace global_token_layer_tests
