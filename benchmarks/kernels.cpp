// Times kernels that pass over memory once: bytes read and written per second, compared with a copy
// of the same size.
#include <benchmark/benchmark.h>

#include <spat/nn/encoder_layer.hpp>

#include <cstring>

#include "workload.hpp"

namespace {

namespace kernels = spat::kernels;
using benchmarks::random_numbers;

constexpr std::size_t width = 512;

/// `numbers` is how many numbers are read and written per element of [rows x 512].
template <class Body>
void over_rows(benchmark::State& state, std::size_t numbers, Body&& body) {
  const auto rows = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    body(rows);
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() *
                          static_cast<std::int64_t>(rows * width * numbers * sizeof(float)));
}

struct Rows {
  explicit Rows(const benchmark::State& state)
      : size(static_cast<std::size_t>(state.range(0)) * width), x(random_numbers(size, 1)),
        y(random_numbers(size, 2)), z(size), gain(random_numbers(width, 3)),
        bias(random_numbers(width, 4)) {}
  std::size_t size;
  spat::AlignedBuffer<float> x, y, z, gain, bias;
};

void copy(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 2,
            [&](std::size_t) { std::memcpy(r.z.data(), r.x.data(), r.size * sizeof(float)); });
}
void gelu(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 2, [&](std::size_t) { kernels::gelu<float>(r.x, r.z); });
}
void gelu_backward(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 3, [&](std::size_t) { kernels::gelu_backward<float>(r.x, r.y, r.z); });
}
void add_and_norm(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 3, [&](std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i)
      kernels::layer_norm<float>(r.x.data() + i * width, r.y.data() + i * width, r.gain.data(),
                                 r.bias.data(), 1e-5f, width, nullptr, r.z.data() + i * width);
  });
}
void layer_norm_backward(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 3, [&](std::size_t rows) {
    for (std::size_t i = 0; i < rows; ++i)
      kernels::layer_norm_backward<float>(r.x.data() + i * width, r.gain.data(), 1.0f,
                                          r.y.data() + i * width, width, r.z.data() + i * width);
  });
}
void exp(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 2, [&](std::size_t) {
    kernels::for_each_pack<float>(r.size, 0.0f, [&](std::size_t i, auto load, auto store) {
      store(r.z.data() + i, kernels::exp<float>(load(r.x.data() + i)));
    });
  });
}
void dropout_factors(benchmark::State& state) {
  Rows r(state);
  over_rows(state, 1, [&](std::size_t) {
    kernels::dropout<float>({0.1, 1, 2, 3, 4}, 0, 1.1f, 0.0f, r.z);
  });
}
void adam(benchmark::State& state) {
  Rows r(state);
  spat::AlignedBuffer<float> first(r.size), second(r.size);
  const kernels::AdamStep<float> step{1e-4f, 0.9f, 0.999f, 1e-8f, 0.5f, 0.5f, 1.0f};
  over_rows(state, 7, [&](std::size_t) {
    kernels::adam(step, r.x.data(), first.data(), second.data(), r.z.data(), r.size);
  });
}
void pack_weight(benchmark::State& state) {
  Rows r(state);
  kernels::PackedWeight<float> packed;
  over_rows(state, 3, [&](std::size_t rows) {
    packed.pack({r.x.data(), rows, width, width}, true);
  });
}

/// One post-norm block, in which a model spends most of its time: [samples * tokens x 512].
void encoder_layer(benchmark::State& state) {
  const auto tokens = static_cast<std::size_t>(state.range(0));
  spat::EncoderLayer<float> layer(width, width, 8,
                                  spat::ModuleMask::first(state.range(1) != 0 ? 1 : 0));
  spat::initialize(spat::parameters(layer), 7);
  const auto x = random_numbers(tokens * width, 1);
  decltype(layer)::Cache cache;
  spat::Arena arena;
  arena.prepare(spat::Purpose::inference,
                [&](spat::Arena& a) { cache.lay_out(a, layer, 1, tokens); });
  for (auto _ : state)
    benchmark::DoNotOptimize(layer.forward(spat::Pass{}, {x.data(), tokens, width}, cache).data());
  state.counters["FLOP/s"] =
      benchmark::Counter(2.0 * static_cast<double>(layer.multiply_adds(tokens)),
                         benchmark::Counter::kIsIterationInvariantRate);
}

BENCHMARK(copy)->Arg(21)->Arg(672);
BENCHMARK(gelu)->Arg(21)->Arg(672);
BENCHMARK(gelu_backward)->Arg(21)->Arg(672);
BENCHMARK(add_and_norm)->Arg(21)->Arg(672);
BENCHMARK(layer_norm_backward)->Arg(21)->Arg(672);
BENCHMARK(exp)->Arg(21)->Arg(672);
BENCHMARK(dropout_factors)->Arg(21)->Arg(672);
BENCHMARK(adam)->Arg(512)->Arg(9216);
BENCHMARK(pack_weight)->Arg(512);
BENCHMARK(encoder_layer)->ArgNames({"tokens", "attention"})->ArgsProduct({{7, 21, 321}, {0, 1}});

}  // namespace
