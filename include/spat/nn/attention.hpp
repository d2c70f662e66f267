// nn. Multi-head attention of queries over a memory, and its backward with A and dA in hand for scoring.
#pragma once

#include <spat/autograd/scoring.hpp>
#include <spat/kernels/softmax.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// Optional inputs of one call. Previous scores are pre-softmax scores of an earlier layer (residual attention).
template <class Scalar>
struct AttentionInputs {
  Batch<const unsigned char> key_mask;  // [samples x Lk], 0 = hidden; empty: all keys are seen
  Batch<const Scalar> previous_scores;  // [samples * H * Lq x Lk]; empty: none
};

/// Multi-head attention (Vaswani et al., 2017), for each sample and head h:
///
///     Q = x_q W_Q^T + b_Q   K = x_m W_K^T + b_K   V = x_m W_V^T + b_V
///     S_h = Q_h K_h^T / sqrt(D / H) + previous,   A_h = softmax(S_h) over the keys that are seen
///     y = concat_h(Drop(A_h) V_h) W_O^T + b_O
///
/// Shapes:  x_q, y [samples * Lq x D]   x_m [samples * Lk x D]   S, A [samples * H * Lq x Lk].  Self-attention passes one view
/// twice and adds the two gradients. Head h owns columns [h D/H, (h+1) D/H). A row that sees no key mixes nothing: A = 0.
/// Errors: ConfigError unless H divides D. A causal call needs Lq == Lk.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t Heads = dynamic>
class MultiHeadAttention {
 public:
  using Value = Scalar;
  using Projection = Linear<Scalar, Width, Width>;

  MultiHeadAttention(std::size_t width, std::size_t head_count)
      : query_projection(width, width), key_projection(width, width), value_projection(width, width),
        out_projection(width, width), heads_(checked(width, head_count)) {}

  Projection query_projection, key_projection, value_projection, out_projection;
  Dropout<Scalar> dropout;       // of attention probabilities
  bool causal = false;           // query i sees keys 0 .. i
  bool hands_on_scores = false;  // keeps S for a later layer: cache.scores, and its gradient enters backward

  [[nodiscard]] std::size_t heads() const { return heads_.get(); }
  [[nodiscard]] std::size_t width() const { return out_projection.outputs(); }

  struct Cache {
    typename Projection::Cache query, key, value, out;
    typename Dropout<Scalar>::Cache dropout;
    Batch<Scalar> scores, a, da, ds;
    Batch<const Scalar> mixing;  // A after dropout
    Batch<Scalar, Width> mixed, dq, dk, dv, dmemory;
    AttentionInputs<Scalar> inputs;
    Batch<const Scalar, Width> x_q;
    std::size_t samples = 0, query_tokens = 0, memory_tokens = 0;

    void lay_out(Arena& arena, const MultiHeadAttention& layer, std::size_t sample_count, std::size_t lq,
                 std::size_t lk) {
      samples = sample_count, query_tokens = lq, memory_tokens = lk;
      const std::size_t query_rows = samples * lq, memory_rows = samples * lk, score_rows = query_rows * layer.heads();
      out.lay_out(arena, layer.out_projection, query_rows);
      if (layer.hands_on_scores) arena.take(scores, score_rows, lk);
      arena.temporarily([&] {
        query.lay_out(arena, layer.query_projection, query_rows);
        key.lay_out(arena, layer.key_projection, memory_rows);
        value.lay_out(arena, layer.value_projection, memory_rows);
        arena.take(mixed, query_rows, layer.width());
        arena.take(a, score_rows, lk);
        dropout.lay_out(arena, layer.dropout, score_rows, lk, layer.heads() * lq);
      });
      if (!arena.training()) return;
      for (auto* view : {&da, &ds}) arena.take(*view, score_rows, lk);
      arena.take(dq, query_rows, layer.width());
      for (auto* view : {&dk, &dv, &dmemory}) arena.take(*view, memory_rows, layer.width());
    }
  };

  /// What backward_input returns: gradients with respect to both inputs and, where given, to the previous scores.
  struct InputGradients {
    Batch<const Scalar, Width> query, memory;
    Batch<const Scalar> previous_scores;
  };

