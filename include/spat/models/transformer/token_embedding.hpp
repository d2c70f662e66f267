// models. Embedding of each step of a series as one token: a circular convolution over time.
#pragma once

#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, t) = sum_k W_k x(b, (t + k - 1) mod N),  k = 0, 1, 2: a step and its neighbours,
/// without bias (Informer, Zhou et al., 2021).
///
/// Shapes:
///
///     x, dx [samples * N x C]   y [samples * N x D]
///     W [D x 3C], column 3c + k, which is [D, C, 3] in files
///
/// W starts from N(0, 2 / (3C)).
template <std::floating_point Scalar, std::size_t Channels = dynamic, std::size_t Width = dynamic>
class TokenEmbedding {
 public:
  using Value = Scalar;
  static constexpr std::size_t steps = 3;  // per token
  static constexpr std::size_t inputs = Channels == dynamic ? dynamic : steps * Channels;
  using Map = Linear<Scalar, inputs, Width, Bias::none>;

  TokenEmbedding(std::size_t channels, std::size_t width) : token_conv(steps * channels, width) {}

  Map token_conv;

  [[nodiscard]] std::size_t channels() const { return token_conv.inputs() / steps; }

  struct Cache {
    typename Map::Cache token_conv;
    Rows<Scalar, inputs> neighbours;  // the inputs of each token, in the order of W's columns
    Rows<Scalar> dx;
    std::size_t tokens = 0, skipped = 0;

    /// Inference may skip the first `skip` tokens of each sample. Then y has N - skip rows per
    /// sample, and all rows of x are read.
    void lay_out(Arena& arena, const TokenEmbedding& layer, std::size_t samples,
                 std::size_t token_count, std::size_t skip = 0) {
      assert(skip == 0 || !arena.training());
      tokens = token_count;
      skipped = skip;
      const std::size_t rows = samples * (tokens - skipped);
      token_conv.lay_out(arena, layer.token_conv, rows);
      arena.temporarily([&] { arena.take(neighbours, rows, layer.token_conv.inputs()); });
      if (arena.training()) arena.take(dx, samples * tokens, layer.channels());
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar> x, Cache& cache) const {
    const std::size_t n = cache.tokens, samples = x.rows() / n;
    std::size_t row = 0;
    for (std::size_t s = 0; s < samples; ++s)
      for (std::size_t t = cache.skipped; t < n; ++t, ++row)
        for (std::size_t k = 0; k < steps; ++k) {
          const Scalar* const step = x.row(s * n + (t + k + n - 1) % n);
          for (std::size_t c = 0; c < x.cols(); ++c)
            cache.neighbours.row(row)[steps * c + k] = step[c];
        }
    return token_conv.forward(pass, cache.neighbours.middle_rows(0, row), cache.token_conv);
  }

  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                    Cache& cache) const {
    const auto d = token_conv.backward_input(pass, dy, cache.token_conv);
    const std::size_t n = cache.tokens;
    for (std::size_t s = 0; s < d.rows() / n; ++s)
      for (std::size_t t = 0; t < n; ++t) {
        const Scalar *const after = d.row(s * n + (t + 1) % n), *const here = d.row(s * n + t),
                            *const before = d.row(s * n + (t + n - 1) % n);
        for (std::size_t c = 0; c < channels(); ++c)
          cache.dx.row(s * n + t)[c] =
              (after[steps * c] + here[steps * c + 1]) + before[steps * c + 2];
      }
    return cache.dx.middle_rows(0, d.rows());
  }
  /// Replaces backward_input if dx is not needed.
  void skip_input(Rows<const Scalar, Width> dy, Cache& cache) const {
    token_conv.skip_input(dy, cache.token_conv);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TokenEmbedding& gradients,
                        Share& share) const {
    token_conv.backward_weights(pass, caches.of(&Cache::token_conv), gradients.token_conv, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return token_conv.multiply_adds(tokens);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    const std::size_t in = self.token_conv.inputs();
    Map::for_each(self.token_conv, name + "tokenConv.", list,
                  {self.token_conv.outputs(), in / steps, steps},
                  Initial::normal(std::sqrt(2 / static_cast<double>(in))));
  }
};

}  // namespace spat
