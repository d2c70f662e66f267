// models. How a batch is cut into blocks of samples.
#pragma once

#include <spat/core/arithmetic.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// Blocks whose activations stay in a second-level cache. A function of the batch and of the unpruned architecture alone,
/// never of the mask or the number of threads.
///
/// The first blocks are one sample larger where the batch does not divide. Up to `most_at_once` blocks, a power of two of
/// them, so that 2, 4 or 8 workers have equal shares; beyond, blocks of the size that fits.
struct BlockPlan {
  static constexpr std::size_t most_at_once = 8;
  static constexpr std::size_t target =
      40 * 1024;  // numbers of one activation in one block: about six of them are live

  std::size_t samples = 0, blocks = 0;

  BlockPlan() = default;
  BlockPlan(std::size_t batch, std::size_t activation_size) : samples(batch) {
    const std::size_t fits = std::max<std::size_t>(1, target / std::max<std::size_t>(1, activation_size));
    blocks = divide_up(batch, fits);
    if (blocks < most_at_once) blocks = std::bit_ceil(blocks);
    blocks = std::min(blocks, batch);
  }

  [[nodiscard]] std::size_t first(std::size_t block) const {
    return block * (samples / blocks) + std::min(block, samples % blocks);
  }
  [[nodiscard]] std::size_t count(std::size_t block) const { return first(block + 1) - first(block); }
};

}  // namespace spat
