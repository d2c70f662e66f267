// tests. A model that forecasts and cannot learn.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/models/concepts.hpp>

/// Forecasts zero.
struct Zero {
  using Value = float;
  struct Cache {
    spat::Arena arena;
    spat::Rows<float> forecast;
  };

  void prepare(Cache& cache, spat::Purpose purpose, std::size_t samples,
               std::size_t channels) const {
    cache.arena.prepare(purpose, [&](spat::Arena& arena) {
      arena.take(cache.forecast, samples * horizon, channels);
    });
  }
  spat::Rows<const float> forward(const spat::Pass&, const spat::WindowBatch<float>&,
                                  Cache& cache) const {
    return cache.forecast;
  }
  std::size_t multiply_adds(std::size_t) const { return 0; }
  std::size_t target_channels(std::size_t channels) const { return channels; }
  std::size_t activation_size(std::size_t channels) const { return channels * horizon; }
  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}

  static constexpr std::size_t horizon = 12;
};
static_assert(spat::Evaluable<Zero>);

/// The same with a backward pass.
struct LearningZero : Zero {
  void backward_input(const spat::Pass&, spat::Rows<const float>, Cache&) const {}
  void backward_weights(const spat::Pass&, spat::Caches<Cache>, LearningZero&, spat::Share&) const {
  }
};
