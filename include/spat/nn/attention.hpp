// nn. Multi-head attention of queries over a memory. Its backward reports A and dA to a criterion.
#pragma once

#include <spat/kernels/attention.hpp>
#include <spat/nn/attention_events.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// Optional inputs of one call. Previous scores are the scores of an earlier layer before the
/// softmax (residual attention).
template <class Scalar>
struct AttentionInputs {
  Rows<const unsigned char> key_mask;  // [samples x Lk], 0 = hidden; empty: all keys are seen
  Rows<const Scalar> previous_scores;  // [samples * H * Lq x Lk]; empty: none
};

/// The names of the four projections in files.
struct AttentionNames {
  const char *query = "query_projection.", *key = "key_projection.", *value = "value_projection.",
             *out = "out_projection.";
};

/// Multi-head attention (Vaswani et al., 2017), for each sample and head h:
///
///     Q = x_q W_Q^T + b_Q   K = x_m W_K^T + b_K   V = x_m W_V^T + b_V
///     S_h = Q_h K_h^T / sqrt(D / H) + previous,   A_h = softmax(S_h) over the keys that are seen
///     y = concat_h(Drop(A_h) V_h) W_O^T + b_O
///
/// Shapes:  x_q, y [samples * Lq x D]   x_m [samples * Lk x D]   S, A [samples * H * Lq x Lk].
///
/// Self-attention passes one view twice and adds the two gradients. If LayerDrop removes the module
/// from a step, y is 0, there are no gradients, and a criterion receives nothing. Head h owns
/// columns [h D/H, (h+1) D/H). A row that sees no key has A = 0 and mixes nothing. Errors:
/// ConfigError unless H divides D. A causal call needs Lq == Lk.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t Heads = dynamic>
class MultiHeadAttention {
 public:
  using Value = Scalar;
  using Projection = Linear<Scalar, Width, Width>;

  MultiHeadAttention(std::size_t width, std::size_t head_count)
      : query_projection(width, width), key_projection(width, width),
        value_projection(width, width), out_projection(width, width),
        heads_(checked(width, head_count)) {}

  Projection query_projection, key_projection, value_projection, out_projection;
  Dropout<Scalar> dropout;  // of the attention probabilities
  bool causal = false;      // query i sees keys 0 .. i
  /// Adds the scores of an earlier layer, and returns their gradient.
  bool takes_scores = false;
  /// Keeps S in cache.scores for a later layer; its gradient enters backward.
  bool hands_on_scores = false;

  [[nodiscard]] std::size_t heads() const { return heads_.get(); }
  [[nodiscard]] std::size_t width() const { return out_projection.outputs(); }

  struct Cache {
    typename Projection::Cache query, key, value, out;
    Rows<Scalar> scores, dprevious;
    std::span<Scalar> largest, inverse;  // of softmax: one number per query, head and sample
    Rows<Scalar, Width> mixed, dq, dk, dv;
    kernels::AttentionRoom<Scalar> rooms;  // one per head: more workers than heads would be idle
    AttentionInputs<Scalar> inputs;
    Rows<const Scalar, Width> x_q;
    std::size_t samples = 0, query_tokens = 0, memory_tokens = 0;
    bool skipped = false;  // LayerDrop removed the module from this step

    void lay_out(Arena& arena, const MultiHeadAttention& layer, std::size_t sample_count,
                 std::size_t lq, std::size_t lk) {
      using Dx = typename Projection::Dx;
      samples = sample_count;
      query_tokens = lq;
      memory_tokens = lk;
      const std::size_t query_rows = samples * lq, memory_rows = samples * lk,
                        score_rows = query_rows * layer.heads();
      out.lay_out(arena, layer.out_projection, query_rows);
      if (layer.hands_on_scores) arena.take(scores, score_rows, lk);
      arena.temporarily([&] {
        query.lay_out(arena, layer.query_projection, query_rows);
        key.lay_out(arena, layer.key_projection, memory_rows);
        value.lay_out(arena, layer.value_projection, memory_rows, Dx::none);
        arena.take(mixed, query_rows, layer.width());
        rooms.lay_out(arena, layer.heads(), lk, layer.width() / layer.heads(),
                      arena.training() && layer.dropout.rate > 0);
      });
      if (!arena.training()) return;
      for (auto* numbers : {&largest, &inverse}) arena.take(*numbers, score_rows);
      if (layer.takes_scores) arena.take(dprevious, score_rows, lk);
      arena.take(dq, query_rows, layer.width());
      for (auto* view : {&dk, &dv}) arena.take(*view, memory_rows, layer.width());
    }
  };

  /// The result of backward_input: gradients with respect to both inputs and, if given, to the
  /// previous scores.
  struct InputGradients {
    Rows<const Scalar, Width> query, memory;
    Rows<const Scalar> previous_scores;
  };

