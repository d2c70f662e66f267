// models. How a batch is cut into blocks of samples.
#pragma once

#include <spat/autograd/blocks.hpp>
#include <spat/core/arithmetic.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// Blocks whose activations stay in a second-level cache. A function of the batch and of the unpruned architecture alone,
/// never of the mask or the number of threads.
///
/// A training step keeps `at_once` blocks in memory, or as many as there are workers where one block is large; block b then
/// has place b % at_once, which no other block in work has.
///
/// The first blocks are one sample larger where the batch does not divide. Up to `most_at_once` blocks, a power of two of
/// them, beyond a multiple of it, so that 2, 4 or 8 workers have equal shares.
struct BlockPlan {
  static constexpr std::size_t most_at_once = Blocks<int>::capacity, large_at_once = 4;
  static constexpr std::size_t target =
      44 * 1024;  // numbers of one activation in one block: about six of them are live

  std::size_t samples = 0, blocks = 0, at_once = most_at_once;
  bool large = false;  // one sample alone is larger than the cache

  BlockPlan() = default;
  /// `together`: all blocks are in memory at the same time, most_at_once at the most.
  BlockPlan(std::size_t batch, std::size_t activation_size, bool together = false) : samples(batch) {
    const std::size_t fits = std::max<std::size_t>(1, target / std::max<std::size_t>(1, activation_size));
    blocks = divide_up(batch, fits);
    blocks = blocks < most_at_once ? std::bit_ceil(blocks) : divide_up(blocks, most_at_once) * most_at_once;
    if (together) blocks = std::min(blocks, most_at_once);
    blocks = std::min(blocks, batch);
    large = activation_size > 4 * target;
    if (large && !together) at_once = large_at_once;
  }

  /// Blocks that a training step on so many workers takes forward and back before their weight gradients are summed.
  [[nodiscard]] std::size_t wave(std::size_t workers) const { return large ? std::min(at_once, workers) : at_once; }
  [[nodiscard]] std::size_t first(std::size_t block) const {
    return block * (samples / blocks) + std::min(block, samples % blocks);
  }
  [[nodiscard]] std::size_t count(std::size_t block) const { return first(block + 1) - first(block); }
};

}  // namespace spat
