// models. The two-stage block over segments and variates: attention over time, then over variates.
// Either may have been pruned.
#pragma once

#include <spat/models/crossformer/router_attention.hpp>
#include <spat/nn/encoder_layer.hpp>

namespace spat::inline SPAT_ABI {

/// Crossformer's TSA layer (Zhang and Yan, ICLR 2023), for tokens x(b, c, i) of variate c and
/// segment i:
///
///     time stage, over i:  u = LN_1(x + Drop(MHA(x, x)));  u = LN_2(u + Drop(MLP_1(u)))
///     dim stage, over c:   w = LN_3(u + Drop(RouterAttention(u)));  y = LN_4(w + Drop(MLP_2(w)))
///
/// A pruned module leaves LN_1(x), or LN_3(u). The perceptrons have no inner dropout.
///
/// Shapes, with s segments:  x, y [B * C * s x D].
///
/// Two prunable modules: 0 is attention over time, 1 is router attention (sender and receiver count
/// as one). Sites first_site .. first_site + 7: four of the time stage, probabilities of sender and
/// receiver, the two branches of the dim stage.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class TwoStageAttention {
 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using TimeStage = EncoderLayer<Scalar, kept.slice(0, 1), Width, FfnWidth, Heads>;
  using Routers = RouterAttention<Scalar, Width, Heads>;
  using Routing = ResidualBranch<Slot<Routers, kept.presence(1)>, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, FfnWidth>;
  static constexpr std::size_t modules = 2, sites = TimeStage::sites + 4;

  /// Bit 0 of `keeps`: attention over time. Bit 1: over variates.
  TwoStageAttention(std::size_t segment_count, std::size_t routers, std::size_t width,
                    std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : segments(segment_count), time_stage(width, ffn_width, heads, keeps.slice(0, 1)),
        routing(make_slot<Routers, kept.presence(1)>(keeps.keeps(1), segment_count, routers, width,
                                                     heads),
                width),
        feed_forward(width, ffn_width) {}

  std::size_t segments;
  TimeStage time_stage;
  Routing routing;
  FeedForwardHalf feed_forward;

  [[nodiscard]] std::size_t width() const { return routing.norm.gain.cols(); }

  void set_dropout(double rate, std::size_t first_site) {
    time_stage.set_dropout(rate, first_site);
    time_stage.feed_forward.ffn.dropout.rate = 0;
    first_site += TimeStage::sites;
    routing.set_dropout(rate, first_site, 2);
    feed_forward.dropout = {rate, first_site + 3};
  }

  struct Cache {
    typename TimeStage::Cache time_stage;
    typename Routing::Cache routing;
    typename FeedForwardHalf::Cache feed_forward;
    std::size_t channels = 0;

    void lay_out(Arena& arena, const TwoStageAttention& layer, std::size_t samples,
                 std::size_t channel_count) {
      channels = channel_count;
      const std::size_t s = layer.segments, rows = samples * channels * s;
      feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        time_stage.lay_out(arena, layer.time_stage, samples * channels, s);
        routing.lay_out(arena, layer.routing, rows, s, samples, channels);
        feed_forward.lay_out_inside(arena, layer.feed_forward, rows, s);
      });
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache) const {
    const auto series =
        pass.folded(cache.channels);  // each variate is a sample, except to the routers
    const auto u = time_stage.forward(series, x, cache.time_stage);
    const auto w = routing.forward(series, u, cache.routing, [&](const auto& routers, auto& mine) {
      return routers.forward(pass.at(pass.module + 1), u, mine);
    });
    return feed_forward.forward(series, w, cache.feed_forward);
  }

  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache) const {
    const auto series = pass.folded(cache.channels);
    const auto dw = feed_forward.backward_input(series, dy, cache.feed_forward);
    const auto du = routing.backward_input(
        series, dw, cache.routing, [&](const auto& routers, auto& mine, auto dbranch) {
          return routers.backward_input(pass.at(pass.module + 1), dbranch, mine);
        });
    return time_stage.backward_input(series, du, cache.time_stage);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TwoStageAttention& gradients,
                        Share& share) const {
    time_stage.backward_weights(pass, caches.of(&Cache::time_stage), gradients.time_stage, share);
    routing.backward_weights(pass, caches.of(&Cache::routing), gradients.routing, share);
    feed_forward.backward_weights(pass, caches.of(&Cache::feed_forward), gradients.feed_forward,
                                  share);
  }

  /// Multiply-adds per sample of `channels` variates. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return channels * (time_stage.multiply_adds(segments) + feed_forward.multiply_adds(segments)) +
           routing.multiply_adds(channels);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    TimeStage::for_each(self.time_stage, name, list, "time_attention.", {"MLP1.0.", "MLP1.2.", 2});
    Routing::for_each_of_mixer(self.routing, name, list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list,
                                          {"MLP2.0.", "MLP2.2.", 2});
    Norm::for_each(self.routing.norm, name + "norm3.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm4.", list);
  }
};

}  // namespace spat
