// TwoStageAttention and SegmentMerging: gradients by central differences, kept and pruned, and
// their guarantees about bytes.
#include <tests/nn/check.hpp>

#include <spat/models/crossformer/segment_merging.hpp>
#include <spat/models/crossformer/two_stage_attention.hpp>

#include <tests/support/errors.hpp>

#include <vector>

namespace two_stage_attention_tests {

using spat::Arena;
using spat::BlockMask;
using spat::ModuleMask;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;

namespace {

constexpr std::size_t segments = 3, routers = 2, channels = 4;

template <std::uint64_t keeps>
using Static = spat::TwoStageAttention<double, BlockMask{false, {keeps}}, 6, 10, 2>;
using Dynamic = spat::TwoStageAttention<double>;

static_assert(std::is_same_v<decltype(Static<0b01>::Routing::mixer), spat::Absent>);
static_assert(sizeof(Static<0b00>) < sizeof(Static<0b10>));

template <class Layer = Dynamic>
Layer layer_of(std::uint64_t keeps, std::size_t width = 6) {
  return Layer(segments, routers, width, 10, 2, ModuleMask{keeps});
}
Pass training() { return {.training = true, .seed = 5, .step = 9, .first_sample = 2}; }

/// A layer, its input, and the results of one forward and backward.
template <class Layer>
struct Example {
  explicit Example(Layer given, double rate, std::size_t sample_count = 2,
                   const Pass& how = training())
      : layer(std::move(given)), pass(how), samples(sample_count), width(layer.width()),
        x(random_tensor(samples * channels * segments, width, 1)),
        dy(random_tensor(samples * channels * segments, width, 2)) {
    randomize(layer);
    for (const auto& parameter :
         parameters(layer))  // if all routers are alike, the receiver's choice has no gradient
      if (parameter.name == "router" || parameter.name.starts_with("dim_sender"))
        for (double& value : parameter.values) value *= 4;
    layer.set_dropout(rate, 20);
    ::prepare(arena, Purpose::training, cache, layer, samples, channels);
  }

  RowsOfDouble forward() { return layer.forward(pass, x.view(), cache); }
  double loss() { return dot(dy.flat(), forward().flat()); }
  std::vector<double> backward() {
    gradients = zeros_like(layer);
    const RowsOfDouble dx = spat::backward(layer, pass, dy.view(), cache, *gradients);
    return {dx.flat().begin(), dx.flat().end()};
  }

  Layer layer;
  Pass pass;
  std::size_t samples, width;
  spat::Tensor<double> x, dy;
  Arena arena;
  typename Layer::Cache cache;
  std::optional<Layer> gradients;
};

template <class Layer>
void check_layer(Layer layer, double rate) {
  Example example(std::move(layer), rate);
  example.loss();
  const auto dx = example.backward();
  check_input("x", example.x.flat(), dx, [&] { return example.loss(); });
  check_parameters(example.layer, *example.gradients, [&] { return example.loss(); });
}

std::vector<double> copy(RowsOfDouble y) { return {y.flat().begin(), y.flat().end()}; }

}  // namespace

TEST_CASE(
    "TwoStageAttention agrees with central differences, both modules kept and pruned, with and "
    "without dropout",
    "[nn]") {
  for (const double rate : {0.0, 0.3})
    for (const std::uint64_t keeps : {0b00u, 0b01u, 0b10u, 0b11u}) {
      INFO("rate " << rate << ", keeps " << keeps);
      check_layer(layer_of(keeps), rate);
    }
  check_layer(layer_of<Static<0b11>>(0b11), 0.3);
  check_layer(layer_of<Static<0b10>>(0b10), 0.3);
}

TEMPLATE_TEST_CASE_SIG("static and dynamic TwoStageAttentions give the same bytes", "[nn]",
                       ((std::uint64_t keeps), keeps), 0b00, 0b01, 0b10, 0b11) {
  Example dynamic(layer_of(keeps), 0.2);
  Example fixed(layer_of<Static<keeps>>(keeps), 0.2);
  CHECK(same_bits(dynamic.forward().flat(), fixed.forward().flat()));
  CHECK(same_bits(dynamic.backward(), fixed.backward()));
  const auto a = parameters(*dynamic.gradients);
  const auto b = parameters(*fixed.gradients);
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i)
    CHECK((a[i].name == b[i].name && same_bits(a[i].values, b[i].values)));
}