  template <class PassType>
  Rows<const Scalar, Width> forward(const PassType& pass, Rows<const Scalar, Width> x_q,
                                    Rows<const Scalar, Width> x_m, Cache& cache,
                                    AttentionInputs<Scalar> inputs = {}) const {
    assert(!causal || cache.query_tokens == cache.memory_tokens);
    assert(takes_scores == (inputs.previous_scores.size() != 0));
    cache.inputs = inputs;
    cache.x_q = x_q;
    cache.skipped = pass.skips_module();
    if (cache.skipped) return skip(cache);
    query_projection.forward(pass, x_q, cache.query);
    key_projection.forward(pass, x_m, cache.key);
    value_projection.forward(pass, x_m, cache.value);
    for_each_head(
        pass, cache,
        [&](std::size_t sample, std::size_t head, const kernels::AttentionRoom<Scalar>& room) {
          const auto softmax = softmax_of(cache, sample, head);
          kernels::attention(head_of(pass, cache, sample, head), room,
                             of_head(cache.mixed, cache.query_tokens, sample, head),
                             softmax.largest ? &softmax : nullptr,
                             hands_on_scores ? of_scores(cache.scores, cache, sample, head)
                                             : kernels::Strided<Scalar>());
        });
    const auto y = out_projection.forward(pass, cache.mixed, cache.out);
    if constexpr (reports<PassType, ForwardEvent<Scalar>>)
      pass.listener.hear(
          ForwardEvent<Scalar>{call_of(pass, cache), cache.mixed, cache.x_q, cache.out.y});
    return y;
  }

  /// Returns the gradients with respect to the inputs:
  ///
  ///     dA = dO V^T,  dV = Drop(A)^T dO,  dS = A (dA - <A, dA>) + dscores
  ///     dQ = dS K / sqrt(D/H),  dK = dS^T Q / sqrt(D/H)
  ///
  /// `dscores` is the gradient with respect to the scores that were passed on. A is recomputed, one
  /// tile of queries at a time; a criterion receives A and dA there.
  template <class PassType>
  InputGradients backward_input(const PassType& pass, Rows<const Scalar, Width> dy, Cache& cache,
                                Rows<const Scalar> dscores = {}) const {
    if (cache.skipped) return skip_back(cache, dscores);
    const Rows<const Scalar, Width> dmixed = out_projection.backward_input(pass, dy, cache.out);
    if constexpr (reports<PassType, BackwardEvent<Scalar>>)
      pass.listener.hear(
          BackwardEvent<Scalar>{call_of(pass, cache), cache.mixed, cache.x_q, cache.out.y, dmixed});
    for_each_head(
        pass, cache,
        [&](std::size_t sample, std::size_t head, const kernels::AttentionRoom<Scalar>& room) {
          const std::size_t lq = cache.query_tokens, lk = cache.memory_tokens;
          kernels::attention_backward(
              head_of(pass, cache, sample, head), softmax_of(cache, sample, head), room,
              of_head(dmixed, lq, sample, head),
              dscores.size() ? of_scores(dscores, cache, sample, head)
                             : kernels::Strided<const Scalar>(),
              of_head(cache.dq, lq, sample, head), of_head(cache.dk, lk, sample, head),
              of_head(cache.dv, lk, sample, head),
              takes_scores ? of_scores(cache.dprevious, cache, sample, head)
                           : kernels::Strided<Scalar>(),
              [&]([[maybe_unused]] const kernels::AttentionTile<Scalar>& tile) {
                if constexpr (reports<PassType, TileEvent<Scalar>>)
                  pass.listener.hear(TileEvent<Scalar>{pass.module, pass.part, sample, head,
                                                       tile.first_query, tile.a, tile.da});
              });
        });
    const auto from_query = query_projection.backward_input(pass, cache.dq, cache.query);
    key_projection.backward_input(pass, cache.dk, cache.key);
    value_projection.add_input_gradient(pass, cache.dv, cache.value, cache.key.dx);
    return {from_query, cache.key.dx, cache.dprevious};
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, MultiHeadAttention& gradients,
                        Share& share) const {
    if ((*caches.begin()).skipped) return;  // as all micro-batches of a step
    query_projection.backward_weights(pass, caches.of(&Cache::query), gradients.query_projection,
                                      share);
    key_projection.backward_weights(pass, caches.of(&Cache::key), gradients.key_projection, share);
    value_projection.backward_weights(pass, caches.of(&Cache::value), gradients.value_projection,
                                      share);
    out_projection.backward_weights(pass, caches.of(&Cache::out), gradients.out_projection, share);
  }

