// nn. Embeds the whole lookback window of each variate as one token.
#pragma once

#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, n) = Drop(W series(b, n) + b), with n over the C channels and then the M time marks
/// (iTransformer, Liu et al., 2024).
///
/// Shapes:  x [samples * L x C]   marks [samples * L x M] or empty   y [samples * (C + M) x D]
/// W [D x L], shared.
template <std::floating_point Scalar, std::size_t Lookback = dynamic, std::size_t Width = dynamic>
class InvertedEmbedding {
 public:
  using Value = Scalar;
  using Embedding = Linear<Scalar, Lookback, Width>;

  InvertedEmbedding(std::size_t lookback, std::size_t width) : value_embedding(lookback, width) {}

  Embedding value_embedding;
  Dropout<Scalar> dropout;

  struct Cache {
    typename Embedding::Cache value_embedding;
    typename Dropout<Scalar>::Cache dropout;
    Rows<Scalar, Lookback> series;
    Rows<Scalar> dx;
    std::size_t channels = 0, tokens = 0;

    void lay_out(Arena& arena, const InvertedEmbedding& layer, std::size_t samples,
                 std::size_t channel_count, std::size_t mark_count) {
      channels = channel_count;
      tokens = channel_count + mark_count;
      const std::size_t rows = samples * tokens, lookback = layer.value_embedding.inputs();
      value_embedding.lay_out(arena, layer.value_embedding, rows);
      dropout.lay_out(arena, layer.dropout, rows, layer.value_embedding.outputs(), tokens);
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
    const auto dseries = value_embedding.backward_input(
        pass, dropout.backward_input(pass, dy, cache.dropout), cache.value_embedding);
    for (std::size_t s = 0; s < dseries.rows() / cache.tokens; ++s)
      kernels::transpose(dseries.row(s * cache.tokens), cache.channels, lookback,
                         cache.dx.row(s * lookback));
    return cache.dx;
  }

  /// Replaces backward_input if dx is not needed.
  void skip_input(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    value_embedding.skip_input(dropout.backward_input(pass, dy, cache.dropout),
                               cache.value_embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, InvertedEmbedding& gradients,
                        Share& share) const {
    value_embedding.backward_weights(pass, caches.of(&Cache::value_embedding),
                                     gradients.value_embedding, share);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Embedding::for_each(self.value_embedding, name + "value_embedding.", list);
  }
};

}  // namespace spat
