// DecoderLayer: the whole block, with each of its attentions kept and pruned, in the type and at
// run time; and a Stack of blocks.
#include <tests/nn/check.hpp>

#include <spat/models/transformer/decoder_layer.hpp>
#include <spat/nn/stack.hpp>

#include <vector>

namespace decoder_layer_tests {

using spat::Arena;
using spat::BlockMask;
using spat::ModuleMask;
using spat::Pass;
using spat::Purpose;
using spat::Share;
using RowsOfDouble = spat::Rows<const double>;

namespace {

inline constexpr std::size_t tokens = 4, memory_tokens = 5;
using Dynamic = spat::DecoderLayer<double>;
template <BlockMask kept>
using Static = spat::DecoderLayer<double, kept, 6, 10, 2>;
template <BlockMask kept>
using DecoderBlock = spat::DecoderLayer<double, kept, spat::dynamic, spat::dynamic, spat::dynamic>;
using Stack = spat::Stack<DecoderBlock>;

static_assert(
    std::is_same_v<decltype(Static<BlockMask{false, {0b10}}>::SelfAttention::mixer), spat::Absent>);
static_assert(std::is_same_v<decltype(Static<BlockMask{false, {0b01}}>::CrossAttention::mixer),
                             spat::Absent>);

Pass training(std::size_t first_sample = 0) {
  return {.training = true, .seed = 5, .step = 9, .first_sample = first_sample};
}

/// A block or a stack of blocks, its inputs, and the results of one forward and backward.
template <class Block>
struct Example {
  explicit Example(Block layer, double rate, std::size_t sample_count = 3)
      : block(std::move(layer)), samples(sample_count), x(random_tensor(samples * tokens, 6, 1)),
        memory(random_tensor(samples * memory_tokens, 6, 3)),
        dy(random_tensor(samples * tokens, 6, 2)), dmemory(samples * memory_tokens, 6) {
    randomize(block);
    block.set_dropout(rate, 20);
    prepare(arena, Purpose::training, cache, block, samples, tokens, memory_tokens);
  }

  template <class PassType>
  RowsOfDouble forward(const PassType& how) {
    return block.forward(how, RowsOfDouble(x.view()), cache, RowsOfDouble(memory.view()));
  }
  double loss() { return dot(dy.flat(), forward(pass).flat()); }

  /// Returns dx, and adds the memory's gradient to dmemory.
  template <class PassType>
  std::vector<double> backward_input(const PassType& how) {
    const auto dx = block.backward_input(how, RowsOfDouble(dy.view()), cache,
                                         spat::Rows<double>(dmemory.view()));
    return {dx.flat().begin(), dx.flat().end()};
  }
  std::vector<double> backward() {
    gradients = zeros_like(block);
    std::ranges::fill(dmemory.flat(), 0.0);
    const auto dx = backward_input(pass);
    Share all;
    block.backward_weights(pass, cache, *gradients, all);
    return dx;
  }

