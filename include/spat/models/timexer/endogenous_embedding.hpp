// models. Tokens of each variate: its patches, then a learned token that represents the whole
// variate.
#pragma once

#include <spat/nn/patch_embedding.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, c, p) = Drop(W patch(b, c, p) + pe(p)) for p < P,  token(b, c, P) = Drop(g(c))
/// (TimeXer, Wang et al., 2024). Patches do not overlap. The last rows of the lookback are left out
/// if they fill no patch.
///
/// Shapes, with P = floor(L / patch):
///
///     x [samples * L x C]   y [samples * C * (P+1) x D]
///     W [D x patch]         g [C x D], in files [1, C, 1, D], starts from N(0, 1)
template <std::floating_point Scalar, std::size_t Patch = dynamic, std::size_t Width = dynamic>
class EndogenousEmbedding {
 public:
  using Value = Scalar;

  EndogenousEmbedding(std::size_t lookback, std::size_t patch, std::size_t channels,
                      std::size_t width)
      : patches(lookback, patch, patch, 0, width), global_tokens(channels, width) {}

  PatchEmbedding<Scalar, Patch, Width> patches;  // its own dropout stays 0
  Tensor<Scalar, dynamic, Width> global_tokens;
  Dropout<Scalar> dropout;

  /// Tokens of one variate: P + 1.
  [[nodiscard]] std::size_t tokens() const { return patches.patches.count + 1; }

  struct Cache {
    typename PatchEmbedding<Scalar, Patch, Width>::Cache patches;
    typename Dropout<Scalar>::Cache dropout;
    Rows<Scalar, Width> y, dpatches;
    Rows<const Scalar, Width> dy;  // before the dropout

    void lay_out(Arena& arena, const EndogenousEmbedding& layer, std::size_t samples) {
      const std::size_t channels = layer.global_tokens.rows(), width = layer.global_tokens.cols(),
                        rows = samples * channels * layer.tokens();
      arena.take(y, rows, width);
      dropout.lay_out(arena, layer.dropout, rows, width, channels * layer.tokens());
      arena.temporarily([&] { patches.lay_out(arena, layer.patches, samples, channels); });
      if (arena.training()) arena.take(dpatches, rows - samples * channels, width);
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar> x, Cache& cache) const {
    const Rows<const Scalar, Width> embedded = patches.forward(pass, x, cache.patches);
    const std::size_t channels = global_tokens.rows(), width = global_tokens.cols(),
                      p = tokens() - 1;
    for (std::size_t series = 0; series < embedded.rows() / p; ++series) {
      Scalar* const last =
          std::copy_n(embedded.row(series * p), p * width, cache.y.row(series * tokens()));
      std::copy_n(global_tokens.view().row(series % channels), width, last);
    }
    return dropout.forward(pass, cache.y, cache.dropout);
  }

  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                    Cache& cache) const {
    return patches.backward_input(pass, of_patches(pass, dy, cache), cache.patches);
  }
  /// Replaces backward_input if dx is not needed.
  void skip_input(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    patches.skip_input(pass, of_patches(pass, dy, cache), cache.patches);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, EndogenousEmbedding& gradients,
                        Share& share) const {
    patches.backward_weights(pass, caches.of(&Cache::patches), gradients.patches, share);
    if (!share.takes()) return;
    const std::size_t channels = global_tokens.rows(), width = global_tokens.cols();
    for (const Cache& cache : caches)
      for (std::size_t series = 0; series < cache.dy.rows() / tokens(); ++series) {
        const std::span<Scalar> sum{gradients.global_tokens.view().row(series % channels), width};
        kernels::add<Scalar>(sum, {cache.dy.row(series * tokens() + tokens() - 1), width}, sum);
      }
  }

  /// Multiply-adds per sample.
  [[nodiscard]] std::size_t multiply_adds() const {
    return patches.multiply_adds(global_tokens.rows());
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    PatchEmbedding<Scalar, Patch, Width>::for_each(self.patches, name, list);
    list.add(name + "glb_token", self.global_tokens,
             {.shape = {1, self.global_tokens.rows(), 1, self.global_tokens.cols()},
              .initial = Initial::normal(1)});
  }

 private:
  /// The rows of dy that belong to patches, with the dropout's backward applied.
  Rows<const Scalar, Width> of_patches(const Pass& pass, Rows<const Scalar, Width> dy,
                                       Cache& cache) const {
    cache.dy = dropout.backward_input(pass, dy, cache.dropout);
    const std::size_t width = global_tokens.cols(), p = tokens() - 1,
                      series_count = dy.rows() / tokens();
    for (std::size_t series = 0; series < series_count; ++series)
      std::copy_n(cache.dy.row(series * tokens()), p * width, cache.dpatches.row(series * p));
    return cache.dpatches.middle_rows(0, series_count * p);
  }
};

}  // namespace spat
