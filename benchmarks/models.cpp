// Times forecasts and training steps of the models, dense and with all attention pruned, and the
// cost of computing SEND.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>

#include "workload.hpp"

namespace {

using benchmarks::Workload;

/// The arguments after the name: batch, threads, pruned.
Workload workload(const benchmark::State& state, const char* name) {
  const auto config = benchmarks::config_of(name);
  return Workload(state.range(2) ? benchmarks::with_kept(config, {}) : config,
                  static_cast<std::size_t>(state.range(0)),
                  static_cast<std::size_t>(state.range(1)));
}

/// A training step performs three times the products of a forecast.
void count_operations(benchmark::State& state, double each) {
  state.counters["FLOP/s"] =
      benchmark::Counter(each, benchmark::Counter::kIsIterationInvariantRate);
}

void predict(benchmark::State& state, const char* name) {
  Workload work = workload(state, name);
  (void)work.predict();
  for (auto _ : state) benchmark::DoNotOptimize(work.predict().data());
  count_operations(state, work.operations());
}

void train(benchmark::State& state, const char* name) {
  Workload work = workload(state, name);
  work.train_step(false);
  for (auto _ : state) benchmark::DoNotOptimize(work.train_step(false));
  count_operations(state, 3 * work.operations());
}

/// One iteration is an unscored and a scored step in turn, so that clock-frequency drift affects
/// both equally. Reports the median of each.
void send_cost(benchmark::State& state, const char* name) {
  using Clock = std::chrono::steady_clock;
  Workload work = workload(state, name);
  std::array<std::vector<double>, 2> times;
  for (const bool scored : {false, true}) work.train_step(scored);
  for (auto _ : state)
    for (const bool scored : {false, true}) {
      const auto start = Clock::now();
      benchmark::DoNotOptimize(work.train_step(scored));
      times[scored].push_back(
          std::chrono::duration<double, std::milli>(Clock::now() - start).count());
    }
  const double plain = spat::latency_of(times[0]).median,
               scored = spat::latency_of(times[1]).median;
  state.counters["unscored_ms"] = plain, state.counters["scored_ms"] = scored;
  state.counters["cost_percent"] = 100 * (scored / plain - 1);
}

void dense_and_pruned(benchmark::internal::Benchmark* one) {
  one->ArgNames({"batch", "threads", "pruned"})->ArgsProduct({{1, 32}, {1, 2}, {0, 1}});
  one->UseRealTime()->Unit(benchmark::kMillisecond);
}
void dense(benchmark::internal::Benchmark* one) {
  one->ArgNames({"batch", "threads", "pruned"})->ArgsProduct({{1, 32}, {1, 2}, {0}});
  one->UseRealTime()->Unit(benchmark::kMillisecond);
}

BENCHMARK_CAPTURE(predict, etth1, "itr_etth1")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(predict, weather, "itr_weather")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(predict, ecl, "itr_ecl")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(predict, patchtst, "ptst_96")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(predict, patchtst_small, "ptst_small_96")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(train, patchtst, "ptst_96")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(train, patchtst_small, "ptst_small_96")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(train, etth1, "itr_etth1")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(train, weather, "itr_weather")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(train, ecl, "itr_ecl")->Apply(dense_and_pruned);
BENCHMARK_CAPTURE(send_cost, etth1, "itr_etth1")->Apply(dense);
BENCHMARK_CAPTURE(send_cost, weather, "itr_weather")->Apply(dense);
BENCHMARK_CAPTURE(send_cost, ecl, "itr_ecl")->Apply(dense);
BENCHMARK_CAPTURE(send_cost, patchtst, "ptst_96")->Apply(dense);
BENCHMARK_CAPTURE(send_cost, patchtst_small, "ptst_small_96")->Apply(dense);

}  // namespace