TEST_CASE("a receiver with a zeroed output projection gives the bytes of pruned routers", "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    Example zeroed(layer_of(0b11), rate);
    Example pruned(layer_of(0b01), rate);
    take_surviving(parameters(pruned.layer), parameters(zeroed.layer));
    std::ranges::fill(zeroed.layer.routing.mixer->dim_receiver.out_projection.weight.flat(), 0.0);
    std::ranges::fill(zeroed.layer.routing.mixer->dim_receiver.out_projection.bias.flat(), 0.0);
    CHECK(same_bits(zeroed.forward().flat(), pruned.forward().flat()));
    CHECK(same_bits(zeroed.backward(), pruned.backward()));
    const auto all = parameters(*zeroed.gradients);
    for (const auto& parameter : parameters(*pruned.gradients))
      CHECK(same_bits(parameter.values, find_parameter(all, parameter.name)->values));
  }
}

TEST_CASE("variates interact only through the routers, segments only in the time stage", "[nn]") {
  // Whether row `row` of y depends on row 0 of x.
  const auto moved = [](std::uint64_t keeps, std::size_t row) {
    Example example(layer_of(keeps), 0, 1, Pass{});
    const auto before = copy(example.forward());
    example.x.data()[0] += 1;
    const auto after = copy(example.forward());
    return !same_bits(std::span(before).subspan(row * 6, 6), std::span(after).subspan(row * 6, 6));
  };
  const std::size_t other_segment = 1, other_variate = segments, neither = segments + 1;
  for (const std::uint64_t keeps : {0b00u, 0b01u, 0b10u, 0b11u}) {
    CHECK(moved(keeps, 0));
    CHECK(moved(keeps, other_segment) == ((keeps & 1) != 0));
    CHECK(moved(keeps, other_variate) == ((keeps & 2) != 0));
    CHECK(moved(keeps, neither) == (keeps == 3));
  }
}

TEST_CASE(
    "a two-stage layer's attentions report as two modules, the sender as the second part of the "
    "routers'",
    "[nn]") {
  struct Calls {
    std::vector<spat::AttentionCall> calls;
    void hear(const spat::BackwardEvent<double>& event) { calls.push_back(event); }
  } calls;
  Example example(layer_of(0b11), 0);
  const spat::ScoredPass<Calls> pass(example.pass.at(5), calls);
  example.layer.forward(pass, example.x.view(), example.cache);
  example.layer.backward_input(pass, example.dy.view(), example.cache);
  REQUIRE(calls.calls.size() == 3);
  const auto check = [&](std::size_t i, std::size_t module, std::size_t part, std::size_t folds,
                         std::size_t lq, std::size_t lk) {
    const auto& call = calls.calls[i];
    CHECK((call.module == module && call.part == part));
    CHECK((call.first_sample == 2 * folds && call.samples == 2 * folds));
    CHECK((call.query_tokens == lq && call.memory_tokens == lk));
  };
  check(0, 6, 0, segments, channels, routers);  // receiver
  check(1, 6, 1, segments, routers, channels);  // sender
  check(2, 5, 0, channels, segments, segments);
}

TEST_CASE("inference reuses a two-stage layer's temporary memory and gives the bytes of training",
          "[nn]") {
  for (const std::uint64_t keeps : {0b00u, 0b01u, 0b10u, 0b11u}) {
    Example example(layer_of(keeps), 0);
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, example.layer, std::size_t{2}, channels);
    CHECK(small.size_bytes() < example.arena.size_bytes() / 2);
    CHECK(same_bits(example.layer.forward(Pass{}, example.x.view(), cache).flat(),
                    example.forward().flat()));
  }
}

