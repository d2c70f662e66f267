// DecoderLayer: the block as a whole, with each of its attentions kept and pruned, in the type and at run time; and a Stack of it.
#include "check.hpp"

#include <spat/nn/decoder_layer.hpp>
#include <spat/nn/stack.hpp>

#include <vector>

using spat::Arena;
using spat::KeptModules;
using spat::Purpose;
using spat::Run;
using spat::Share;
using Rows = spat::Batch<const double>;

namespace {

inline constexpr std::size_t tokens = 4, memory_tokens = 5;
using Dynamic = spat::DecoderLayer<double>;
template <KeptModules kept>
using Static = spat::DecoderLayer<double, kept, 6, 10, 2>;
template <KeptModules kept>
using DecoderBlock = spat::DecoderLayer<double, kept, spat::dynamic, spat::dynamic, spat::dynamic>;
using Stack = spat::Stack<DecoderBlock>;

static_assert(std::is_same_v<Static<KeptModules{false, 0b10}>::Self, spat::Absent>);
static_assert(std::is_same_v<Static<KeptModules{false, 0b01}>::Cross, spat::Absent>);

Run training(std::size_t first_sample = 0) {
  return {.training = true, .seed = 5, .step = 9, .first_sample = first_sample};
}

/// A block or a stack of blocks, its inputs, and what comes out of one forward and backward.
template <class Block>
struct Pass {
  explicit Pass(Block layer, double rate, std::size_t sample_count = 3)
      : block(std::move(layer)), samples(sample_count), x(random_tensor(samples * tokens, 6, 1)),
        memory(random_tensor(samples * memory_tokens, 6, 3)), dy(random_tensor(samples * tokens, 6, 2)),
        dmemory(samples * memory_tokens, 6) {
    randomize(block);
    block.set_dropout(rate, 20);
    prepare(arena, Purpose::training, cache, block, samples, tokens, memory_tokens);
  }

  template <class RunType>
  Rows forward(const RunType& how) {
    return block.forward(how, Rows(x.view()), cache, Rows(memory.view()));
  }
  double loss() { return dot(dy.flat(), forward(run).flat()); }

  /// dx; the memory's gradient is added to dmemory.
  template <class RunType>
  std::vector<double> backward_input(const RunType& how) {
    const auto dx = block.backward_input(how, Rows(dy.view()), cache, spat::Batch<double>(dmemory.view()));
    return {dx.flat().begin(), dx.flat().end()};
  }
  std::vector<double> backward() {
    gradients = zeros_like(block);
    std::ranges::fill(dmemory.flat(), 0.0);
    const auto dx = backward_input(run);
    Share all;
    block.backward_weights(run, cache, *gradients, all);
    return dx;
  }

  Block block;
  std::size_t samples;
  Run run = training();
  spat::Tensor<double> x, memory, dy, dmemory;
  Arena arena;
  typename Block::Cache cache;
  std::optional<Block> gradients;
};

template <class Block>
void check_block(Block block, double rate, bool reads_memory) {
  Pass pass(std::move(block), rate);
  pass.loss();
  const auto dx = pass.backward();
  const std::vector<double> dmemory(pass.dmemory.flat().begin(), pass.dmemory.flat().end());
  const auto loss = [&] { return pass.loss(); };
  check_input("x", pass.x.flat(), dx, loss);
  if (reads_memory)
    check_input("memory", pass.memory.flat(), dmemory, loss);
  else
    CHECK(std::ranges::all_of(dmemory, [](double d) { return d == 0; }));
  check_parameters(pass.block, *pass.gradients, loss);
}

template <class A, class B>
void check_same(A& a, B& b) {
  CHECK(same_bits(a.forward(a.run).flat(), b.forward(b.run).flat()));
  CHECK(same_bits(a.backward(), b.backward()));
  CHECK(same_bits(a.dmemory.flat(), b.dmemory.flat()));
  const auto all = parameters(*a.gradients);
  for (const auto& parameter : parameters(*b.gradients)) {
    INFO(parameter.name);
    CHECK(same_bits(parameter.values, find(all, parameter.name)->values));
  }
}

}  // namespace

TEST_CASE("DecoderLayer agrees with central differences in x, memory and parameters, whichever attention is kept",
          "[nn]") {
  for (const double rate : {0.0, 0.3})
    for (const std::uint64_t keeps : {0b11u, 0b01u, 0b10u, 0b00u}) {
      INFO("rate " << rate << ", keeps " << keeps);
      check_block(Dynamic(6, 10, 2, keeps), rate, keeps & 2);
    }
}

TEMPLATE_TEST_CASE_SIG("Static and dynamic DecoderLayers give the same bytes, kept and pruned", "[nn]",
                       ((std::uint64_t keeps), keeps), 0b11, 0b01, 0b10, 0b00) {
  Pass dynamic(Dynamic(6, 10, 2, keeps), 0.2);
  Pass fixed(Static<KeptModules{false, keeps}>(6, 10, 2, keeps), 0.2);
  check_same(dynamic, fixed);
  CHECK(parameters(fixed.block).size() == parameters(dynamic.block).size());
  CHECK(parameters(fixed.block).size() == 10 + 8 * static_cast<std::size_t>(std::popcount(keeps)));
}

