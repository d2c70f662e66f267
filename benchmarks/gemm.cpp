// The packed matrix product at the sizes that the models have, and the roof: multiply-adds that touch registers alone.
#include <benchmark/benchmark.h>

#include "workload.hpp"

namespace {

namespace kernels = spat::kernels;

void count_operations(benchmark::State& state, double each) {
  state.counters["FLOP/s"] = benchmark::Counter(each, benchmark::Counter::kIsIterationInvariantRate);
}

/// Y[MxN] = X[MxK] W[NxK]^T, cut over panels of outputs as a Linear layer cuts it. Buffers stay warm.
void packed_gemm(benchmark::State& state) {
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(state.range(i)); };
  const std::size_t m = size(0), n = size(1), k = size(2);
  constexpr std::size_t panel = kernels::panel_width<float>;
  const auto x = benchmarks::random_numbers(m * k, 1), w = benchmarks::random_numbers(n * k, 2);
  spat::AlignedBuffer<float> y(m * n);
  kernels::PackedWeight<float> weight;
  weight.pack({w.data(), n, k, k});
  spat::Team team(size(3));
  for (auto _ : state) {
    team.for_shares(spat::divide_up(n, panel), [&](std::size_t first, std::size_t last) {
      kernels::multiply_packed<float>({x.data(), m, k, k}, weight, {y.data(), m, n, n}, nullptr, first * panel,
                                      std::min(last * panel, n));
    });
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(m * n * k));
}

/// As many independent chains as the product's tile has accumulators.
constexpr std::size_t chains = 2 * kernels::tile_rows;
constexpr std::size_t rounds = 100'000;

[[gnu::noinline]] float multiply_add_registers(float factor, float term) {
  using Pack = kernels::Pack<float>;
  const auto for_chains = [](auto&& use) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (use(std::integral_constant<std::size_t, I>{}), ...); }
    (std::make_index_sequence<chains>{});
  };
  const Pack a(factor), b(term);
  std::array<Pack, chains> sums;
  for_chains([&](auto i) { sums[i] = Pack(static_cast<float>(i.value)); });
  for (std::size_t round = 0; round < rounds; ++round)
    for_chains([&](auto i) { sums[i] = kernels::multiply_add<float>(sums[i], a, b); });
  for_chains([&](auto i) { sums[0] += i.value > 0 ? sums[i] : Pack(0.0f); });
  return kernels::sum_of_lanes<float>(sums[0]);
}

void fma_peak(benchmark::State& state) {
  spat::Team team(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) team.run([](std::size_t) { benchmark::DoNotOptimize(multiply_add_registers(0.999f, 0.001f)); });
  count_operations(state, 2.0 * static_cast<double>(team.size() * rounds * chains * kernels::lanes<float>));
}

void shapes(benchmark::internal::Benchmark* one) {
  constexpr std::array<std::array<std::int64_t, 3>, 6> sizes{
      {{7, 256, 256}, {21, 512, 512}, {224, 256, 256}, {321, 512, 512}, {84, 512, 512}, {672, 512, 512}}};
  one->ArgNames({"M", "N", "K", "threads"});
  for (const std::int64_t threads : {1, 2})
    for (const auto& [m, n, k] : sizes) one->Args({m, n, k, threads});
}

BENCHMARK(fma_peak)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(packed_gemm)->Apply(shapes)->UseRealTime();

}  // namespace
