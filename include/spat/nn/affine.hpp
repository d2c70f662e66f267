// nn. The learned scale and shift of a normalization.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/reduce.hpp>

namespace spat::inline SPAT_ABI {

/// Scales and shifts normalized features:  y = gain n + bias.
///
/// Shapes:  n, y [R x D]   gain, bias [D].
///
/// The base of the normalizations, which compute n and y in one pass.
template <std::floating_point Scalar, std::size_t Width>
class Affine {
 public:
  using Value = Scalar;

  explicit Affine(std::size_t width) : gain(1, width), bias(1, width) {
    std::ranges::fill(gain.flat(), Scalar(1));
  }

  Tensor<Scalar, 1, Width> gain, bias;

  /// The rows of a normalization, whose Cache derives from it.
  struct RowCache {
    Rows<Scalar, Width> y, normalized, dx;
    Rows<const Scalar, Width> dy;  // the caller's

    void lay_out_rows(Arena& arena, const Affine& layer, std::size_t rows) {
      normalized = {};
      arena.take(y, rows, layer.gain.cols());
      if (!arena.training()) return;
      arena.take(normalized, rows, layer.gain.cols());
      arena.take(dx, rows, layer.gain.cols());
    }
  };

  void backward_weights(const Pass& /*pass*/, Caches<RowCache> caches, Affine& gradients,
                        Share& share) const {
    if (!share.takes()) return;
    for (const RowCache& cache : caches) {
      kernels::add_products<Scalar>(cache.dy, cache.normalized.middle_rows(0, cache.dy.rows()),
                                    gradients.gain.data());
      kernels::add_rows<Scalar>(cache.dy, gradients.bias.data());
    }
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    list.add(name + "weight", self.gain);
    list.add(name + "bias", self.bias);
  }
};

}  // namespace spat
