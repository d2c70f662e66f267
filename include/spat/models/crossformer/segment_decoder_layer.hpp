// models. A decoder layer over segments of the forecast that reads one scale of an encoder and
// predicts its share.
#pragma once

#include <spat/models/crossformer/fan_out.hpp>
#include <spat/models/crossformer/two_stage_attention.hpp>

namespace spat::inline SPAT_ABI {

/// For each variate (Crossformer, Zhang and Yan, ICLR 2023):
///
///     a = TwoStageAttention(x);  n = LN_1(a + Drop(MHA(a, memory))), or LN_1(a) where the module
///     was pruned y = LN_2(n + MLP(n));  prediction = W y + b
///
/// Shapes, with s segments:  x, y [B * C * s x D]   memory [B * C * m x D]
/// prediction [B * C * s x segment].
/// Three prunable modules: the two-stage attention's, 2 the cross-attention. Two sites more than
/// the two-stage attention: probabilities and branch of the cross-attention.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic,
          std::size_t Segment = dynamic>
class SegmentDecoderLayer {
 public:
  using Value = Scalar;
  using SelfAttention = TwoStageAttention<Scalar, kept.slice(0, 2), Width, FfnWidth, Heads>;
  using CrossAttention = Slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(2)>;
  using Mlp = FeedForward<Scalar, Width, Width>;
  using Map = Linear<Scalar, Width, Segment>;
  static constexpr std::size_t modules = SelfAttention::modules + 1,
                               sites = SelfAttention::sites + 2;