TEST_CASE("A zeroed output projection gives the bytes of the pruned module, self and cross", "[nn]") {
  for (const std::uint64_t keeps : {0b01u, 0b10u, 0b00u}) {
    Pass zeroed(Dynamic(6, 10, 2, 0b11), 0.3);
    Pass pruned(Dynamic(6, 10, 2, keeps), 0.3);
    take_surviving(parameters(pruned.block), parameters(zeroed.block));
    pruned.block.pack();
    const auto silence = [](auto& attention) {
      std::ranges::fill(attention->out_projection.weight.flat(), 0.0);
      std::ranges::fill(attention->out_projection.bias.flat(), 0.0);
    };
    if (!(keeps & 1)) silence(zeroed.block.self_attention);
    if (!(keeps & 2)) silence(zeroed.block.cross_attention);
    zeroed.block.pack();
    check_same(zeroed, pruned);
  }
}

TEST_CASE("A DecoderLayer's step does not see later steps, but all of the memory", "[nn]") {
  Pass pass(Dynamic(6, 10, 2, 0b11), 0, 1);
  const auto copied = [&] {
    const auto y = pass.forward(Run{});
    return std::vector<double>(y.flat().begin(), y.flat().end());
  };
  const auto before = copied();
  for (double& value : pass.x.view().middle_rows(2, 2).flat()) value += 1;
  const auto later = copied();
  CHECK(same_bits(std::span(later).first(12), std::span(before).first(12)));
  CHECK(later[12] != before[12]);
  pass.memory.view().row(4)[0] += 1;
  CHECK(copied()[0] != before[0]);
}

TEST_CASE("Inference lays a DecoderLayer's values over each other and gives the bytes of training without dropout",
          "[nn]") {
  for (const std::uint64_t keeps : {0b11u, 0b01u, 0b10u, 0b00u}) {
    Pass pass(Dynamic(6, 10, 2, keeps), 0);
    const auto y = pass.forward(pass.run);
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, pass.block, pass.samples, tokens, memory_tokens);
    CHECK(small.size_bytes() < pass.arena.size_bytes() / 2);
    CHECK(same_bits(pass.block.forward(Run{}, pass.x.view(), cache, pass.memory.view()).flat(), y.flat()));
  }
}

TEST_CASE("A batch of a DecoderLayer in blocks, or on a team, gives the bytes of the batch at once", "[nn]") {
  Pass whole(Dynamic(6, 10, 2, 0b11), 0.3, 6);
  const auto y = whole.forward(whole.run);
  const auto dx = whole.backward();
  auto gradients = zeros_like(whole.block);
  for (const std::size_t first : {0u, 2u}) {
    const std::size_t count = first == 0 ? 2 : 4;
    Arena arena;
    Dynamic::Cache cache;
    prepare(arena, Purpose::training, cache, whole.block, count, tokens, memory_tokens);
    const auto part = [&](const auto& tensor, std::size_t rows) {
      return Rows(tensor.view()).middle_rows(first * rows, count * rows);
    };
    const Run run = training(first);
    CHECK(same_bits(whole.block.forward(run, part(whole.x, tokens), cache, part(whole.memory, memory_tokens)).flat(),
                    y.middle_rows(first * tokens, count * tokens).flat()));
    spat::Tensor<double> dmemory(count * memory_tokens, 6);
    const auto d = whole.block.backward_input(run, part(whole.dy, tokens), cache, dmemory.view());
    CHECK(same_bits(d.flat(), std::span(dx).subspan(first * tokens * 6, count * tokens * 6)));
    CHECK(same_bits(dmemory.flat(), part(whole.dmemory, memory_tokens).flat()));
    Share all;
    whole.block.backward_weights(run, cache, gradients, all);
  }
  CHECK(same_parameters(gradients, *whole.gradients));

  spat::Team team(3);
  auto shared = zeros_like(whole.block);
  team.run([&](std::size_t worker) {
    Share share(worker, 3);
    whole.block.backward_weights(whole.run, whole.cache, shared, share);
  });
  CHECK(same_parameters(shared, *whole.gradients));
}

TEST_CASE("A Stack of DecoderLayers sums the memory's gradient and numbers self and cross from its first module",
          "[nn]") {
  Stack stack(3, 0b11'01'10, std::size_t{6}, std::size_t{10}, std::size_t{2});
  stack.first_module = 4;
  CHECK_FALSE(stack.blocks[0].self_attention.has_value());
  CHECK_FALSE(stack.blocks[1].cross_attention.has_value());
  check_block(stack, 0.2, true);

  struct Modules {
    std::vector<std::size_t> forward, backward, causal;
    void on_forward(const spat::ForwardEvent<double>& event) { forward.push_back(event.module); }
    void on_backward(const spat::BackwardEvent<double>& event) {
      backward.push_back(event.module);
      if (event.causal) causal.push_back(event.module);
    }
  } modules;
  Pass pass(stack, 0.2);
  const spat::Scored<Modules> scored(pass.run, modules);
  pass.forward(scored);
  pass.backward_input(scored);
  CHECK(modules.forward == std::vector<std::size_t>{5, 6, 8, 9});
  CHECK(modules.backward == std::vector<std::size_t>{9, 8, 6, 5});
  CHECK(modules.causal == std::vector<std::size_t>{8, 6});
}
