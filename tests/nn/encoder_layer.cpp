// EncoderLayer: the whole block, with its attention kept, pruned in the type, and pruned at run
// time; and a Stack of blocks.
#include "check.hpp"

#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/stack.hpp>

#include <vector>

namespace encoder_layer_tests {

using spat::Arena;
using spat::BlockMask;
using spat::ModuleMask;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;

namespace {

inline constexpr BlockMask with_attention{false, {1}}, without_attention{false, {0}};
using Dynamic = spat::EncoderLayer<double>;
template <BlockMask kept>
using Static = spat::EncoderLayer<double, kept, 6, 10, 2>;

static_assert(std::is_same_v<Static<without_attention>::Mixer, spat::Absent>);
static_assert(sizeof(Static<without_attention>) < sizeof(Static<with_attention>));

Pass training() { return {.training = true, .seed = 5, .step = 9}; }

/// A block, its input, and the results of one forward and backward.
template <class Block>
struct Example {
  explicit Example(Block layer, double rate, std::size_t sample_count = 3,
                   std::size_t token_count = 4, const Pass& how = training(), std::size_t width = 6)
      : block(std::move(layer)), pass(how), x(random_tensor(sample_count * token_count, width, 1)),
        dy(random_tensor(sample_count * token_count, width, 2)) {
    randomize(block);
    block.set_dropout(rate, 20);
    ::prepare(arena, Purpose::training, cache, block, sample_count, token_count);
  }

  double loss() {
    return dot(dy.flat(), block.forward(pass, RowsOfDouble(x.view()), cache).flat());
  }

  std::vector<double> backward() {
    gradients = zeros_like(block);
    const auto dx = spat::backward(block, pass, RowsOfDouble(dy.view()), cache, *gradients);
    return {dx.flat().begin(), dx.flat().end()};
  }

  Block block;
  Pass pass;
  spat::Tensor<double> x, dy;
  Arena arena;
  typename Block::Cache cache;
  std::optional<Block> gradients;
};

template <class Block>
void check_block(Block block, double rate) {
  Example example(std::move(block), rate);
  example.loss();
  const auto dx = example.backward();
  check_input("x", example.x.flat(), dx, [&] { return example.loss(); });
  check_parameters(example.block, *example.gradients, [&] { return example.loss(); });
}

template <BlockMask kept>
using EncoderBlock = spat::EncoderLayer<double, kept, spat::dynamic, spat::dynamic, spat::dynamic>;

}  // namespace

TEST_CASE(
    "EncoderLayer agrees with central differences, kept and pruned, static and dynamic, with and "
    "without dropout",
    "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    INFO("rate " << rate);
    check_block(Dynamic(6, 10, 2, ModuleMask{true}), rate);
    check_block(Dynamic(6, 10, 2, ModuleMask{false}), rate);
    check_block(Static<with_attention>(6, 10, 2, ModuleMask{true}), rate);
    check_block(Static<without_attention>(6, 10, 2, ModuleMask{false}), rate);
  }
}

TEMPLATE_TEST_CASE_SIG("Static and dynamic EncoderLayers give the same bytes, kept and pruned",
                       "[nn]", ((bool keeps), keeps), true, false) {
  constexpr BlockMask kept = keeps ? with_attention : without_attention;
  Example dynamic(Dynamic(6, 10, 2, ModuleMask{keeps}), 0.2);
  Example fixed(Static<kept>(6, 10, 2, ModuleMask{keeps}), 0.2);
  CHECK(same_bits(dynamic.block.forward(dynamic.pass, dynamic.x.view(), dynamic.cache).flat(),
                  fixed.block.forward(fixed.pass, fixed.x.view(), fixed.cache).flat()));
  CHECK(same_bits(dynamic.backward(), fixed.backward()));
  const auto a = parameters(*dynamic.gradients);
  const auto b = parameters(*fixed.gradients);
  REQUIRE(a.size() == b.size());
  CHECK(a.size() == (keeps ? 16 : 8));
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].name == b[i].name);
    CHECK(same_bits(a[i].values, b[i].values));
  }
}

TEST_CASE("Attention with a zeroed output projection gives the bytes of pruned attention", "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    Example zeroed(Dynamic(6, 10, 2, ModuleMask{true}), rate);
    Example pruned(Dynamic(6, 10, 2, ModuleMask{false}), rate);
    take_surviving(parameters(pruned.block), parameters(zeroed.block));
    std::ranges::fill(zeroed.block.attention.mixer->out_projection.weight.flat(), 0.0);
    std::ranges::fill(zeroed.block.attention.mixer->out_projection.bias.flat(), 0.0);
    CHECK(same_bits(zeroed.block.forward(zeroed.pass, zeroed.x.view(), zeroed.cache).flat(),
                    pruned.block.forward(pruned.pass, pruned.x.view(), pruned.cache).flat()));
    CHECK(same_bits(zeroed.backward(), pruned.backward()));
    const auto all = parameters(*zeroed.gradients);
    for (const auto& parameter : parameters(*pruned.gradients))
      CHECK(same_bits(parameter.values, find_parameter(all, parameter.name)->values));
  }
}

