// nn. Embeds patches of each variate as tokens, with fixed positions.
#pragma once

#include <spat/nn/patches.hpp>
#include <spat/nn/positions.hpp>
#include <spat/nn/value_embedding.hpp>

namespace spat::inline SPAT_ABI {

/// token(b, c, p) = Drop(W patch(b, c, p) + pe(p)), without bias (PatchTST in the
/// Time-Series-Library).
///
/// Shapes:  x [samples * L x C]   y [samples * C * P x D]   W [D x patch].
template <std::floating_point Scalar, std::size_t Patch = dynamic, std::size_t Width = dynamic>
class PatchEmbedding : public ValueEmbedding<Scalar, Patch, Width, Bias::none> {
  using Base = ValueEmbedding<Scalar, Patch, Width, Bias::none>;

 public:
  using Base::value_embedding, Base::dropout;

  PatchEmbedding(std::size_t lookback, std::size_t patch, std::size_t stride, std::size_t padding,
                 std::size_t width)
      : Base(patch, width), patches(lookback, patch, stride, padding),
        positions(patches.count, width) {}

  Patches<Scalar, Patch> patches;
  SinusoidalPositions<Scalar, Width> positions;

  struct Cache : Base::PartCaches {
    typename Patches<Scalar, Patch>::Cache patches;

    void lay_out(Arena& arena, const PatchEmbedding& layer, std::size_t samples,
                 std::size_t channels) {
      const std::size_t tokens = channels * layer.patches.count;
      this->value_embedding.lay_out(arena, layer.value_embedding, samples * tokens);
      this->dropout.lay_out(arena, layer.dropout, samples * tokens, layer.value_embedding.outputs(),
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
    return patches.backward_input(pass, Base::backward_values(pass, dy, cache), cache.patches);
  }

  /// Multiply-adds for the tokens of `channels` series.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return value_embedding.multiply_adds(channels * patches.count);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    Base::for_each(self, name, list);
    SinusoidalPositions<Scalar, Width>::for_each(self.positions, name + "position_embedding.",
                                                 list);
  }
};

}  // namespace spat
