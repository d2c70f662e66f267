// kernels. Attention of one sample and head, one block of queries at a time: keys are rows, queries
// lie across the vector lanes.
#pragma once

#include <spat/core/arena.hpp>
#include <spat/kernels/dropout.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/math.hpp>

#include <limits>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// The inputs of attention for one sample and head; W = D / H.
template <std::floating_point Scalar>
struct Head {
  Strided<const Scalar> q, k, v;            // [Lq x W], [Lk x W], [Lk x W]
  Scalar scale = 1;                         // factor of q k^T
  bool causal = false;                      // query i sees keys 0 .. i
  const unsigned char* key_mask = nullptr;  // [Lk], 0 = hidden; null: all are seen
  Strided<const Scalar> previous = {};      // [Lq x Lk] added to the scores, or none
  DropoutKey dropout = {};                  // dropout of the probabilities
  /// Number of the head, which selects its positions within the sample's dropout.
  std::size_t index = 0;

  /// The number of keys that some query before `last` sees.
  [[nodiscard]] std::size_t keys_before(std::size_t last) const {
    return causal ? std::min(last, k.rows) : k.rows;
  }
};

/// The softmax statistics that forward leaves for backward, each [Lq]: A = exp(s - largest)
/// inverse, so A itself is not kept.
template <std::floating_point Scalar>
struct SoftmaxOfHead {
  Scalar *largest, *inverse;
};

/// The working memory of one worker for one block of panel_width queries, or of several workers one
/// after another.
template <std::floating_point Scalar>
struct AttentionRoom {
  /// Dropout numbers its positions by groups of this many queries, on every instruction set: (head,
  /// group, key, query).
  static constexpr std::size_t group = 32;
  static_assert(group % panel_width<Scalar> == 0);

  /// [W x panel]: Q^T scale, dO^T; later the results that are written transposed.
  std::span<Scalar> queries, slopes;
  std::span<Scalar> a, da;    // [Lk x panel]: A^T, dA^T and then dS^T
  std::span<Scalar> kept;     // [Lk x panel]: A^T after dropout
  std::span<Scalar> factors;  // [Lk x group]: 0 or 1 / (1 - rate)

  void lay_out(Arena& arena, std::size_t workers, std::size_t keys, std::size_t width, bool drops) {
    constexpr std::size_t panel = panel_width<Scalar>;
    *this = {};
    arena.take(queries, workers * width * panel);
    arena.take(a, workers * keys * panel);
    if (drops) arena.take(factors, workers * keys * group);
    if (!arena.training()) return;
    arena.take(slopes, workers * width * panel);
    arena.take(da, workers * keys * panel);
    if (drops) arena.take(kept, workers * keys * panel);
  }
  [[nodiscard]] AttentionRoom of(std::size_t worker, std::size_t workers) const {
    const auto part = [&](std::span<Scalar> all) {
      return all.subspan(worker * (all.size() / workers), all.size() / workers);
    };
    return {part(queries), part(slopes), part(a), part(da), part(kept), part(factors)};
  }
};

/// A block of one head's probabilities A and their gradients dL/dA, transposed: row j is key j,
/// column i is query first_query + i. Keys after the last row are hidden from all queries of the
/// block.
template <std::floating_point Scalar>
struct AttentionTile {
  std::size_t first_query;
  Strided<const Scalar> a, da;
};

namespace detail {

/// Calls use(offset) for each vector of a panel that holds one of `count` queries.
template <std::floating_point Scalar, class Use>
inline void over_lanes(std::size_t count, Use&& use) {
  for (std::size_t offset = 0; offset < count; offset += lanes<Scalar>) use(offset);
}

/// to [W x panel] = x^T of rows [first, first + count); the columns after them are zero.
template <std::floating_point Scalar>
inline void take_transposed(Strided<const Scalar> x, std::size_t first, std::size_t count,
                            Scalar* to) {
  copy_panel_transposed(x, 0, x.cols, first, count, to);
}

/// Rows [first, first + count) of y = x^T, from x [W x panel].
template <std::floating_point Scalar>
inline void put_transposed(const Scalar* x, std::size_t first, std::size_t count,
                           Strided<Scalar> y) {
  constexpr std::size_t panel = panel_width<Scalar>;
  const std::size_t rows = count / 4 * 4, cols = y.cols / 4 * 4;
  for (std::size_t i = 0; i < rows; i += 4)
    for (std::size_t w = 0; w < cols; w += 4)
      transpose_4x4(x + w * panel + i, panel, y.row(first + i) + w, y.stride);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t w = i < rows ? cols : 0; w < y.cols; ++w)
      y.row(first + i)[w] = x[w * panel + i];
}

