// models. The transformer block with residual attention and batch statistics, divided into stages.
// Its attention may have been pruned.
#pragma once

#include <spat/core/slot.hpp>
#include <spat/nn/attention.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/feed_forward.hpp>

namespace spat::inline SPAT_ABI {

/// Transformer block with residual attention (Nie et al., "A Time Series is Worth 64 Words", ICLR
/// 2023; residual scores: He et al., RealFormer, 2021):
///
///     u = x + Drop(Drop(Attention(x, x, S))), or u = x if the module was pruned;  n = BN_a(u)
///     v = n + Drop(FFN(n));  y = BN_f(v)
///
/// S are the scores before softmax of the nearest attention below that is kept, or none. An
/// attention adds them to its own scores and passes the sum on. A block without attention passes
/// them on unchanged, as if its query projection were zero.
///
/// Shapes:  x, y [samples * N x D]   S [samples * H * N x N].
///
/// One prunable module: `attention`. Its probabilities are not dropped. The dropouts are sites
/// first_site .. first_site + 3 (attention's output and its branch, hidden units, feed-forward
/// branch).
///
/// Forward has three stages, and the statistics of a batch are reduced in between: mix() up to
/// those of u; transform() from there to those of v; normalize(). Backward has the same three
/// stages in reverse.
template <std::floating_point Scalar, BlockMask kept = BlockMask{}, std::size_t Width = dynamic,
          std::size_t FfnWidth = dynamic, std::size_t Heads = dynamic>
class ResidualAttentionLayer {
 public:
  using Value = Scalar;
  using Mixer = Slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>;
  static constexpr std::size_t modules = 1, sites = 4;

  /// Bit 0 of `keeps`: the attention.
  ResidualAttentionLayer(std::size_t width, std::size_t ffn_width, std::size_t heads,
                         ModuleMask keeps)
      : attention(make_slot<MultiHeadAttention<Scalar, Width, Heads>, kept.presence(0)>(
            keeps.keeps(0), width, heads)),
        ffn(width, ffn_width), attention_norm(width), ffn_norm(width) {}

  [[no_unique_address]] Mixer attention;
  FeedForward<Scalar, Width, FfnWidth> ffn;
  BatchNorm<Scalar, Width> attention_norm, ffn_norm;
  Dropout<Scalar> out_dropout, attention_dropout, ffn_dropout;

  /// Sets whether an attention is kept below and above this block. Otherwise no block passes scores
  /// to it or reads its scores.
  void connect(bool below, bool above) {
    if_kept([&](auto& mixer) { mixer.takes_scores = below, mixer.hands_on_scores = above; },
            attention);
  }

  /// Sets one rate for all four dropouts. Sites are numbered from `first_site`.
  void set_dropout(double rate, std::size_t first_site) {
    out_dropout = {rate, first_site};
    attention_dropout = {rate, first_site + 1};
    ffn.dropout = {rate, first_site + 2};
    ffn_dropout = {rate, first_site + 3};
  }

  struct Cache {
    [[no_unique_address]] CacheOf<Mixer> attention;
    typename FeedForward<Scalar, Width, FfnWidth>::Cache ffn;
    typename BatchNorm<Scalar, Width>::Cache attention_norm, ffn_norm;
    typename Dropout<Scalar>::Cache out_dropout, attention_dropout, ffn_dropout;
    Rows<Scalar, Width> mixed, v, dx;  // x + attention's branch, v, dx if they exist
    Rows<const Scalar, Width> u, dy,
        dn;  // between the stages: x or `mixed`, the caller's, the feed-forward's

    void lay_out(Arena& arena, const ResidualAttentionLayer& layer, std::size_t samples,
                 std::size_t tokens) {
      const std::size_t rows = samples * tokens, width = layer.ffn_norm.gain.cols();
      ffn_norm.lay_out(arena, layer.ffn_norm, rows);
      match_slot(layer.attention, attention);
      // Not temporary: blocks above read the scores that it passes on.
      if_kept([&](const auto& mixer,
                  auto& mine) { mine.lay_out(arena, mixer, samples, tokens, tokens); },
              layer.attention, attention);
      arena.temporarily([&] {
        attention_norm.lay_out(arena, layer.attention_norm, rows);
        if_kept(
            [&](const auto&, auto&) {
              out_dropout.lay_out(arena, layer.out_dropout, rows, width, tokens);
              attention_dropout.lay_out(arena, layer.attention_dropout, rows, width, tokens);
              arena.take(mixed, rows, width);
              if (arena.training()) arena.take(dx, rows, width);
            },
            layer.attention, attention);
        ffn.lay_out(arena, layer.ffn, rows, tokens);
        ffn_dropout.lay_out(arena, layer.ffn_dropout, rows, width, tokens);
        arena.take(v, rows, width);
      });
    }
  };

