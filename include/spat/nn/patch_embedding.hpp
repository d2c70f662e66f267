// nn. Embeds patches of each variate as tokens, with fixed positions.
#pragma once

#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>
#include <spat/nn/patches.hpp>
#include <spat/nn/positions.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, c, p) = Drop(W patch(b, c, p) + pe(p)), without bias (PatchTST in the
/// Time-Series-Library).
///
/// Shapes:  x [samples * L x C]   y [samples * C * P x D]   W [D x patch].
template <std::floating_point Scalar, std::size_t Patch = dynamic, std::size_t Width = dynamic>
class PatchEmbedding {
 public:
  using Value = Scalar;
  using Embedding = Linear<Scalar, Patch, Width, Bias::none>;

  PatchEmbedding(std::size_t lookback, std::size_t patch, std::size_t stride, std::size_t padding,
                 std::size_t width)
      : patches(lookback, patch, stride, padding), value_embedding(patch, width),
        positions(patches.count, width) {}

  Patches<Scalar, Patch> patches;
  Embedding value_embedding;
  SinusoidalPositions<Scalar, Width> positions;
  Dropout<Scalar> dropout;

  struct Cache {
    typename Patches<Scalar, Patch>::Cache patches;
    typename Embedding::Cache value_embedding;
    typename Dropout<Scalar>::Cache dropout;

    void lay_out(Arena& arena, const PatchEmbedding& layer, std::size_t samples,
                 std::size_t channels) {
      const std::size_t tokens = channels * layer.patches.count;
      value_embedding.lay_out(arena, layer.value_embedding, samples * tokens);
      dropout.lay_out(arena, layer.dropout, samples * tokens, layer.value_embedding.outputs(),
                      tokens);
      arena.temporarily([&] { patches.lay_out(arena, layer.patches, samples, channels); });
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar> x, Cache& cache) const {
    const auto y =
        value_embedding.forward(pass, patches.forward(pass, x, cache.patches),
                                cache.value_embedding, positions.follow(cache.value_embedding.y));
    return dropout.forward(pass, y, cache.dropout);
  }
  Rows<const Scalar> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                    Cache& cache) const {
    const auto d = dropout.backward_input(pass, dy, cache.dropout);
    return patches.backward_input(
        pass, value_embedding.backward_input(pass, d, cache.value_embedding), cache.patches);
  }
  /// Replaces backward_input if dx is not needed.
  void skip_input(const Pass& pass, Rows<const Scalar, Width> dy, Cache& cache) const {
    value_embedding.skip_input(dropout.backward_input(pass, dy, cache.dropout),
                               cache.value_embedding);
  }
  void backward_weights(const Pass& pass, Caches<Cache> caches, PatchEmbedding& gradients,
                        Share& share) const {
    value_embedding.backward_weights(pass, caches.of(&Cache::value_embedding),
                                     gradients.value_embedding, share);
  }

  /// Multiply-adds for the tokens of `channels` series.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return value_embedding.multiply_adds(channels * patches.count);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Embedding::for_each(self.value_embedding, name + "value_embedding.", list);
    SinusoidalPositions<Scalar, Width>::for_each(self.positions, name + "position_embedding.",
                                                 list);
  }
};

}  // namespace spat
