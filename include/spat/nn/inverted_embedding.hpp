// nn. Embeds the whole lookback window of each variate as one token.
#pragma once

#include <spat/nn/value_embedding.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, n) = Drop(W series(b, n) + b), with n over the C channels and then the M time marks
/// (iTransformer, Liu et al., 2024).
///
/// Shapes:  x [samples * L x C]   marks [samples * L x M] or empty   y [samples * (C + M) x D]
/// W [D x L], shared.
template <std::floating_point Scalar, std::size_t Lookback = dynamic, std::size_t Width = dynamic>
class InvertedEmbedding : public ValueEmbedding<Scalar, Lookback, Width> {
  using Base = ValueEmbedding<Scalar, Lookback, Width>;

 public:
  using Base::value_embedding, Base::dropout;

  InvertedEmbedding(std::size_t lookback, std::size_t width) : Base(lookback, width) {}

  struct Cache : Base::PartCaches {
    Rows<Scalar, Lookback> series;
    Rows<Scalar> dx;
    std::size_t channels = 0, tokens = 0;

    void lay_out(Arena& arena, const InvertedEmbedding& layer, std::size_t samples,
                 std::size_t channel_count, std::size_t mark_count) {
      channels = channel_count;
      tokens = channel_count + mark_count;
      const std::size_t rows = samples * tokens, lookback = layer.value_embedding.inputs();
      this->value_embedding.lay_out(arena, layer.value_embedding, rows);
      this->dropout.lay_out(arena, layer.dropout, rows, layer.value_embedding.outputs(), tokens);
      arena.temporarily([&] { arena.take(series, rows, lookback); });
      if (arena.training()) arena.take(dx, samples * lookback, channels);
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar> x,
                                    Rows<const Scalar> marks, Cache& cache) const {
    const std::size_t lookback = value_embedding.inputs(), channels = cache.channels;
    for (std::size_t s = 0; s < x.rows() / lookback; ++s) {
      kernels::transpose(x.row(s * lookback), lookback, channels,
                         cache.series.row(s * cache.tokens));
      if (cache.tokens > channels)
        kernels::transpose(marks.row(s * lookback), lookback, cache.tokens - channels,
                           cache.series.row(s * cache.tokens + channels));
    }
    return dropout.forward(pass, value_embedding.forward(pass, cache.series, cache.value_embedding),
                           cache.dropout);
  }

  /// dx with respect to the channels; marks have no gradient.
  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                    Cache& cache) const {
    const std::size_t lookback = value_embedding.inputs();
    const auto dseries = Base::backward_values(pass, dy, cache);
    for (std::size_t s = 0; s < dseries.rows() / cache.tokens; ++s)
      kernels::transpose(dseries.row(s * cache.tokens), cache.channels, lookback,
                         cache.dx.row(s * lookback));
    return cache.dx;
  }
};

}  // namespace spat