/// x [W x panel] *= factor(offset), which may differ per column.
template <std::floating_point Scalar, class Factor>
inline void scale_columns(Scalar* x, std::size_t width, std::size_t count, Factor&& factor) {
  over_lanes<Scalar>(count, [&](std::size_t offset) {
    const Pack<Scalar> f = factor(offset);
    for (std::size_t w = 0; w < width; ++w) {
      Scalar* const at = x + w * panel_width<Scalar> + offset;
      store(at, load(at) * f);
    }
  });
}

/// y [keys x panel] = x [keys x W] b [W x panel].
template <std::floating_point Scalar>
inline void down_keys(Strided<const Scalar> x, std::size_t keys, const Scalar* b, std::size_t count,
                      Scalar* y) {
  constexpr std::size_t panel = panel_width<Scalar>;
  multiply_panel<Walk::rows>(
      TileArguments<Scalar>{x.data, x.stride, b, panel, x.cols, y, panel, count, false, nullptr},
      keys);
}

/// y [W x panel] = x^T [W x keys] b [keys x panel].
template <std::floating_point Scalar>
inline void over_keys(Strided<const Scalar> x, std::size_t keys, const Scalar* b, std::size_t count,
                      Scalar* y) {
  constexpr std::size_t panel = panel_width<Scalar>;
  multiply_panel<Walk::columns>(
      TileArguments<Scalar>{x.data, x.stride, b, panel, keys, y, panel, count, false, nullptr},
      x.cols);
}

/// room.a = S^T = K Q^T scale + previous for queries [first, first + count), and -infinity for
/// hidden keys.
template <std::floating_point Scalar>
inline void scores(const Head<Scalar>& head, std::size_t first, std::size_t count, std::size_t keys,
                   const AttentionRoom<Scalar>& room, Strided<Scalar> handed_on) {
  constexpr std::size_t panel = panel_width<Scalar>, width = lanes<Scalar>;
  constexpr Scalar hidden = -std::numeric_limits<Scalar>::infinity();
  take_transposed(head.q, first, count, room.queries.data());
  scale_columns(room.queries.data(), head.q.cols, count,
                [&](std::size_t) { return Pack<Scalar>(head.scale); });
  // Only the next layer can use the score of a hidden key.
  const std::size_t rows = handed_on.data ? head.k.rows : keys;
  down_keys(head.k, rows, room.queries.data(), count, room.a.data());
  for (std::size_t i = 0; (head.previous.data || handed_on.data) && i < count; ++i)
    for (std::size_t j = 0; j < rows; ++j) {
      Scalar& score = room.a[j * panel + i];
      if (head.previous.data) score += head.previous.row(first + i)[j];
      if (handed_on.data) handed_on.row(first + i)[j] = score;
    }
  for (std::size_t j = 0; head.key_mask && j < keys; ++j)
    if (!head.key_mask[j]) std::fill_n(room.a.data() + j * panel, panel, hidden);
  for (std::size_t j = first + 1; head.causal && j < keys; ++j)
    std::fill_n(room.a.data() + j * panel, std::min(j - first, (count + width - 1) / width * width),
                hidden);
}

/// The dropout factors of the block that starts at query `first`. They are computed for a whole
/// group of queries when its first block starts.
template <std::floating_point Scalar>
inline const Scalar* dropout_factors(const Head<Scalar>& head, std::size_t first,
                                     const AttentionRoom<Scalar>& room) {
  constexpr std::size_t group = AttentionRoom<Scalar>::group;
  const std::size_t groups = (head.q.rows + group - 1) / group, size = head.k.rows * group;
  if (first % group == 0)
    dropout<Scalar>(head.dropout, (head.index * groups + first / group) * size,
                    static_cast<Scalar>(1 / (1 - head.dropout.rate)), Scalar(0),
                    room.factors.first(size));
  return room.factors.data() + first % group;
}

}  // namespace detail

