// benchmarks. The peak: multiply-adds that touch registers alone, at the vector width that spat was
// compiled for.
#pragma once

#include <spat/spat.hpp>

#include <array>
#include <utility>

namespace benchmarks {

/// As many independent chains as a product's tile has accumulators.
inline constexpr std::size_t peak_chains = 2 * spat::kernels::tile_rows, peak_rounds = 100'000;

[[gnu::noinline]] inline float multiply_add_registers(float factor, float term) {
  using Pack = spat::kernels::Pack<float>;
  const auto for_chains = [](auto&& use) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (use(std::integral_constant<std::size_t, I>{}), ...);
    }
    (std::make_index_sequence<peak_chains>{});
  };
  const Pack a(factor), b(term);
  std::array<Pack, peak_chains> sums;
  for_chains([&](auto i) { sums[i] = Pack(static_cast<float>(i.value)); });
  for (std::size_t round = 0; round < peak_rounds; ++round)
    for_chains([&](auto i) { sums[i] = spat::kernels::multiply_add<float>(sums[i], a, b); });
  for_chains([&](auto i) { sums[0] += i.value > 0 ? sums[i] : Pack(0.0f); });
  return spat::kernels::sum_of_lanes<float>(sums[0]);
}

/// Computes the same chains on each worker. Returns the number of floating-point operations.
inline double run_at_peak(spat::Team& team) {
  team.for_each_worker([](std::size_t) {
    volatile float number = 0.999f;  // unknown to the compiler, and the result is used
    number = multiply_add_registers(number, 0.001f);
  });
  return 2.0 *
         static_cast<double>(team.size() * peak_rounds * peak_chains * spat::kernels::lanes<float>);
}

}  // namespace benchmarks