  Block block;
  std::size_t samples;
  Pass pass = training();
  spat::Tensor<double> x, memory, dy, dmemory;
  Arena arena;
  typename Block::Cache cache;
  std::optional<Block> gradients;
};

template <class Block>
void check_block(Block block, double rate, bool reads_memory) {
  Example example(std::move(block), rate);
  example.loss();
  const auto dx = example.backward();
  const std::vector<double> dmemory(example.dmemory.flat().begin(), example.dmemory.flat().end());
  const auto loss = [&] { return example.loss(); };
  check_input("x", example.x.flat(), dx, loss);
  if (reads_memory)
    check_input("memory", example.memory.flat(), dmemory, loss);
  else
    CHECK(std::ranges::all_of(dmemory, [](double d) { return d == 0; }));
  check_parameters(example.block, *example.gradients, loss);
}

template <class A, class B>
void check_same(A& a, B& b) {
  CHECK(same_bits(a.forward(a.pass).flat(), b.forward(b.pass).flat()));
  CHECK(same_bits(a.backward(), b.backward()));
  CHECK(same_bits(a.dmemory.flat(), b.dmemory.flat()));
  const auto all = parameters(*a.gradients);
  for (const auto& parameter : parameters(*b.gradients)) {
    INFO(parameter.name);
    CHECK(same_bits(parameter.values, find_parameter(all, parameter.name)->values));
  }
}

}  // namespace

TEST_CASE(
    "DecoderLayer agrees with central differences in x, memory and parameters, whichever attention "
    "is kept",
    "[nn]") {
  for (const double rate : {0.0, 0.3})
    for (const std::uint64_t keeps : {0b11u, 0b01u, 0b10u, 0b00u}) {
      INFO("rate " << rate << ", keeps " << keeps);
      check_block(Dynamic(6, 10, 2, ModuleMask{keeps}), rate, keeps & 2);
    }
}

TEMPLATE_TEST_CASE_SIG("Static and dynamic DecoderLayers give the same bytes, kept and pruned",
                       "[nn]", ((std::uint64_t keeps), keeps), 0b11, 0b01, 0b10, 0b00) {
  Example dynamic(Dynamic(6, 10, 2, ModuleMask{keeps}), 0.2);
  Example fixed(Static<BlockMask{false, {keeps}}>(6, 10, 2, ModuleMask{keeps}), 0.2);
  check_same(dynamic, fixed);
  CHECK(parameters(fixed.block).size() == parameters(dynamic.block).size());
  CHECK(parameters(fixed.block).size() == 10 + 8 * static_cast<std::size_t>(std::popcount(keeps)));
}

TEST_CASE("A zeroed output projection gives the bytes of the pruned module, self and cross",
          "[nn]") {
  for (const std::uint64_t keeps : {0b01u, 0b10u, 0b00u}) {
    Example zeroed(Dynamic(6, 10, 2, ModuleMask{0b11}), 0.3);
    Example pruned(Dynamic(6, 10, 2, ModuleMask{keeps}), 0.3);
    take_surviving(parameters(pruned.block), parameters(zeroed.block));
    const auto silence = [](auto& attention) {
      std::ranges::fill(attention->out_projection.weight.flat(), 0.0);
      std::ranges::fill(attention->out_projection.bias.flat(), 0.0);
    };
    if (!(keeps & 1)) silence(zeroed.block.self_attention.mixer);
    if (!(keeps & 2)) silence(zeroed.block.cross_attention.mixer);
    check_same(zeroed, pruned);
  }
}

TEST_CASE("A DecoderLayer's step depends on no later step, and on all of the memory", "[nn]") {
  Example example(Dynamic(6, 10, 2, ModuleMask{0b11}), 0, 1);
  const auto copied = [&] {
    const auto y = example.forward(Pass{});
    return std::vector<double>(y.flat().begin(), y.flat().end());
  };
  const auto before = copied();
  for (double& value : example.x.view().middle_rows(2, 2).flat()) value += 1;
  const auto later = copied();
  CHECK(same_bits(std::span(later).first(12), std::span(before).first(12)));
  CHECK(later[12] != before[12]);
  example.memory.view().row(4)[0] += 1;
  CHECK(copied()[0] != before[0]);
}

TEST_CASE(
    "Inference reuses a DecoderLayer's temporary memory and gives the bytes of training without "
    "dropout",
    "[nn]") {
  for (const std::uint64_t keeps : {0b11u, 0b01u, 0b10u, 0b00u}) {
    Example example(Dynamic(6, 10, 2, ModuleMask{keeps}), 0);
    const auto y = example.forward(example.pass);
    Arena small;
    Dynamic::Cache cache;
    prepare(small, Purpose::inference, cache, example.block, example.samples, tokens,
            memory_tokens);
    CHECK(small.size_bytes() < example.arena.size_bytes() / 2);
    CHECK(same_bits(
        example.block.forward(Pass{}, example.x.view(), cache, example.memory.view()).flat(),
        y.flat()));
  }
}

TEST_CASE(
    "A batch of a DecoderLayer in micro-batches, or on a team, gives the bytes of the batch at "
    "once",
    "[nn]") {
  Example whole(Dynamic(6, 10, 2, ModuleMask{0b11}), 0.3, 6);
  const auto y = whole.forward(whole.pass);
  const auto dx = whole.backward();
  auto gradients = zeros_like(whole.block);
  for (const std::size_t first : {0u, 2u}) {
    const std::size_t count = first == 0 ? 2 : 4;
    Arena arena;
    Dynamic::Cache cache;
    prepare(arena, Purpose::training, cache, whole.block, count, tokens, memory_tokens);
    const auto part = [&](const auto& tensor, std::size_t rows) {
      return RowsOfDouble(tensor.view()).middle_rows(first * rows, count * rows);
    };
    const Pass pass = training(first);
    CHECK(same_bits(
        whole.block.forward(pass, part(whole.x, tokens), cache, part(whole.memory, memory_tokens))
            .flat(),
        y.middle_rows(first * tokens, count * tokens).flat()));
    spat::Tensor<double> dmemory(count * memory_tokens, 6);
    const auto d = whole.block.backward_input(pass, part(whole.dy, tokens), cache, dmemory.view());
    CHECK(same_bits(d.flat(), std::span(dx).subspan(first * tokens * 6, count * tokens * 6)));
    CHECK(same_bits(dmemory.flat(), part(whole.dmemory, memory_tokens).flat()));
    Share all;
    whole.block.backward_weights(pass, cache, gradients, all);
  }
  CHECK(same_parameters(gradients, *whole.gradients));

  spat::Team team(3);
  auto shared = zeros_like(whole.block);
  team.for_each_worker([&](std::size_t worker) {
    Share share(worker, 3);
    whole.block.backward_weights(whole.pass, whole.cache, shared, share);
  });
  CHECK(same_parameters(shared, *whole.gradients));
}

TEST_CASE(
    "A Stack of DecoderLayers sums the memory's gradient and numbers self and cross from its first "
    "module",
    "[nn]") {
  Stack stack(3, ModuleMask{0b11'01'10}, std::size_t{6}, std::size_t{10}, std::size_t{2});
  stack.first_module = 4;
  CHECK_FALSE(stack.blocks[0].self_attention.mixer.has_value());
  CHECK_FALSE(stack.blocks[1].cross_attention.mixer.has_value());
  check_block(stack, 0.2, true);

  struct Modules {
    std::vector<std::size_t> forward, backward, causal;
    void hear(const spat::ForwardEvent<double>& event) { forward.push_back(event.module); }
    void hear(const spat::BackwardEvent<double>& event) {
      backward.push_back(event.module);
      if (event.causal) causal.push_back(event.module);
    }
  } modules;
  Example example(stack, 0.2);
  const spat::ScoredPass<Modules> scored(example.pass, modules);
  example.forward(scored);
  example.backward_input(scored);
  CHECK(modules.forward == std::vector<std::size_t>{5, 6, 8, 9});
  CHECK(modules.backward == std::vector<std::size_t>{9, 8, 6, 5});
  CHECK(modules.causal == std::vector<std::size_t>{8, 6});
}

}  // namespace decoder_layer_tests