  template <class RunType>
  Batch<const Scalar, Width> forward(const RunType& run, Batch<const Scalar, Width> x_q, Batch<const Scalar, Width> x_m,
                                     Cache& cache, AttentionInputs<Scalar> inputs = {}) const {
    assert(!causal || cache.query_tokens == cache.memory_tokens);
    cache.inputs = inputs, cache.x_q = x_q;
    const auto q = query_projection.forward(run, x_q, cache.query);
    const auto k = key_projection.forward(run, x_m, cache.key);
    const auto v = value_projection.forward(run, x_m, cache.value);
    for_each_head(run, cache, [&](std::size_t sample, std::size_t head) { score(cache, q, k, sample, head); });
    cache.mixing = dropout.forward(run, cache.a, cache.dropout);
    for_each_head(run, cache, [&](std::size_t sample, std::size_t head) {
      kernels::multiply_nn<Scalar>(of_scores(cache.mixing, cache, sample, head),
                                   of_head(v, cache.memory_tokens, sample, head),
                                   of_head(cache.mixed, cache.query_tokens, sample, head));
    });
    const auto y = out_projection.forward(run, cache.mixed, cache.out);
    if constexpr (is_scored<RunType>)
      if constexpr (requires { run.scoring.on_forward(forward_event(run, cache)); })
        run.scoring.on_forward(forward_event(run, cache));
    return y;
  }

  /// dA = dM V^T,  dV = Drop(A)^T dM,  dS = A (dA - <A, dA>) + dscores,  dQ = dS K / sqrt(D/H),  dK = dS^T Q / sqrt(D/H).
  /// `dscores` is the gradient with respect to the scores handed on. S_SEND = A dA is in hand here.
  template <class RunType>
  InputGradients backward_input(const RunType& run, Batch<const Scalar, Width> dy, Cache& cache,
                                Batch<const Scalar> dscores = {}) const {
    const Batch<const Scalar, Width> dmixed = out_projection.backward_input(run, dy, cache.out);
    for_each_head(run, cache, [&](std::size_t sample, std::size_t head) {
      head_backward(run, cache, dmixed, dscores, sample, head);
    });
    if constexpr (is_scored<RunType>)
      if constexpr (requires(BackwardEvent<Scalar> event) { run.scoring.on_backward(event); })
        run.scoring.on_backward(BackwardEvent<Scalar>{forward_event(run, cache), cache.da, dmixed});
    const auto from_query = query_projection.backward_input(run, cache.dq, cache.query);
    const auto from_key = key_projection.backward_input(run, cache.dk, cache.key);
    const auto from_value = value_projection.backward_input(run, cache.dv, cache.value);
    kernels::add<Scalar>(from_key.flat(), from_value.flat(), cache.dmemory.flat());
    return {from_query, cache.dmemory,
            cache.inputs.previous_scores.size() ? Batch<const Scalar>(cache.ds) : Batch<const Scalar>()};
  }

  void backward_weights(const Run& run, Cache& cache, MultiHeadAttention& gradients, Share& share) const {
    query_projection.backward_weights(run, cache.query, gradients.query_projection, share);
    key_projection.backward_weights(run, cache.key, gradients.key_projection, share);
    value_projection.backward_weights(run, cache.value, gradients.value_projection, share);
    out_projection.backward_weights(run, cache.out, gradients.out_projection, share);
  }

  void pack() { query_projection.pack(), key_projection.pack(), value_projection.pack(), out_projection.pack(); }

  /// Of one sample: four projections, scores and mixing (2 Lq Lk D); softmax not counted.
  [[nodiscard]] std::size_t multiply_adds(std::size_t lq, std::size_t lk) const {
    return 2 * (out_projection.multiply_adds(lq) + out_projection.multiply_adds(lk)) + 2 * lq * lk * width();
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Projection::for_each(self.query_projection, name + "query_projection.", list);
    Projection::for_each(self.key_projection, name + "key_projection.", list);
    Projection::for_each(self.value_projection, name + "value_projection.", list);
    Projection::for_each(self.out_projection, name + "out_projection.", list);
  }

 private:
  [[no_unique_address]] Extent<Heads> heads_;

  static std::size_t checked(std::size_t width, std::size_t head_count) {
    if (head_count == 0 || width % head_count != 0)
      throw ConfigError(detail::message("heads must divide width: heads ", head_count, ", width ", width));
    return head_count;
  }

  [[nodiscard]] Scalar scale() const { return 1 / std::sqrt(static_cast<Scalar>(width() / heads())); }

  template <class Visit>
  void for_each_head(const Run& run, const Cache& cache, Visit&& visit) const {
    const std::size_t work = cache.samples * cache.query_tokens * cache.memory_tokens * width();
    run.for_shares(cache.samples * heads(), work, [&](std::size_t first, std::size_t last) {
      for (std::size_t i = first; i < last; ++i) visit(i / heads(), i % heads());
    });
  }