  /// Returns the scores for the blocks above.
  Rows<const Scalar> mix(const auto& pass, Rows<const Scalar, Width> x, Rows<const Scalar> scores,
                         Cache& cache) const {
    cache.u = x;
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto y =
              mixer.forward(pass, x, x, mine, {.key_mask = {}, .previous_scores = scores});
          const auto branch = attention_dropout.forward(
              pass, out_dropout.forward(pass, y, cache.out_dropout), cache.attention_dropout);
          kernels::add<Scalar>(x.flat(), branch.flat(), cache.mixed.flat());
          cache.u = cache.mixed;
          scores = mine.scores;
        },
        attention, cache.attention);
    attention_norm.observe(pass, cache.u, cache.attention_norm);
    return scores;
  }
  void transform(const Pass& pass, Cache& cache) const {
    const auto n = attention_norm.forward(pass, cache.u, cache.attention_norm);
    const auto branch =
        ffn_dropout.forward(pass, ffn.forward(pass, n, cache.ffn), cache.ffn_dropout);
    kernels::add<Scalar>(n.flat(), branch.flat(), cache.v.flat());
    ffn_norm.observe(pass, cache.v, cache.ffn_norm);
  }
  Rows<const Scalar, Width> normalize(const Pass& pass, Cache& cache) const {
    return ffn_norm.forward(pass, cache.v, cache.ffn_norm);
  }

  void backward_normalize(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    cache.dy = dy;
    ffn_norm.backward_observe(pass, dy, cache.ffn_norm);
  }
  void backward_transform(const Pass& pass, Cache& cache) const {
    const auto dv = ffn_norm.backward_input(pass, cache.dy, cache.ffn_norm);
    cache.dn = ffn.backward_input(pass, ffn_dropout.backward_input(pass, dv, cache.ffn_dropout),
                                  cache.ffn, dv);
    attention_norm.backward_observe(pass, cache.dn, cache.attention_norm);
  }

  /// Gradients with respect to both inputs of mix.
  struct InputGradients {
    Rows<const Scalar, Width> x;
    Rows<const Scalar> scores;
  };
  /// `dscores` is the gradient with respect to the scores that mix() returned.
  InputGradients backward_mix(const auto& pass, Rows<const Scalar> dscores, Cache& cache) const {
    Rows<const Scalar, Width> dx =
        attention_norm.backward_input(pass, cache.dn, cache.attention_norm);
    if_kept(
        [&](const auto& mixer, auto& mine) {
          const auto dbranch = out_dropout.backward_input(
              pass, attention_dropout.backward_input(pass, dx, cache.attention_dropout),
              cache.out_dropout);
          const auto through = mixer.backward_input(pass, dbranch, mine, dscores);
          kernels::add<Scalar>(dx.flat(), through.query.flat(), through.memory.flat(),
                               cache.dx.flat());
          dx = cache.dx;
          dscores = through.previous_scores;
        },
        attention, cache.attention);
    return {dx, dscores};
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, ResidualAttentionLayer& gradients,
                        Share& share) const {
    backward_weights_if_kept(attention, pass, caches.of(&Cache::attention), gradients.attention,
                             share);
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
    attention_norm.backward_weights(pass, caches.of(&Cache::attention_norm),
                                    gradients.attention_norm, share);
    ffn_norm.backward_weights(pass, caches.of(&Cache::ffn_norm), gradients.ffn_norm, share);
  }

  /// Updates the running statistics, once per step, from any micro-batch's cache.
  void commit(const Cache& cache, Scalar weight) {
    attention_norm.commit(cache.attention_norm, weight), ffn_norm.commit(cache.ffn_norm, weight);
  }

  /// Multiply-adds per sample of `tokens` tokens. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    std::size_t total = ffn.multiply_adds(tokens);
    if_kept([&](const auto& mixer) { total += mixer.multiply_adds(tokens, tokens); }, attention);
    return total;
  }

  /// Names as in PatchTST's own state_dict. There the scale of the scores is a tensor without
  /// dimensions that is not learned.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    using Norm = BatchNorm<Scalar, Width>;
    if_kept(
        [&](auto& mixer) {
          mixer.for_each(mixer, name + "self_attn.", list,
                         {.query = "W_Q.", .key = "W_K.", .value = "W_V.", .out = "to_out.0."});
          const auto head_width = static_cast<Scalar>(mixer.width() / mixer.heads());
          list.add_constant(
              name + "self_attn.sdp_attn.scale", {},
              [head_width](std::span<Scalar> values, const std::vector<std::size_t>&) {
                values[0] = 1 / std::sqrt(head_width);
              });
        },
        self.attention);
    Norm::for_each(self.attention_norm, name + "norm_attn.1.", list);
    Linear<Scalar, Width, FfnWidth>::for_each(self.ffn.conv1, name + "ff.0.", list);
    Linear<Scalar, FfnWidth, Width>::for_each(self.ffn.conv2, name + "ff.3.", list);
    Norm::for_each(self.ffn_norm, name + "norm_ffn.1.", list);
  }
};

}  // namespace spat
