// models. A decoder layer over segments of the forecast. It reads one scale of an encoder and
// predicts its share of the forecast.
#pragma once

#include <spat/models/crossformer/fan_out.hpp>
#include <spat/models/crossformer/two_stage_attention.hpp>

namespace spat::inline SPAT_ABI {

/// The decoder layer of Crossformer, for each variate (Zhang and Yan, ICLR 2023):
///
///     a = TwoStageAttention(x)
///     n = LN_1(a + Drop(MHA(a, memory))), or LN_1(a) if the module was pruned
///     y = LN_2(n + MLP(n));  prediction = W y + b
///
/// Shapes, with s segments:
///
///     x, y [B * C * s x D]   memory [B * C * m x D]   prediction [B * C * s x segment]
///
/// Three prunable modules: 0 and 1 are those of the two-stage attention, 2 is the cross-attention.
/// Two sites follow those of the two-stage attention: probabilities and branch of the
/// cross-attention.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic,
          std::size_t Segment = dynamic>
class SegmentDecoderLayer {
  using Attention = MultiHeadAttention<Scalar, Width, Heads>;

 public:
  using Value = Scalar;
  using Tokens = Rows<const Scalar, Width>;
  using SelfAttention = TwoStageAttention<Scalar, kept.slice(0, 2), Width, FfnWidth, Heads>;
  using CrossAttention = ResidualBranch<Slot<Attention, kept.presence(2)>, Scalar, Width>;
  using FeedForwardHalf = ResidualFeedForward<Scalar, Width, Width>;
  using Map = Linear<Scalar, Width, Segment>;
  static constexpr std::size_t modules = SelfAttention::modules + 1,
                               sites = SelfAttention::sites + 2;

  /// Bits 0 and 1 of `keeps`: the modules of the two-stage attention. Bit 2: the cross-attention.
  SegmentDecoderLayer(std::size_t segments, std::size_t segment, std::size_t routers,
                      std::size_t width, std::size_t ffn_width, std::size_t heads, ModuleMask keeps)
      : self_attention(segments, routers, width, ffn_width, heads, keeps.slice(0, 2)),
        cross_attention(make_slot<Attention, kept.presence(2)>(keeps.keeps(2), width, heads),
                        width),
        feed_forward(width, width), linear_pred(width, segment) {}

  SelfAttention self_attention;
  CrossAttention cross_attention;
  FeedForwardHalf feed_forward;  // without dropout
  Map linear_pred;

  void set_dropout(double rate, std::size_t first_site) {
    self_attention.set_dropout(rate, first_site);
    cross_attention.set_dropout(rate, first_site + SelfAttention::sites);
  }

  struct Cache {
    typename SelfAttention::Cache self_attention;
    typename CrossAttention::Cache cross_attention;
    typename FeedForwardHalf::Cache feed_forward;
    typename Map::Cache linear_pred;
    Rows<const Scalar, Segment> prediction;
    Tokens dmemory;  // empty if the memory is not read
    Rows<Scalar, Width> dy;

    /// `m` is the number of tokens of one variate's memory.
    void lay_out(Arena& arena, const SegmentDecoderLayer& layer, std::size_t samples,
                 std::size_t channels, std::size_t m) {
      const std::size_t s = layer.self_attention.segments, series = samples * channels,
                        rows = series * s;
      linear_pred.lay_out(arena, layer.linear_pred, rows);
      feed_forward.lay_out_result(arena, layer.feed_forward, rows);
      arena.temporarily([&] {
        self_attention.lay_out(arena, layer.self_attention, samples, channels);
        cross_attention.lay_out(arena, layer.cross_attention, rows, s, series, s, m);
        feed_forward.lay_out_inside(arena, layer.feed_forward, rows, s);
      });
      if (arena.training()) arena.take(dy, rows, layer.self_attention.width());
    }
  };

  Tokens forward(const auto& pass, Tokens x, Cache& cache, Tokens memory) const {
    const auto series = pass.folded(cache.self_attention.channels);
    const auto a = self_attention.forward(pass, x, cache.self_attention);
    const auto n = cross_attention.forward(
        series, a, cache.cross_attention, [&](const auto& mixer, auto& mine) {
          return mixer.forward(series.at(pass.module + 2), a, memory, mine);
        });
    const auto y = feed_forward.forward(series, n, cache.feed_forward);
    cache.prediction = linear_pred.forward(pass, y, cache.linear_pred);
    return y;
  }

  /// dy is the gradient from the next layer; empty for the last layer. Leaves dmemory in the cache.
  Tokens backward_input(const auto& pass, Tokens dy, Cache& cache,
                        Rows<const Scalar, Segment> dprediction) const {
    const auto series = pass.folded(cache.self_attention.channels);
    const auto dpredicted = linear_pred.backward_input(pass, dprediction, cache.linear_pred);
    const auto dn = feed_forward.backward_input(series, sum_of_gradients(dy, dpredicted, cache.dy),
                                                cache.feed_forward);
    cache.dmemory = {};
    const auto da = cross_attention.backward_input(
        series, dn, cache.cross_attention, [&](const auto& mixer, auto& mine, auto dbranch) {
          const auto through = mixer.backward_input(series.at(pass.module + 2), dbranch, mine);
          cache.dmemory = through.memory;
          return through.query;
        });
    return self_attention.backward_input(pass, da, cache.self_attention);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, SegmentDecoderLayer& gradients,
                        Share& share) const {
    self_attention.backward_weights(pass, caches.of(&Cache::self_attention),
                                    gradients.self_attention, share);
    cross_attention.backward_weights(pass, caches.of(&Cache::cross_attention),
                                     gradients.cross_attention, share);
    feed_forward.backward_weights(pass, caches.of(&Cache::feed_forward), gradients.feed_forward,
                                  share);
    linear_pred.backward_weights(pass, caches.of(&Cache::linear_pred), gradients.linear_pred,
                                 share);
  }

  /// Multiply-adds per sample of `channels` variates with m tokens of memory each. Counts matrix
  /// products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels, std::size_t m) const {
    const std::size_t s = self_attention.segments;
    return self_attention.multiply_adds(channels) +
           channels * (cross_attention.multiply_adds(s, m) + feed_forward.multiply_adds(s) +
                       linear_pred.multiply_adds(s));
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = LayerNorm<Scalar, Width>;
    SelfAttention::for_each(self.self_attention, name + "self_attention.", list);
    CrossAttention::for_each_of_mixer(self.cross_attention, name + "cross_attention.", list);
    FeedForwardHalf::Perceptron::for_each(self.feed_forward.ffn, name, list,
                                          {"MLP1.0.", "MLP1.2.", 2});
    Norm::for_each(self.cross_attention.norm, name + "norm1.", list);
    Norm::for_each(self.feed_forward.norm, name + "norm2.", list);
    Map::for_each(self.linear_pred, name + "linear_pred.", list);
  }
};

}  // namespace spat
