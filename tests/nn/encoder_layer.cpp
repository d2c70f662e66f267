// EncoderLayer: the block as a whole, with its attention kept, pruned in the type, and decided at run time; and a Stack of blocks.
#include "check.hpp"

#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/stack.hpp>

#include <vector>

using spat::Arena;
using spat::KeptModules;
using spat::Purpose;
using spat::Run;
using spat::Share;
using Rows = spat::Batch<const double>;

namespace {

inline constexpr KeptModules with_attention{false, 1}, without_attention{false, 0};
using Dynamic = spat::EncoderLayer<double>;
template <KeptModules kept>
using Static = spat::EncoderLayer<double, kept, 6, 10, 2>;

static_assert(std::is_same_v<Static<without_attention>::Mixer, spat::Absent>);
static_assert(sizeof(Static<without_attention>) < sizeof(Static<with_attention>));

Run training() { return {.training = true, .seed = 5, .step = 9}; }

/// A block, its input, and what comes out of one forward and backward.
template <class Block>
struct Pass {
  explicit Pass(Block layer, double rate, std::size_t sample_count = 3, std::size_t token_count = 4,
                const Run& how = training(), std::size_t width = 6)
      : block(std::move(layer)), run(how), x(random_tensor(sample_count * token_count, width, 1)),
        dy(random_tensor(sample_count * token_count, width, 2)) {
    randomize(block);
    block.set_dropout(rate, 20);
    ::prepare(arena, Purpose::training, cache, block, sample_count, token_count);
  }

  double loss() { return dot(dy.flat(), block.forward(run, Rows(x.view()), cache).flat()); }

  std::vector<double> backward() {
    gradients = zeros_like(block);
    const auto dx = spat::backward(block, run, Rows(dy.view()), cache, *gradients);
    return {dx.flat().begin(), dx.flat().end()};
  }

  Block block;
  Run run;
  spat::Tensor<double> x, dy;
  Arena arena;
  typename Block::Cache cache;
  std::optional<Block> gradients;
};

template <class Block>
void check_block(Block block, double rate) {
  Pass pass(std::move(block), rate);
  pass.loss();
  const auto dx = pass.backward();
  check_input("x", pass.x.flat(), dx, [&] { return pass.loss(); });
  check_parameters(pass.block, *pass.gradients, [&] { return pass.loss(); });
}

template <KeptModules kept>
using EncoderBlock = spat::EncoderLayer<double, kept, spat::dynamic, spat::dynamic, spat::dynamic>;

}  // namespace

TEST_CASE("EncoderLayer agrees with central differences, kept and pruned, static and dynamic, with and without dropout",
          "[nn]") {
  for (const double rate : {0.0, 0.3}) {
    INFO("rate " << rate);
    check_block(Dynamic(6, 10, 2, true), rate);
    check_block(Dynamic(6, 10, 2, false), rate);
    check_block(Static<with_attention>(6, 10, 2, true), rate);
    check_block(Static<without_attention>(6, 10, 2, false), rate);
  }
}

TEMPLATE_TEST_CASE_SIG("Static and dynamic EncoderLayers give the same bytes, kept and pruned", "[nn]",
                       ((bool keeps), keeps), true, false) {
  constexpr KeptModules kept = keeps ? with_attention : without_attention;
  Pass dynamic(Dynamic(6, 10, 2, keeps), 0.2);
  Pass fixed(Static<kept>(6, 10, 2, keeps), 0.2);
  CHECK(same_bits(dynamic.block.forward(dynamic.run, dynamic.x.view(), dynamic.cache).flat(),
                  fixed.block.forward(fixed.run, fixed.x.view(), fixed.cache).flat()));
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
    Pass zeroed(Dynamic(6, 10, 2, true), rate);
    Pass pruned(Dynamic(6, 10, 2, false), rate);
    take_surviving(parameters(pruned.block), parameters(zeroed.block));
    pruned.block.pack();
    std::ranges::fill(zeroed.block.attention->out_projection.weight.flat(), 0.0);
    std::ranges::fill(zeroed.block.attention->out_projection.bias.flat(), 0.0);
    zeroed.block.pack();
    CHECK(same_bits(zeroed.block.forward(zeroed.run, zeroed.x.view(), zeroed.cache).flat(),
                    pruned.block.forward(pruned.run, pruned.x.view(), pruned.cache).flat()));
    CHECK(same_bits(zeroed.backward(), pruned.backward()));
    const auto all = parameters(*zeroed.gradients);
    for (const auto& parameter : parameters(*pruned.gradients))
      CHECK(same_bits(parameter.values, find(all, parameter.name)->values));
  }
}

TEST_CASE("Inference lays values over each other and gives the bytes of training without dropout", "[nn]") {
  for (const bool keeps : {true, false}) {
    Pass pass(Dynamic(6, 10, 2, keeps), 0);
    const auto y = pass.block.forward(pass.run, pass.x.view(), pass.cache);
    const std::vector<double> kept(y.flat().begin(), y.flat().end());
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, pass.block, std::size_t{3}, std::size_t{4});
    CHECK(small.size_bytes() < pass.arena.size_bytes() / 2);
    CHECK(same_bits(pass.block.forward(Run{}, pass.x.view(), cache).flat(), kept));
  }
}

