// TimeXer's identity, every mask of four modules. Forecasts all variates, and only the last one.
#include <spat/models/timexer.hpp>

#include "identity.hpp"

using namespace spat;

int main() {
  constexpr TimeXerConfig all{.channels = 3,
                              .marks = 2,
                              .targets = 3,
                              .lookback = 36,
                              .horizon = 12,
                              .width = 24,
                              .ffn_width = 40,
                              .heads = 4,
                              .depth = 2,
                              .patch = 8,
                              .kept = ModuleMask{0b1111}};
  constexpr TimeXerConfig last = [](TimeXerConfig config) {
    return config.targets = 1, config;
  }(all);
  int failed = identity::check_all_masks<TimeXer, all>();
  for (std::uint64_t mask = 0; mask < 16; ++mask) {
    failed += !identity::zeroed_equals_pruned<TimeXer<float>>(last, ModuleMask{mask});
    failed += !identity::zeroed_equals_pruned<TimeXer<double>>(last, ModuleMask{mask});
  }
  failed += !identity::dynamic_equals_static<TimeXer, float, last, 0b0110>();
  std::printf("one target of three channels: %d\n", failed);
  return failed != 0;
}
