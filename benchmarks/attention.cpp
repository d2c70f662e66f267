// Times attention of one head, forward and backward, with and without a criterion, over Lq x Lk x
// head width; and SEND's dispersion.
#include <benchmark/benchmark.h>

#include "workload.hpp"

namespace {

namespace kernels = spat::kernels;
using benchmarks::random_numbers;

/// Counts only the operations of the products: two forward, five backward (the scores are computed
/// again).
void count_operations(benchmark::State& state, double products) {
  const auto size = [&](std::size_t i) { return static_cast<double>(state.range(i)); };
  state.counters["FLOP/s"] = benchmark::Counter(products * 2 * size(0) * size(1) * size(2),
                                                benchmark::Counter::kIsIterationInvariantRate);
}

/// One head inside activations of eight heads, as in the models.
struct Case {
  static constexpr std::size_t heads = 8;

  explicit Case(const benchmark::State& state)
      : lq(static_cast<std::size_t>(state.range(0))), lk(static_cast<std::size_t>(state.range(1))),
        width(static_cast<std::size_t>(state.range(2))), q(random_numbers(lq * width * heads, 1)),
        k(random_numbers(lk * width * heads, 2)), v(random_numbers(lk * width * heads, 3)),
        dmixed(random_numbers(lq * width * heads, 4)), mixed(q.size()), dq(q.size()), dk(k.size()),
        dv(k.size()), largest(lq), inverse(lq) {
    head = {.q = of(q, lq),
            .k = of(k, lk),
            .v = of(v, lk),
            .scale = 1 / std::sqrt(static_cast<float>(width))};
    arena.prepare(spat::Purpose::training,
                  [&](spat::Arena& a) { room.lay_out(a, 1, lk, width, false); });
    forward();
  }
  [[nodiscard]] kernels::Strided<float> of(spat::AlignedBuffer<float>& numbers,
                                           std::size_t rows) const {
    return {numbers.data(), rows, width, width * heads};
  }
  void forward() {
    const kernels::SoftmaxOfHead<float> softmax{largest.data(), inverse.data()};
    kernels::attention<float>(head, room, of(mixed, lq), &softmax);
  }
  template <class OnTile>
  void backward(OnTile&& on_tile) {
    kernels::attention_backward<float>(head, {largest.data(), inverse.data()}, room, of(dmixed, lq),
                                       {}, of(dq, lq), of(dk, lk), of(dv, lk), {}, on_tile);
  }

  std::size_t lq, lk, width;
  spat::AlignedBuffer<float> q, k, v, dmixed, mixed, dq, dk, dv, largest, inverse;
  kernels::Head<float> head;
  spat::Arena arena;
  kernels::AttentionRoom<float> room;
};

void attention_forward(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) {
    c.forward();
    benchmark::ClobberMemory();
  }
  count_operations(state, 2);
}

void attention_backward(benchmark::State& state) {
  Case c(state);
  for (auto _ : state) {
    c.backward([](const kernels::AttentionTile<float>&) {});
    benchmark::ClobberMemory();
  }
  count_operations(state, 5);
}

/// Backward with SEND receiving the tiles.
void attention_backward_scored(benchmark::State& state) {
  Case c(state);
  spat::Send<float> criterion;
  spat::BackwardEvent<float> event;
  event.samples = 1, event.heads = 1, event.query_tokens = c.lq, event.memory_tokens = c.lk;
  criterion.hear(event);
  for (auto _ : state) {
    c.backward([&](const kernels::AttentionTile<float>& tile) {
      criterion.hear(spat::TileEvent<float>{0, 0, 0, 0, tile.first_query, tile.a, tile.da});
    });
    benchmark::ClobberMemory();
  }
  count_operations(state, 5);
}

/// Computed once per step and module: H Lq Lk connections.
void send_dispersion(benchmark::State& state) {
  const std::size_t tokens = static_cast<std::size_t>(state.range(0));
  const spat::SensitivityTiles<float> tiles{8, tokens, tokens};
  auto s = random_numbers(tiles.size(), 1);
  for (float& value : s) value *= 1e-6f;
  spat::DispersionRoom<float> room;
  spat::Team team(static_cast<std::size_t>(state.range(1)));
  for (auto _ : state)
    benchmark::DoNotOptimize(spat::send<float>(s.data(), tiles, 1.0f, {}, room, &team));
  state.counters["connections/s"] = benchmark::Counter(
      static_cast<double>(8 * tokens * tokens), benchmark::Counter::kIsIterationInvariantRate);
}

void sizes(benchmark::internal::Benchmark* one) {
  constexpr std::array<std::array<std::int64_t, 3>, 7> all{{{7, 7, 32},
                                                            {11, 11, 32},
                                                            {21, 21, 64},
                                                            {42, 42, 4},
                                                            {12, 12, 256},
                                                            {321, 321, 64},
                                                            {862, 862, 64}}};
  one->ArgNames({"Lq", "Lk", "width"});
  for (const auto& [lq, lk, width] : all) one->Args({lq, lk, width});
}

BENCHMARK(attention_forward)->Apply(sizes);
BENCHMARK(attention_backward)->Apply(sizes);
BENCHMARK(attention_backward_scored)->Apply(sizes);
BENCHMARK(send_dispersion)
    ->ArgNames({"tokens", "threads"})
    ->ArgsProduct({{7, 42, 321, 862}, {1, 2}})
    ->UseRealTime();

}  // namespace