/// Attention of one head:
///
///     mixed_i = sum_j Drop(A_ij) v_j,  A_i = softmax_j(scale q_i k_j + previous_ij)
///
/// over the keys that query i sees. A query that sees none gets zeros. mixed [Lq x W], handed_on
/// [Lq x Lk] or none: receives the scores, softmax or null.
///
/// The sum is normalized last:
///
///     mixed_i = (sum_j exp(s_ij - largest_i) v_j) / sum_j exp(s_ij - largest_i)
template <std::floating_point Scalar>
inline void attention(const Head<Scalar>& head, const AttentionRoom<Scalar>& room,
                      Strided<Scalar> mixed, const SoftmaxOfHead<Scalar>* softmax = nullptr,
                      Strided<Scalar> handed_on = {}) {
  using P = Pack<Scalar>;
  constexpr std::size_t panel = panel_width<Scalar>;
  constexpr Scalar hidden = -std::numeric_limits<Scalar>::infinity();
  const bool drops = head.dropout.rate > 0;
  for (std::size_t first = 0; first < head.q.rows; first += panel) {
    const std::size_t count = std::min(panel, head.q.rows - first),
                      keys = head.keys_before(first + count);
    detail::scores(head, first, count, keys, room, handed_on);
    const Scalar* factors = drops ? detail::dropout_factors(head, first, room) : nullptr;
    Scalar* const out = room.queries.data();  // the queries are no longer needed
    alignas(alignment) Scalar inverse[panel];
    detail::over_lanes<Scalar>(count, [&](std::size_t offset) {
      Scalar* const a = room.a.data() + offset;
      P largest(hidden);
      for (std::size_t j = 0; j < keys; ++j)
        largest = kernels::max<Scalar>(largest, load(a + j * panel));
      const P shift = kernels::select<Scalar>(largest == P(hidden), P(Scalar(0)), largest);
      P sum(Scalar(0));
      for (std::size_t j = 0; j < keys; ++j) {
        const P e = kernels::exp<Scalar>(load(a + j * panel) - shift);
        sum += e;
        store(a + j * panel,
              drops ? e * load(factors + j * AttentionRoom<Scalar>::group + offset) : e);
      }
      store(inverse + offset, kernels::select<Scalar>(sum == P(Scalar(0)), P(Scalar(0)),
                                                      divide<Scalar>(P(Scalar(1)), sum)));
      if (softmax) {
        const std::size_t here = std::min(lanes<Scalar>, count - offset);
        store_part(softmax->largest + first + offset, shift, here);
        store_part(softmax->inverse + first + offset, load(inverse + offset), here);
      }
    });
    detail::over_keys(head.v, keys, room.a.data(), count, out);
    detail::scale_columns(out, mixed.cols, count,
                          [&](std::size_t offset) { return load(inverse + offset); });
    detail::put_transposed(out, first, count, mixed);
  }
}