TEST_CASE(
    "a batch of a two-stage layer in micro-batches, or on a team, gives the bytes of the batch at "
    "once",
    "[nn]") {
  for (const std::uint64_t keeps : {0b01u, 0b10u, 0b11u}) {
    const std::size_t samples = 6, rows = channels * segments, width = 48;
    Example whole(layer_of(keeps, width), 0.3, samples);
    const auto y = copy(whole.forward());
    const auto dx = whole.backward();
    for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3}) {
      spat::Team team(size);
      Pass pass = training();
      pass.team = &team;
      Example example(layer_of(keeps, width), 0.3, samples, pass);
      CHECK(same_bits(example.forward().flat(), y));
      CHECK(same_bits(example.backward(), dx));
      auto shared = zeros_like(example.layer);
      team.for_each_worker([&](std::size_t worker) {
        Share share(worker, size);
        example.layer.backward_weights(example.pass, example.cache, shared, share);
      });
      CHECK(same_parameters(shared, *whole.gradients));
    }
    auto gradients = zeros_like(whole.layer);
    std::size_t first = 0;
    for (const std::size_t count : std::initializer_list<std::size_t>{1, 3, 2}) {
      Arena arena;
      Dynamic::Cache cache;
      prepare(arena, Purpose::training, cache, whole.layer, count, channels);
      Pass pass = whole.pass;
      pass.first_sample += first;
      const auto x = RowsOfDouble(whole.x.view()).middle_rows(first * rows, count * rows);
      const auto dy = RowsOfDouble(whole.dy.view()).middle_rows(first * rows, count * rows);
      CHECK(same_bits(whole.layer.forward(pass, x, cache).flat(),
                      std::span(y).subspan(first * rows * width, count * rows * width)));
      CHECK(same_bits(spat::backward(whole.layer, pass, dy, cache, gradients).flat(),
                      std::span(dx).subspan(first * rows * width, count * rows * width)));
      first += count;
    }
    CHECK(same_parameters(gradients, *whole.gradients));
  }
}

TEMPLATE_TEST_CASE_SIG(
    "SegmentMerging agrees with central differences with and without repeated segments", "[nn]",
    ((std::size_t width), width), spat::dynamic, 6) {
  const std::size_t series = 3;
  for (const std::size_t count : std::initializer_list<std::size_t>{1, 4, 5})
    for (const std::size_t window : std::initializer_list<std::size_t>{2, 3}) {
      if (count == 1 && window == 3) continue;
      INFO(count << " segments, window " << window);
      using Layer = spat::SegmentMerging<double, width>;
      Layer layer(count, window, 6);
      randomize(layer);
      auto x = random_tensor(series * count, 6, 1);
      const auto dy = random_tensor(series * layer.merged(), 6, 2);
      typename Layer::Cache cache;
      Arena arena;
      prepare(arena, Purpose::training, cache, layer, series);
      const auto loss = [&] {
        return dot(dy.flat(), layer.forward(Pass{}, x.view(), cache).flat());
      };
      loss();
      auto gradients = zeros_like(layer);
      const auto dx = copy(spat::backward(layer, Pass{}, dy.view(), cache, gradients));
      check_input("x", x.flat(), dx, loss);
      check_parameters(layer, gradients, loss);
    }
}

TEST_CASE("merging repeats a series' last segments if the window needs more", "[nn]") {
  const std::size_t width = 6;
  spat::SegmentMerging<double> layer(5, 3, width), longer(6, 3, width);
  randomize(layer), randomize(longer);
  CHECK((layer.merged() == 2 && layer.padding() == 1));
  const auto x = random_tensor(2 * 5, width, 1);
  spat::Tensor<double> repeated(2 * 6, width);
  for (std::size_t r = 0; r < 12; ++r)
    std::ranges::copy(x.view().middle_rows(r / 6 * 5 + std::min<std::size_t>(r % 6, 4), 1).flat(),
                      repeated.view().row(r));
  spat::SegmentMerging<double>::Cache cache, longer_cache;
  Arena arena, longer_arena;
  prepare(arena, Purpose::inference, cache, layer, std::size_t{2});
  prepare(longer_arena, Purpose::inference, longer_cache, longer, std::size_t{2});
  CHECK(same_bits(layer.forward(Pass{}, x.view(), cache).flat(),
                  longer.forward(Pass{}, repeated.view(), longer_cache).flat()));
  CHECK(message_of<spat::ConfigError>([] { spat::SegmentMerging<double>(1, 3, 6); }) ==
        "too few segments to merge: segments 1, window 3");
}

TEST_CASE(
    "learned tokens are the same for each sequence, and their gradient is the sum over sequences",
    "[nn]") {
  spat::LearnedPositions<double> layer(2, 3);
  randomize(layer);
  spat::LearnedPositions<double>::Cache cache;
  Arena arena;
  prepare(arena, Purpose::training, cache, layer, std::size_t{3 * 2});
  const auto dy = random_tensor(3 * 2, 3, 2);
  const auto loss = [&] { return dot(dy.flat(), layer.repeat(Pass{}, cache).flat()); };
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(same_bits(layer.repeat(Pass{}, cache).middle_rows(2 * i, 2).flat(), layer.table.flat()));
  auto gradients = zeros_like(layer);
  Share all;
  layer.backward_input(Pass{}, dy.view(), cache);
  layer.backward_weights(Pass{}, cache, gradients, all);
  check_parameters(layer, gradients, loss);
}

}  // namespace two_stage_attention_tests
