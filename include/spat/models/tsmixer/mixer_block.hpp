// models. One block of a mixer: a perceptron along time, then one across channels.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/residual_feed_forward.hpp>
#include <spat/nn/series_frame.hpp>

namespace spat::inline SPAT_ABI {

/// Residual perceptron y = x + Drop(ReLU(x W_1^T + b_1) W_2^T + b_2) (TSMixer, Chen et al., 2023,
/// without its normalization).
///
/// Shapes:  x, y [R x Size].
template <std::floating_point Scalar, std::size_t Size = dynamic, std::size_t Width = dynamic>
using MixingPerceptron =
    ResidualFeedForward<Scalar, Size, Width, PlainSum<Scalar, Size>, Relu<Scalar, Width>>;

/// v = temporal(x) along the L steps of each series;  y = channel(v) across the C channels of each
/// step.
///
/// Shapes:  x, y [samples * C x L].
///
/// No prunable module. The two dropouts are sites first_site and first_site + 1.
template <std::floating_point Scalar, std::size_t Lookback = dynamic,
          std::size_t Channels = dynamic, std::size_t Width = dynamic>
class MixerBlock {
 public:
  using Value = Scalar;
  static constexpr std::size_t modules = 0, sites = 2;

  /// The last argument is the mask that a Stack passes. The block has no modules.
  MixerBlock(std::size_t lookback, std::size_t channels, std::size_t width, ModuleMask = {})
      : temporal(lookback, width), channel(channels, width) {}

  MixingPerceptron<Scalar, Lookback, Width> temporal;
  MixingPerceptron<Scalar, Channels, Width> channel;

  void set_dropout(double rate, std::size_t first_site) {
    temporal.dropout = {rate, first_site};
    channel.dropout = {rate, first_site + 1};
  }

  struct Cache {
    typename MixingPerceptron<Scalar, Lookback, Width>::Cache temporal;
    typename MixingPerceptron<Scalar, Channels, Width>::Cache channel;
    Rows<Scalar, Channels> steps, dsteps;  // [samples * L x C]
    Rows<Scalar, Lookback> y, dv;          // [samples * C x L]
    std::size_t samples = 0;

    void lay_out(Arena& arena, const MixerBlock& layer, std::size_t sample_count) {
      samples = sample_count;
      const std::size_t lookback = layer.temporal.ffn.conv1.inputs(),
                        channels = layer.channel.ffn.conv1.inputs();
      arena.take(y, samples * channels, lookback);
      arena.temporarily([&] {
        temporal.lay_out(arena, layer.temporal, samples * channels, channels);
        arena.take(steps, samples * lookback, channels);
        channel.lay_out(arena, layer.channel, samples * lookback, lookback);
      });
      if (!arena.training()) return;
      arena.take(dsteps, samples * lookback, channels);
      arena.take(dv, samples * channels, lookback);
    }
  };

  Rows<const Scalar, Lookback> forward(const Pass& pass, Rows<const Scalar, Lookback> x,
                                       Cache& cache) const {
    transpose_samples<Scalar>(temporal.forward(pass, x, cache.temporal), cache.samples,
                              cache.steps);
    transpose_samples<Scalar>(channel.forward(pass, cache.steps, cache.channel), cache.samples,
                              cache.y);
    return cache.y;
  }
  Rows<const Scalar, Lookback> backward_input(const Pass& pass, Rows<const Scalar, Lookback> dy,
                                              Cache& cache) const {
    transpose_samples<Scalar>(dy, cache.samples, cache.dsteps);
    transpose_samples<Scalar>(channel.backward_input(pass, cache.dsteps, cache.channel),
                              cache.samples, cache.dv);
    return temporal.backward_input(pass, cache.dv, cache.temporal);
  }
  void backward_weights(const Pass& pass, Caches<Cache> caches, MixerBlock& gradients,
                        Share& share) const {
    temporal.backward_weights(pass, caches.of(&Cache::temporal), gradients.temporal, share);
    channel.backward_weights(pass, caches.of(&Cache::channel), gradients.channel, share);
  }

  /// Multiply-adds per sample.
  [[nodiscard]] std::size_t multiply_adds() const {
    return temporal.multiply_adds(channel.ffn.conv1.inputs()) +
           channel.multiply_adds(temporal.ffn.conv1.inputs());
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    const FeedForwardNames names{"0.", "2.", 2};
    self.temporal.for_each(self.temporal, name + "temporal.", list, names);
    self.channel.for_each(self.channel, name + "channel.", list, names);
  }
};

}  // namespace spat
