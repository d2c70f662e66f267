// Times the matrix products of a layer, forward and backward, at the sizes that the models have;
// and the peak: multiply-adds that touch registers alone.
#include <benchmark/benchmark.h>

#include "peak.hpp"
#include "workload.hpp"

namespace {

namespace kernels = spat::kernels;

void count_operations(benchmark::State& state, double each) {
  state.counters["FLOP/s"] =
      benchmark::Counter(each, benchmark::Counter::kIsIterationInvariantRate);
}

/// M, N and K of a benchmark.
std::array<std::size_t, 3> sizes_of(const benchmark::State& state) {
  const auto size = [&](std::size_t i) { return static_cast<std::size_t>(state.range(i)); };
  return {size(0), size(1), size(2)};
}

/// Y[MxN] = X[MxK] W[NxK]^T, split over panels of outputs as a Linear layer splits it. Buffers stay
/// warm.
void packed_gemm(benchmark::State& state) {
  const auto sizes = sizes_of(state);
  const std::size_t m = sizes[0], n = sizes[1],
                    k = sizes[2];  // clang 14 captures no structured bindings
  constexpr std::size_t panel = kernels::panel_width<float>;
  const auto x = benchmarks::random_numbers(m * k, 1), w = benchmarks::random_numbers(n * k, 2);
  spat::AlignedBuffer<float> y(m * n);
  kernels::PackedWeight<float> weight;
  weight.pack({w.data(), n, k, k});
  spat::Team team(static_cast<std::size_t>(state.range(3)));
  for (auto _ : state) {
    team.for_shares(spat::divide_up(n, panel), [&](std::size_t first, std::size_t last) {
      kernels::multiply_packed<float>({x.data(), m, k, k}, weight, {y.data(), m, n, n}, nullptr,
                                      first * panel, std::min(last * panel, n));
    });
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(m * n * k));
}

/// The products of a backward pass of Y = X W^T for one micro-batch of rows: dX = dY W, by packed
/// panels, and dW += dY^T X.
void backward_input(benchmark::State& state) {
  const auto [m, n, k] = sizes_of(state);
  const auto dy = benchmarks::random_numbers(m * n, 1), w = benchmarks::random_numbers(n * k, 2);
  spat::AlignedBuffer<float> dx(m * k);
  kernels::PackedWeight<float> weight;
  weight.pack({w.data(), n, k, k}, true);
  for (auto _ : state) {
    kernels::multiply_panels<spat::dynamic, float>({dy.data(), m, n, n}, weight.backward,
                                                   {dx.data(), m, k, k}, kernels::Store::overwrite,
                                                   nullptr, 0, k);
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(m * n * k));
}
void backward_weight(benchmark::State& state) {
  const auto [m, n, k] = sizes_of(state);
  const auto dy = benchmarks::random_numbers(m * n, 1), x = benchmarks::random_numbers(m * k, 2);
  spat::AlignedBuffer<float> dw(n * k);
  for (auto _ : state) {
    kernels::multiply_tn<float>({dy.data(), m, n, n}, {x.data(), m, k, k}, {dw.data(), n, k, k},
                                kernels::Store::add);
    benchmark::ClobberMemory();
  }
  count_operations(state, 2.0 * static_cast<double>(m * n * k));
}

void fma_peak(benchmark::State& state) {
  spat::Team team(static_cast<std::size_t>(state.range(0)));
  double operations = 0;
  for (auto _ : state) operations = benchmarks::run_at_peak(team);
  count_operations(state, operations);
}

constexpr std::array<std::array<std::int64_t, 3>, 9> sizes{{{7, 256, 256},
                                                            {21, 512, 512},
                                                            {84, 512, 512},
                                                            {224, 256, 256},
                                                            {321, 512, 512},
                                                            {672, 512, 512},
                                                            {2688, 16, 16},
                                                            {2688, 128, 16},
                                                            {2688, 16, 128}}};

void shapes(benchmark::internal::Benchmark* one) {
  one->ArgNames({"M", "N", "K", "threads"});
  for (const std::int64_t threads : {1, 2})
    for (const auto& [m, n, k] : sizes) one->Args({m, n, k, threads});
}
void one_thread(benchmark::internal::Benchmark* one) {
  one->ArgNames({"M", "N", "K"});
  for (const auto& [m, n, k] : sizes) one->Args({m, n, k});
}

BENCHMARK(fma_peak)->ArgName("threads")->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(packed_gemm)->Apply(shapes)->UseRealTime();
BENCHMARK(backward_input)->Apply(one_thread);
BENCHMARK(backward_weight)->Apply(one_thread);

}  // namespace