/// Gradients of one head:
///
///     dA = dO V^T   dV = Drop(A)^T dO   dS = A (Drop(dA) - sum_j A Drop(dA)) + dscores
///     dQ = scale dS K   dK = scale dS^T Q
///
/// dmixed [Lq x W], dscores [Lq x Lk] with respect to the scores handed on, or none; dprevious = dS
/// [Lq x Lk], or none. on_tile(tile) receives A and dA of each block, both without dropout.
template <std::floating_point Scalar, class OnTile>
inline void attention_backward(const Head<Scalar>& head, const SoftmaxOfHead<Scalar>& softmax,
                               const AttentionRoom<Scalar>& room, Strided<const Scalar> dmixed,
                               Strided<const Scalar> dscores, Strided<Scalar> dq,
                               Strided<Scalar> dk, Strided<Scalar> dv, Strided<Scalar> dprevious,
                               OnTile&& on_tile) {
  using P = Pack<Scalar>;
  constexpr std::size_t panel = panel_width<Scalar>;
  const bool drops = head.dropout.rate > 0, scores_matter = dscores.data || dprevious.data;
  // The first blocks do not reach all keys.
  for (std::size_t j = 0; head.causal && j < dk.rows; ++j) {
    std::fill_n(dk.row(j), dk.cols, Scalar(0));
    std::fill_n(dv.row(j), dv.cols, Scalar(0));
  }
  for (std::size_t first = 0; first < head.q.rows; first += panel) {
    const std::size_t count = std::min(panel, head.q.rows - first);
    // A hidden score has a gradient only if it was handed on.
    const std::size_t keys = scores_matter ? head.k.rows : head.keys_before(first + count);
    const Store mode = first == 0 && !head.causal ? Store::overwrite : Store::add;
    detail::scores(head, first, count, head.keys_before(first + count), room, Strided<Scalar>());
    for (std::size_t j = head.keys_before(first + count); j < keys; ++j)
      std::fill_n(room.a.data() + j * panel, panel, -std::numeric_limits<Scalar>::infinity());
    detail::over_lanes<Scalar>(count, [&](std::size_t offset) {
      const std::size_t here = std::min(lanes<Scalar>, count - offset);
      const P shift = load_part(softmax.largest + first + offset, here),
              inverse = load_part(softmax.inverse + first + offset, here);
      for (std::size_t j = 0; j < keys; ++j) {
        Scalar* const a = room.a.data() + j * panel + offset;
        store(a, kernels::exp<Scalar>(load(a) - shift) * inverse);
      }
    });
    detail::take_transposed(dmixed, first, count, room.slopes.data());
    detail::down_keys(head.v, keys, room.slopes.data(), count, room.da.data());
    on_tile(AttentionTile<Scalar>{
        first, {room.a.data(), keys, count, panel}, {room.da.data(), keys, count, panel}});

    const Scalar* mixing = room.a.data();
    if (drops) {
      const Scalar* factors = detail::dropout_factors(head, first, room);
      detail::over_lanes<Scalar>(count, [&](std::size_t offset) {
        for (std::size_t j = 0; j < keys; ++j) {
          const std::size_t at = j * panel + offset;
          const P factor = load(factors + j * AttentionRoom<Scalar>::group + offset);
          store(room.kept.data() + at, load(room.a.data() + at) * factor);
          store(room.da.data() + at, load(room.da.data() + at) * factor);
        }
      });
      mixing = room.kept.data();
    }
    multiply_nn<Scalar>({mixing, keys, count, panel}, dmixed.part(first, count, 0, dmixed.cols),
                        dv.part(0, keys, 0, dv.cols), mode);

    detail::over_lanes<Scalar>(count, [&](std::size_t offset) {
      const Scalar* const a = room.a.data() + offset;
      Scalar* const da = room.da.data() + offset;
      P mean(Scalar(0));
      for (std::size_t j = 0; j < keys; ++j)
        mean = multiply_add<Scalar>(load(a + j * panel), load(da + j * panel), mean);
      const P scale(scores_matter ? Scalar(1) : head.scale);
      for (std::size_t j = 0; j < keys; ++j)
        store(da + j * panel, load(a + j * panel) * (load(da + j * panel) - mean) * scale);
    });
    for (std::size_t i = 0; scores_matter && i < count; ++i)
      for (std::size_t j = 0; j < keys; ++j) {
        Scalar& ds = room.da[j * panel + i];
        if (dscores.data) ds += dscores.row(first + i)[j];
        if (dprevious.data) dprevious.row(first + i)[j] = ds;
        ds *= head.scale;
      }
    detail::over_keys(head.k, keys, room.da.data(), count, room.slopes.data());
    detail::put_transposed(room.slopes.data(), first, count, dq);
    multiply_nn<Scalar>({room.da.data(), keys, count, panel},
                        head.q.part(first, count, 0, head.q.cols), dk.part(0, keys, 0, dk.cols),
                        mode);
  }
}

}  // namespace kernels
}  // namespace spat