  /// Bits 0 and 1 of `keeps`: the two-stage attention's. Bit 2: the cross-attention.
  SegmentDecoderLayer(std::size_t segments, std::size_t segment, std::size_t routers,
                      std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(segments, routers, width, ffn_width, heads, keeps.slice(0, 2)),
        cross_attention(make_slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(2)>(
            keeps.keeps(2), width, heads)),
        mlp(width, width), norm1(width), norm2(width), linear_pred(width, segment) {}

  SelfAttention self_attention;
  [[no_unique_address]] CrossAttention cross_attention;
  Mlp mlp;
  LayerNorm<Scalar, Width> norm1, norm2;
  Map linear_pred;
  Dropout<Scalar> cross_dropout;

  void set_dropout(double rate, std::size_t first_site) {
    self_attention.set_dropout(rate, first_site);
    first_site += SelfAttention::sites;
    if_kept([&](auto& layer) { layer.dropout = {rate, first_site}; }, cross_attention);
    cross_dropout = {rate, first_site + 1};
  }

  struct Cache {
    typename SelfAttention::Cache self_attention;
    [[no_unique_address]] CacheOf<CrossAttention> cross_attention;
    typename Mlp::Cache mlp;
    typename LayerNorm<Scalar, Width>::Cache norm1, norm2;
    typename Map::Cache linear_pred;
    typename Dropout<Scalar>::Cache cross_dropout;
    Rows<const Scalar, Segment> prediction;
    Rows<const Scalar, Width> dmemory;  // empty where the memory is not read
    Rows<Scalar, Width> dy, da;

    /// m: tokens of one variate's memory.
    void lay_out(Arena& arena, const SegmentDecoderLayer& layer, std::size_t samples,
                 std::size_t channels, std::size_t m) {
      const std::size_t s = layer.self_attention.segments, series = samples * channels,
                        rows = series * s, width = layer.norm1.gain.cols();
      linear_pred.lay_out(arena, layer.linear_pred, rows);
      norm2.lay_out(arena, layer.norm2, rows);
      match_slot(layer.cross_attention, cross_attention);
      arena.temporarily([&] {
        self_attention.lay_out(arena, layer.self_attention, samples, channels);
        norm1.lay_out(arena, layer.norm1, rows);
        if_kept(
            [&](const auto& mixer, auto& mine) {
              arena.temporarily([&] {
                mine.lay_out(arena, mixer, series, s, m);
                cross_dropout.lay_out(arena, layer.cross_dropout, rows, width, s);
              });
            },
            layer.cross_attention, cross_attention);
        mlp.lay_out(arena, layer.mlp, rows, s);
      });
      if (!arena.training()) return;
      for (auto* view : {&dy, &da}) arena.take(*view, rows, width);
    }
  };

  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x, Cache& cache,
                                    Rows<const Scalar, Width> memory) const {
    const auto series = pass.folded(cache.self_attention.channels);
    const auto a = self_attention.forward(pass, x, cache.self_attention);
    Rows<const Scalar, Width> branch;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          branch = cross_dropout.forward(series,
                                         mixer.forward(series.at(pass.module + 2), a, memory, mine),
                                         cache.cross_dropout);
        },
        cross_attention, cache.cross_attention);
    const auto n = norm1.forward(pass, a, cache.norm1, branch);
    const auto y = norm2.forward(pass, n, cache.norm2, mlp.forward(pass, n, cache.mlp));
    cache.prediction = linear_pred.forward(pass, y, cache.linear_pred);
    return y;
  }

  /// dy is the next layer's, empty behind the last. Leaves dmemory in the cache.
  template <class PassType>
  Rows<const Scalar, Width> backward_input(const PassType& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache,
                                           Rows<const Scalar, Segment> dprediction) const {
    const auto series = pass.folded(cache.self_attention.channels);
    const auto dpredicted = linear_pred.backward_input(pass, dprediction, cache.linear_pred);
    const auto dv =
        norm2.backward_input(pass, sum_of_gradients(dy, dpredicted, cache.dy), cache.norm2);
    const auto dn = mlp.backward_input(pass, dv, cache.mlp, dv);
    Rows<const Scalar, Width> da = norm1.backward_input(pass, dn, cache.norm1);
    cache.dmemory = {};
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = cross_dropout.backward_input(series, da, cache.cross_dropout);
          const auto through = mixer.backward_input(series.at(pass.module + 2), dbranch, mine);
          kernels::add<Scalar>(da.flat(), through.query.flat(), cache.da.flat());
          da = cache.da, cache.dmemory = through.memory;
        },
        cross_attention, cache.cross_attention);
    return self_attention.backward_input(pass, da, cache.self_attention);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, SegmentDecoderLayer& gradients,
                        Share& share) const {
    self_attention.backward_weights(pass, caches.of(&Cache::self_attention),
                                    gradients.self_attention, share);
    if_kept(
        [&](const auto& mixer, auto& gradient) {
          const auto part = [](Cache & cache) -> auto& { return part_of(cache.cross_attention); };
          mixer.backward_weights(pass, caches.of(part), gradient, share);
        },
        cross_attention, gradients.cross_attention);
    mlp.backward_weights(pass, caches.of(&Cache::mlp), gradients.mlp, share);
    norm1.backward_weights(pass, caches.of(&Cache::norm1), gradients.norm1, share);
    norm2.backward_weights(pass, caches.of(&Cache::norm2), gradients.norm2, share);
    linear_pred.backward_weights(pass, caches.of(&Cache::linear_pred), gradients.linear_pred,
                                 share);
  }

  /// Of one sample of `channels` variates with m tokens of memory each; matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels, std::size_t m) const {
    const std::size_t s = self_attention.segments;
    std::size_t total = self_attention.multiply_adds(channels) +
                        channels * (mlp.multiply_adds(s) + linear_pred.multiply_adds(s));
    if_kept([&](const auto& layer) { total += channels * layer.multiply_adds(s, m); },
            cross_attention);
    return total;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    SelfAttention::for_each(self.self_attention, name + "self_attention.", list);
    if_kept([&](auto& layer) { layer.for_each(layer, name + "cross_attention.", list); },
            self.cross_attention);
    Mlp::for_each(self.mlp, name, list, {"MLP1.0.", "MLP1.2.", 2});
    LayerNorm<Scalar, Width>::for_each(self.norm1, name + "norm1.", list);
    LayerNorm<Scalar, Width>::for_each(self.norm2, name + "norm2.", list);
    Map::for_each(self.linear_pred, name + "linear_pred.", list);
  }
};

}  // namespace spat
