// Models that are trained, scored and pruned within a second, on the synthetic series' seven
// channels.
#pragma once

#include <spat/models/patchtst.hpp>

#include <tests/models/example.hpp>

namespace example {

inline constexpr spat::ITransformerConfig tiny{.channels = 7,
                                               .lookback = 12,
                                               .horizon = 4,
                                               .width = 8,
                                               .ffn_width = 8,
                                               .heads = 2,
                                               .depth = 3,
                                               .kept = spat::ModuleMask::first(3)};

[[nodiscard]] constexpr spat::PatchTSTConfig tiny_patches(std::size_t depth) {
  return {.channels = 7,
          .lookback = 12,
          .horizon = 4,
          .width = 8,
          .ffn_width = 8,
          .heads = 2,
          .depth = depth,
          .patch = 4,
          .stride = 2,
          .kept = spat::ModuleMask::first(depth)};
}

}  // namespace example