TEST_CASE("EncoderLayer gives the same bytes on teams of one, two and three, and without a team", "[nn]") {
  Pass alone(Dynamic(48, 64, 4, true), 0.2, 8, 36, training(), 48);
  alone.loss();
  const std::vector<double> y(alone.cache.norm2.y.flat().begin(), alone.cache.norm2.y.flat().end());
  const auto dx = alone.backward();
  for (const std::size_t size : std::initializer_list<std::size_t>{1, 2, 3}) {
    spat::Team team(size);
    Run run = training();
    run.team = &team;
    Pass pass(Dynamic(48, 64, 4, true), 0.2, 8, 36, run, 48);
    INFO("workers " << size);
    CHECK(same_bits(pass.block.forward(pass.run, pass.x.view(), pass.cache).flat(), y));
    CHECK(same_bits(pass.backward(), dx));
    CHECK(same_parameters(*pass.gradients, *alone.gradients));

    auto shared = zeros_like(pass.block);  // weights cut over the workers
    team.run([&](std::size_t worker) {
      Share share(worker, size);
      pass.block.backward_weights(pass.run, pass.cache, shared, share);
    });
    CHECK(same_parameters(shared, *alone.gradients));
  }
}

TEST_CASE("A batch of an EncoderLayer in blocks gives the bytes of the batch at once, its gradients too", "[nn]") {
  for (const bool keeps : {true, false}) {
    const std::size_t samples = 6, tokens = 4, width = 6;
    Pass whole(Dynamic(6, 10, 2, keeps), 0.3, samples, tokens);
    const auto y = whole.block.forward(whole.run, whole.x.view(), whole.cache);
    const auto dx = whole.backward();
    for (const auto& cut : std::vector<std::vector<std::size_t>>{{2, 4}, {1, 3, 2}, {1, 1, 1, 1, 1, 1}}) {
      auto gradients = zeros_like(whole.block);
      std::size_t first = 0;
      for (const std::size_t count : cut) {
        Arena arena;
        Dynamic::Cache cache;
        prepare(arena, Purpose::training, cache, whole.block, count, tokens);
        Run run = whole.run;
        run.first_sample = first;
        const auto rows =
            whole.block.forward(run, Rows(whole.x.view()).middle_rows(first * tokens, count * tokens), cache);
        CHECK(same_bits(rows.flat(), y.middle_rows(first * tokens, count * tokens).flat()));
        const auto part = spat::backward(
            whole.block, run, Rows(whole.dy.view()).middle_rows(first * tokens, count * tokens), cache, gradients);
        CHECK(same_bits(part.flat(), std::span(dx).subspan(first * tokens * width, count * tokens * width)));
        first += count;
      }
      CHECK(same_parameters(gradients, *whole.gradients));
    }
  }
}

TEST_CASE("A Stack numbers modules by the unpruned architecture and agrees with central differences", "[nn]") {
  using Stack = spat::Stack<EncoderBlock>;
  Stack stack(3, 0b101, std::size_t{6}, std::size_t{10}, std::size_t{2});
  CHECK(stack.blocks[0].attention.has_value());
  CHECK_FALSE(stack.blocks[1].attention.has_value());
  Pass pass(stack, 0.2);
  pass.loss();
  const auto dx = pass.backward();
  check_input("x", pass.x.flat(), dx, [&] { return pass.loss(); });
  check_parameters(pass.block, *pass.gradients, [&] { return pass.loss(); });

  struct Modules {
    std::vector<std::size_t> seen;
    void on_forward(const spat::ForwardEvent<double>& event) { seen.push_back(event.module); }
    void on_backward(const spat::BackwardEvent<double>& event) { seen.push_back(10 + event.module); }
  } modules;
  const spat::Scored<Modules> scored(pass.run, modules);
  pass.block.forward(scored, Rows(pass.x.view()), pass.cache);
  pass.block.backward_input(scored, Rows(pass.dy.view()), pass.cache);
  CHECK(modules.seen == std::vector<std::size_t>{0, 2, 12, 10});
}

TEST_CASE("A static Stack gives the bytes of the dynamic one", "[nn]") {
  Pass dynamic(spat::Stack<EncoderBlock>(3, 0b101, std::size_t{6}, std::size_t{10}, std::size_t{2}), 0.2);
  Pass fixed(spat::Stack<EncoderBlock, 3, 0b101>(3, 0b101, std::size_t{6}, std::size_t{10}, std::size_t{2}), 0.2);
  CHECK(same_bits(dynamic.block.forward(dynamic.run, Rows(dynamic.x.view()), dynamic.cache).flat(),
                  fixed.block.forward(fixed.run, Rows(fixed.x.view()), fixed.cache).flat()));
}
