// autograd. How a batch is divided into micro-batches.
#pragma once

#include <spat/autograd/caches.hpp>
#include <spat/core/arithmetic.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// Divides a batch into micro-batches whose activations stay in a second-level cache. The plan is a
/// function of the batch and the unpruned architecture alone, never of the mask or the number of
/// threads.
///
/// A training step keeps `most_at_once` micro-batches in memory, or as many as there are workers if
/// one is large. Micro-batch b then uses place b % most_at_once, which no other micro-batch in
/// progress has.
///
/// If the samples do not divide evenly, the first micro-batches have one sample more. The number of
/// micro-batches is a power of two up to `most_at_once` and a multiple of it beyond, so that 2, 4
/// or 8 workers have equal shares.
struct MicrobatchPlan {
  static constexpr std::size_t most_at_once = Caches<int>::capacity;
  /// Numbers in one activation of one micro-batch; about six activations are live at a time.
  static constexpr std::size_t target = 44 * 1024;

  std::size_t samples = 0, microbatches = 0;
  bool large = false;  // one sample alone is larger than the cache

  MicrobatchPlan() = default;
  /// `together` keeps all micro-batches, at most most_at_once, in memory at the same time.
  MicrobatchPlan(std::size_t batch, std::size_t activation_size, bool together = false)
      : samples(batch) {
    const std::size_t fits =
        std::max<std::size_t>(1, target / std::max<std::size_t>(1, activation_size));
    const std::size_t needed = divide_up(batch, fits);
    microbatches = needed < most_at_once ? std::bit_ceil(needed)
                                         : divide_up(needed, most_at_once) * most_at_once;
    if (together) microbatches = std::min(microbatches, most_at_once);
    microbatches = std::min(microbatches, batch);
    large = activation_size > 4 * target;
  }

  /// How many micro-batches a training step takes forward and back before it sums their weight
  /// gradients.
  [[nodiscard]] std::size_t wave(std::size_t workers) const {
    return large ? std::min(most_at_once, workers) : most_at_once;
  }
  /// The first sample of micro-batch b.
  [[nodiscard]] std::size_t first(std::size_t b) const {
    return b * (samples / microbatches) + std::min(b, samples % microbatches);
  }
  /// The number of samples in micro-batch b.
  [[nodiscard]] std::size_t size(std::size_t b) const { return first(b + 1) - first(b); }
};

}  // namespace spat
