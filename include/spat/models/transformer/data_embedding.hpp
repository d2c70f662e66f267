// models. Embedding of each step of a series as one token, with its time marks and position.
#pragma once

#include <spat/models/transformer/token_embedding.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/positions.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, t) = Drop(TokenEmbedding(x)(b, t) + W_m marks(b, t) + pe(t)), with W_m without bias
/// (Informer, Zhou et al., 2021).
///
/// Shapes:  x [samples * N x C]   marks [samples * N x M]   y [samples * N x D]   W_m [D x M].
template <std::floating_point Scalar, std::size_t Channels = dynamic, std::size_t Marks = dynamic,
          std::size_t Width = dynamic>
class DataEmbedding {
 public:
  using Value = Scalar;
  using Tokens = TokenEmbedding<Scalar, Channels, Width>;
  using MarkMap = Linear<Scalar, Marks, Width, Bias::none>;
  using Positions = SinusoidalPositions<Scalar, Width>;

  DataEmbedding(std::size_t channels, std::size_t marks, std::size_t tokens, std::size_t width)
      : value_embedding(channels, width), temporal_embedding(marks, width),
        positions(tokens, width) {}

  Tokens value_embedding;
  MarkMap temporal_embedding;
  Positions positions;
  Dropout<Scalar> dropout;

  struct Cache {
    typename Tokens::Cache value_embedding;
    typename MarkMap::Cache temporal_embedding;
    typename Dropout<Scalar>::Cache dropout;

    /// Inference may skip the first `skip` tokens of each sample. Then x has all N rows, marks and
    /// y have N - skip.
    void lay_out(Arena& arena, const DataEmbedding& layer, std::size_t samples, std::size_t tokens,
                 std::size_t skip = 0) {
      const std::size_t count = tokens - skip;
      temporal_embedding.lay_out(arena, layer.temporal_embedding, samples * count,
                                 MarkMap::Dx::none);
      dropout.lay_out(arena, layer.dropout, samples * count, layer.temporal_embedding.outputs(),
                      count);
      arena.temporarily(
          [&] { value_embedding.lay_out(arena, layer.value_embedding, samples, tokens, skip); });
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar> x,
                                    Rows<const Scalar> marks, Cache& cache) const {
    const auto values = value_embedding.forward(pass, x, cache.value_embedding);
    const auto y = cache.temporal_embedding.y;
    const auto place = positions.follow(y, cache.value_embedding.skipped);
    const auto finish = [&](std::size_t row, std::size_t rows, std::size_t column,
                            std::size_t cols) {
      for (std::size_t r = row; r < row + rows; ++r) {
        const std::span<Scalar> part{y.row(r) + column, cols};
        kernels::add<Scalar>(part, {values.row(r) + column, cols}, part);
      }
      place(row, rows, column, cols);
    };
    return dropout.forward(
        pass, temporal_embedding.forward(pass, marks, cache.temporal_embedding, finish),
        cache.dropout);
  }

  /// Returns dx, the gradient of the series. Marks have no gradient.
  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                    Cache& cache) const {
    const auto d = dropout.backward_input(pass, dy, cache.dropout);
    temporal_embedding.skip_input(d, cache.temporal_embedding);
    return value_embedding.backward_input(pass, d, cache.value_embedding);
  }
  /// Replaces backward_input if dx is not needed.
  void skip_input(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    const auto d = dropout.backward_input(pass, dy, cache.dropout);
    temporal_embedding.skip_input(d, cache.temporal_embedding);
    value_embedding.skip_input(d, cache.value_embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, DataEmbedding& gradients,
                        Share& share) const {
    value_embedding.backward_weights(pass, caches.of(&Cache::value_embedding),
                                     gradients.value_embedding, share);
    temporal_embedding.backward_weights(pass, caches.of(&Cache::temporal_embedding),
                                        gradients.temporal_embedding, share);
  }

  /// Multiply-adds for `tokens` steps.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return value_embedding.multiply_adds(tokens) + temporal_embedding.multiply_adds(tokens);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Tokens::for_each(self.value_embedding, name + "value_embedding.", list);
    Positions::for_each(self.positions, name + "position_embedding.", list);
    MarkMap::for_each(self.temporal_embedding, name + "temporal_embedding.embed.", list);
  }
};

}  // namespace spat