TEST_CASE("Inference reuses temporary memory and gives the bytes of training without dropout",
          "[nn]") {
  for (const bool keeps : {true, false}) {
    Example example(Dynamic(6, 10, 2, ModuleMask{keeps}), 0);
    const auto y = example.block.forward(example.pass, example.x.view(), example.cache);
    const std::vector<double> kept(y.flat().begin(), y.flat().end());
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, example.block, std::size_t{3}, std::size_t{4});
    CHECK(small.size_bytes() < example.arena.size_bytes() / 2);
    CHECK(same_bits(example.block.forward(Pass{}, example.x.view(), cache).flat(), kept));
  }
}

TEST_CASE("EncoderLayer gives the same bytes on teams of one, two and three, and without a team",
          "[nn]") {
  Example alone(Dynamic(48, 64, 4, ModuleMask{true}), 0.2, 8, 36, training(), 48);
  alone.loss();
  const std::vector<double> y(alone.cache.feed_forward.norm.y.flat().begin(),
                              alone.cache.feed_forward.norm.y.flat().end());
  const auto dx = alone.backward();
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3}) {
    spat::Team team(size);
    Pass pass = training();
    pass.team = &team;
    Example example(Dynamic(48, 64, 4, ModuleMask{true}), 0.2, 8, 36, pass, 48);
    INFO("workers " << size);
    CHECK(
        same_bits(example.block.forward(example.pass, example.x.view(), example.cache).flat(), y));
    CHECK(same_bits(example.backward(), dx));
    CHECK(same_parameters(*example.gradients, *alone.gradients));

    auto shared = zeros_like(example.block);  // weights divided among the workers
    team.for_each_worker([&](std::size_t worker) {
      Share share(worker, size);
      example.block.backward_weights(example.pass, example.cache, shared, share);
    });
    CHECK(same_parameters(shared, *alone.gradients));
  }
}

TEST_CASE(
    "A batch of an EncoderLayer in micro-batches gives the bytes of the batch at once, its "
    "gradients too",
    "[nn]") {
  for (const bool keeps : {true, false}) {
    const std::size_t samples = 6, tokens = 4, width = 6;
    Example whole(Dynamic(6, 10, 2, ModuleMask{keeps}), 0.3, samples, tokens);
    const auto y = whole.block.forward(whole.pass, whole.x.view(), whole.cache);
    const auto dx = whole.backward();
    for (const auto& cut :
         std::vector<std::vector<std::size_t>>{{2, 4}, {1, 3, 2}, {1, 1, 1, 1, 1, 1}}) {
      auto gradients = zeros_like(whole.block);
      std::size_t first = 0;
      for (const std::size_t count : cut) {
        Arena arena;
        Dynamic::Cache cache;
        prepare(arena, Purpose::training, cache, whole.block, count, tokens);
        Pass pass = whole.pass;
        pass.first_sample = first;
        const auto rows = whole.block.forward(
            pass, RowsOfDouble(whole.x.view()).middle_rows(first * tokens, count * tokens), cache);
        CHECK(same_bits(rows.flat(), y.middle_rows(first * tokens, count * tokens).flat()));
        const auto part = spat::backward(
            whole.block, pass,
            RowsOfDouble(whole.dy.view()).middle_rows(first * tokens, count * tokens), cache,
            gradients);
        CHECK(same_bits(part.flat(),
                        std::span(dx).subspan(first * tokens * width, count * tokens * width)));
        first += count;
      }
      CHECK(same_parameters(gradients, *whole.gradients));
    }
  }
}

TEST_CASE(
    "A Stack numbers modules by the unpruned architecture and agrees with central differences",
    "[nn]") {
  using Stack = spat::Stack<EncoderBlock>;
  Stack stack(3, ModuleMask{0b101}, std::size_t{6}, std::size_t{10}, std::size_t{2});
  CHECK(stack.blocks[0].attention.mixer.has_value());
  CHECK_FALSE(stack.blocks[1].attention.mixer.has_value());
  Example example(stack, 0.2);
  example.loss();
  const auto dx = example.backward();
  check_input("x", example.x.flat(), dx, [&] { return example.loss(); });
  check_parameters(example.block, *example.gradients, [&] { return example.loss(); });

  struct Modules {
    std::vector<std::size_t> seen;
    void hear(const spat::ForwardEvent<double>& event) { seen.push_back(event.module); }
    void hear(const spat::BackwardEvent<double>& event) { seen.push_back(10 + event.module); }
  } modules;
  const spat::ScoredPass<Modules> scored(example.pass, modules);
  example.block.forward(scored, RowsOfDouble(example.x.view()), example.cache);
  example.block.backward_input(scored, RowsOfDouble(example.dy.view()), example.cache);
  CHECK(modules.seen == std::vector<std::size_t>{0, 2, 12, 10});
}

TEST_CASE("A static Stack gives the bytes of the dynamic one", "[nn]") {
  Example dynamic(spat::Stack<EncoderBlock>(3, spat::ModuleMask{0b101}, std::size_t{6},
                                            std::size_t{10}, std::size_t{2}),
                  0.2);
  Example fixed(spat::Stack<EncoderBlock, 3, spat::ModuleMask{0b101}>(
                    3, spat::ModuleMask{0b101}, std::size_t{6}, std::size_t{10}, std::size_t{2}),
                0.2);
  CHECK(same_bits(
      dynamic.block.forward(dynamic.pass, RowsOfDouble(dynamic.x.view()), dynamic.cache).flat(),
      fixed.block.forward(fixed.pass, RowsOfDouble(fixed.x.view()), fixed.cache).flat()));
}

}  // namespace encoder_layer_tests