  /// Columns of one head in rows of one sample: [tokens x D/H].
  template <class T>
  [[nodiscard]] kernels::Strided<T> of_head(Batch<T, Width> x, std::size_t tokens, std::size_t sample,
                                            std::size_t head) const {
    const std::size_t size = width() / heads();
    return {x.data() + sample * tokens * width() + head * size, tokens, size, width()};
  }
  /// Rows of one sample and head: [Lq x Lk].
  template <class T>
  [[nodiscard]] kernels::Strided<T> of_scores(Batch<T> x, const Cache& cache, std::size_t sample,
                                              std::size_t head) const {
    return {x.row((sample * heads() + head) * cache.query_tokens), cache.query_tokens, cache.memory_tokens,
            cache.memory_tokens};
  }

  void score(Cache& cache, Batch<const Scalar, Width> q, Batch<const Scalar, Width> k, std::size_t sample,
             std::size_t head) const {
    constexpr Scalar hidden = -std::numeric_limits<Scalar>::infinity();
    const std::size_t lk = cache.memory_tokens;
    const auto a = of_scores(cache.a, cache, sample, head);
    kernels::multiply_nt<Scalar>(of_head(q, cache.query_tokens, sample, head), of_head(k, lk, sample, head), a);
    const bool residual = cache.inputs.previous_scores.size() != 0, masked = cache.inputs.key_mask.size() != 0;
    for (std::size_t i = 0; i < a.rows; ++i) {
      Scalar* const row = a.row(i);
      if (residual) {
        const Scalar* previous = of_scores(cache.inputs.previous_scores, cache, sample, head).row(i);
        for (std::size_t j = 0; j < lk; ++j) row[j] = multiply_add(row[j], scale(), previous[j]);
      } else {
        kernels::scale(scale(), row, lk);
      }
      if (hands_on_scores) std::copy(row, row + lk, of_scores(cache.scores, cache, sample, head).row(i));
      if (masked)
        for (std::size_t j = 0; j < lk; ++j)
          if (!cache.inputs.key_mask.row(sample)[j]) row[j] = hidden;
      kernels::softmax(row, causal ? i + 1 : lk, lk);
    }
  }

  void head_backward(const Run& run, Cache& cache, Batch<const Scalar, Width> dmixed, Batch<const Scalar> dscores,
                     std::size_t sample, std::size_t head) const {
    const std::size_t lq = cache.query_tokens, lk = cache.memory_tokens;
    const Batch<const Scalar, Width> q = cache.query.y, k = cache.key.y, v = cache.value.y;
    const auto a = of_scores(Batch<const Scalar>(cache.a), cache, sample, head);
    const auto da = of_scores(cache.da, cache, sample, head), ds = of_scores(cache.ds, cache, sample, head);
    const auto dm = of_head(dmixed, lq, sample, head);
    kernels::multiply_nt<Scalar>(dm, of_head(v, lk, sample, head), da);
    kernels::multiply_tn<Scalar>(of_scores(cache.mixing, cache, sample, head), dm, of_head(cache.dv, lk, sample, head));
    for (std::size_t i = 0; i < lq; ++i) {
      const Scalar* da_row = da.row(i);
      if (dropout.drops(run)) {
        const std::size_t at = ((sample * heads() + head) * lq + i) * lk;
        kernels::select_scaled<Scalar>({da_row, lk}, cache.dropout.keep.subspan(at, lk), dropout.scale(),
                                       {ds.row(i), lk});
        da_row = ds.row(i);
      }
      kernels::softmax_backward(a.row(i), da_row, lk, ds.row(i));
      if (dscores.size()) {
        const Scalar* later = of_scores(dscores, cache, sample, head).row(i);
        for (std::size_t j = 0; j < lk; ++j) ds.row(i)[j] += later[j];
      }
    }
    const auto dq = of_head(cache.dq, lq, sample, head), dk = of_head(cache.dk, lk, sample, head);
    kernels::multiply_nn<Scalar>(ds, of_head(k, lk, sample, head), dq);
    kernels::multiply_tn<Scalar>(ds, of_head(q, lq, sample, head), dk);
    for (std::size_t i = 0; i < lq; ++i) kernels::scale(scale(), dq.row(i), dq.cols);
    for (std::size_t j = 0; j < lk; ++j) kernels::scale(scale(), dk.row(j), dk.cols);
  }

  [[nodiscard]] ForwardEvent<Scalar> forward_event(const Run& run, const Cache& cache) const {
    return {{run.module, run.first_sample, cache.samples, heads(), cache.query_tokens, cache.memory_tokens, causal,
             cache.inputs.key_mask},
            cache.a,
            cache.mixed,
            cache.x_q,
            cache.out.y};
  }
};

}  // namespace spat