  /// Multiply-adds per sample: four projections, scores and mixing (2 Lq Lk D). The softmax is not
  /// counted.
  [[nodiscard]] std::size_t multiply_adds(std::size_t lq, std::size_t lk) const {
    return 2 * (out_projection.multiply_adds(lq) + out_projection.multiply_adds(lk)) +
           2 * lq * lk * width();
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       const AttentionNames& names = {}) {
    Projection::for_each(self.query_projection, name + names.query, list);
    Projection::for_each(self.key_projection, name + names.key, list);
    Projection::for_each(self.value_projection, name + names.value, list);
    Projection::for_each(self.out_projection, name + names.out, list);
  }

 private:
  [[no_unique_address]] Extent<Heads> heads_;

  static std::size_t checked(std::size_t width, std::size_t head_count) {
    if (head_count == 0 || width % head_count != 0)
      throw ConfigError(message("heads must divide width: heads ", head_count, ", width ", width));
    return head_count;
  }

  /// Forward of a step without this module: y = 0, and earlier scores are passed on unchanged.
  Rows<const Scalar, Width> skip(Cache& cache) const {
    std::ranges::fill(cache.out.y.flat(), Scalar(0));
    if (hands_on_scores) pass_on(cache.inputs.previous_scores, cache.scores);
    return cache.out.y;
  }
  InputGradients skip_back(Cache& cache, Rows<const Scalar> dscores) const {
    std::ranges::fill(cache.query.dx.flat(), Scalar(0));
    std::ranges::fill(cache.key.dx.flat(), Scalar(0));
    if (takes_scores) pass_on(dscores, cache.dprevious);
    return {cache.query.dx, cache.key.dx, cache.dprevious};
  }
  static void pass_on(Rows<const Scalar> from, Rows<Scalar> to) {
    if (from.size() == 0)
      std::ranges::fill(to.flat(), Scalar(0));
    else
      std::ranges::copy(from.flat(), to.data());
  }

  /// Calls visit(sample, head, room). Each worker takes heads, and visits all samples of a head in
  /// order.
  template <class Visit>
  void for_each_head(const Pass& pass, Cache& cache, Visit&& visit) const {
    const std::size_t work = cache.samples * cache.query_tokens * cache.memory_tokens * width();
    pass.for_shares(heads(), work, [&](std::size_t first, std::size_t last) {
      const auto room = cache.rooms.of(first, heads());
      for (std::size_t sample = 0; sample < cache.samples; ++sample)
        for (std::size_t head = first; head < last; ++head) visit(sample, head, room);
    });
  }

  [[nodiscard]] kernels::Head<Scalar> head_of(const Pass& pass, const Cache& cache,
                                              std::size_t sample, std::size_t head) const {
    const Rows<const Scalar, Width> q = cache.query.y, k = cache.key.y, v = cache.value.y;
    const std::size_t lk = cache.memory_tokens;
    const bool masked = cache.inputs.key_mask.size() != 0;
    return {.q = of_head(q, cache.query_tokens, sample, head),
            .k = of_head(k, lk, sample, head),
            .v = of_head(v, lk, sample, head),
            .scale = 1 / std::sqrt(static_cast<Scalar>(width() / heads())),
            .causal = causal,
            .key_mask = masked ? cache.inputs.key_mask.row(sample) : nullptr,
            .previous = takes_scores ? of_scores(cache.inputs.previous_scores, cache, sample, head)
                                     : kernels::Strided<const Scalar>(),
            .dropout = dropout.key(pass, sample),
            .index = head};
  }
  [[nodiscard]] kernels::SoftmaxOfHead<Scalar> softmax_of(const Cache& cache, std::size_t sample,
                                                          std::size_t head) const {
    if (cache.largest.empty()) return {};
    const std::size_t first = (sample * heads() + head) * cache.query_tokens;
    return {cache.largest.data() + first, cache.inverse.data() + first};
  }

  /// The columns of one head in the rows of one sample: [tokens x D/H].
  template <class T>
  [[nodiscard]] kernels::Strided<T> of_head(Rows<T, Width> x, std::size_t tokens,
                                            std::size_t sample, std::size_t head) const {
    const std::size_t size = width() / heads();
    return {x.data() + sample * tokens * width() + head * size, tokens, size, width()};
  }
  /// The rows of one sample and head: [Lq x Lk].
  template <class T>
  [[nodiscard]] kernels::Strided<T> of_scores(Rows<T> x, const Cache& cache, std::size_t sample,
                                              std::size_t head) const {
    return {x.row((sample * heads() + head) * cache.query_tokens), cache.query_tokens,
            cache.memory_tokens, cache.memory_tokens};
  }

  [[nodiscard]] AttentionCall call_of(const Pass& pass, const Cache& cache) const {
    return {
        pass.module,          pass.part, pass.first_sample,  pass.batch_samples,  pass.loss_terms,
        cache.samples,        heads(),   cache.query_tokens, cache.memory_tokens, causal,
        cache.inputs.key_mask};
  }
};

}  // namespace spat
