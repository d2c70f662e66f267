// models. The two-stage block over segments and variates: attention over time, then over variates,
// either may have been pruned.
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
/// where a pruned module leaves LN_1(x), or LN_3(u). The perceptrons have no inner dropout.
///
/// Shapes, with s segments:  x, y [B * C * s x D].  Two prunable modules: 0 attention over time, 1
/// the routers' (sender and
/// receiver are one). Sites first_site .. first_site + 7: the time stage's four, probabilities of
/// sender and receiver, the two branches of the dim stage.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class TwoStageAttention {
 public:
  using Value = Scalar;
  using TimeStage = EncoderLayer<Scalar, kept.slice(0, 1), Width, FfnWidth, Heads>;
  using Routing = Slot<RouterAttention<Scalar, Width, Heads>, kept.presence(1)>;
  static constexpr std::size_t modules = 2, sites = TimeStage::sites + 4;

  /// Bit 0 of `keeps`: attention over time. Bit 1: over variates.
  TwoStageAttention(std::size_t segment_count, std::size_t routers, std::size_t width,
                    std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : segments(segment_count), time_stage(width, ffn_width, heads, keeps.slice(0, 1)),
        routing(make_slot<RouterAttention<Scalar, Width, Heads>, kept.presence(1)>(
            keeps.keeps(1), segment_count, routers, width, heads)),
        mlp2(width, ffn_width), norm3(width), norm4(width) {}

  std::size_t segments;
  TimeStage time_stage;
  [[no_unique_address]] Routing routing;
  FeedForward<Scalar, Width, FfnWidth> mlp2;
  LayerNorm<Scalar, Width> norm3, norm4;
  Dropout<Scalar> routing_dropout, mlp2_dropout;

  void set_dropout(double rate, std::size_t first_site) {
    time_stage.set_dropout(rate, first_site);
    time_stage.ffn.dropout.rate = 0;
    first_site += TimeStage::sites;
    if_kept([&](auto& layer) { layer.set_dropout(rate, first_site); }, routing);
    routing_dropout = {rate, first_site + 2};
    mlp2_dropout = {rate, first_site + 3};
  }

  struct Cache {
    typename TimeStage::Cache time_stage;
    [[no_unique_address]] CacheOf<Routing> routing;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache mlp2;
    typename LayerNorm<Scalar, Width>::Cache norm3, norm4;
    typename Dropout<Scalar>::Cache routing_dropout, mlp2_dropout;
    Rows<Scalar, Width> du;
    std::size_t channels = 0;

    void lay_out(Arena& arena, const TwoStageAttention& layer, std::size_t samples,
                 std::size_t channel_count) {
      channels = channel_count;
      const std::size_t s = layer.segments, rows = samples * channels * s,
                        width = layer.norm3.gain.cols();
      norm4.lay_out(arena, layer.norm4, rows);
      match_slot(layer.routing, routing);
      arena.temporarily([&] {
        time_stage.lay_out(arena, layer.time_stage, samples * channels, s);
        norm3.lay_out(arena, layer.norm3, rows);
        if_kept(
            [&](const auto& mixer, auto& mine) {
              arena.temporarily([&] {
                mine.lay_out(arena, mixer, samples, channels);
                routing_dropout.lay_out(arena, layer.routing_dropout, rows, width, s);
              });
            },
            layer.routing, routing);
        mlp2.lay_out(arena, layer.mlp2, rows, s);
        mlp2_dropout.lay_out(arena, layer.mlp2_dropout, rows, width, s);
      });
      if (arena.training()) arena.take(du, rows, width);
    }
  };

  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const auto series =
        pass.folded(cache.channels);  // each variate is a sample, but to the routers
    const auto u = time_stage.forward(series, x, cache.time_stage);
    Rows<const Scalar, Width> branch;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          branch = routing_dropout.forward(series, mixer.forward(pass.at(pass.module + 1), u, mine),
                                           cache.routing_dropout);
        },
        routing, cache.routing);
    const auto w = norm3.forward(pass, u, cache.norm3, branch);
    const auto hidden =
        mlp2_dropout.forward(series, mlp2.forward(pass, w, cache.mlp2), cache.mlp2_dropout);
    return norm4.forward(pass, w, cache.norm4, hidden);
  }

  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto series = pass.folded(cache.channels);
    const auto dv = norm4.backward_input(pass, dy, cache.norm4);
    const auto dw = mlp2.backward_input(
        pass, mlp2_dropout.backward_input(series, dv, cache.mlp2_dropout), cache.mlp2, dv);
    Rows<const Scalar, Width> du = norm3.backward_input(pass, dw, cache.norm3);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = routing_dropout.backward_input(series, du, cache.routing_dropout);
          const auto through = mixer.backward_input(pass.at(pass.module + 1), dbranch, mine);
          kernels::add<Scalar>(du.flat(), through.flat(), cache.du.flat());
          du = cache.du;
        },
        routing, cache.routing);
    return time_stage.backward_input(series, du, cache.time_stage);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TwoStageAttention& gradients,
                        Share& share) const {
    time_stage.backward_weights(pass, caches.of(&Cache::time_stage), gradients.time_stage, share);
    if_kept(
        [&](const auto& mixer, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.routing); };
          mixer.backward_weights(pass, caches.of(part), gradient, share);
        },
        routing, gradients.routing);
    mlp2.backward_weights(pass, caches.of(&Cache::mlp2), gradients.mlp2, share);
    norm3.backward_weights(pass, caches.of(&Cache::norm3), gradients.norm3, share);
    norm4.backward_weights(pass, caches.of(&Cache::norm4), gradients.norm4, share);
  }

  /// Of one sample of `channels` variates; matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    std::size_t total =
        channels * (time_stage.multiply_adds(segments) + mlp2.multiply_adds(segments));
    if_kept([&](const auto& layer) { total += layer.multiply_adds(channels); }, routing);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    TimeStage::for_each(self.time_stage, name, list, "time_attention.", {"MLP1.0.", "MLP1.2.", 2});
    if_kept([&](auto& layer) { layer.for_each(layer, name, list); }, self.routing);
    FeedForward<Scalar, Width, FfnWidth>::for_each(self.mlp2, name, list,
                                                   {"MLP2.0.", "MLP2.2.", 2});
    LayerNorm<Scalar, Width>::for_each(self.norm3, name + "norm3.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm4, name + "norm4.", list);
  }
};

}  // namespace spat
