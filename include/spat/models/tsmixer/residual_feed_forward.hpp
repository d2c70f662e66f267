// models. A perceptron beside what it is added to.
#pragma once

#include <spat/nn/feed_forward.hpp>
#include <spat/nn/relu.hpp>

namespace spat::inline SPAT_ABI {

/// y = x + Drop(ReLU(x W_1^T + b_1) W_2^T + b_2)  (TSMixer, Chen et al., 2023, without its
/// normalization).
///
/// Shapes, with R rows:  x, y [R x D]   W_1 [F x D]
/// W_2 [D x F].  In files the maps are 0 and 2 of a sequence.
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t FfnWidth = dynamic>
class ResidualFeedForward {
 public:
  using Value = Scalar;
  using Perceptron = FeedForward<Scalar, Width, FfnWidth, Relu<Scalar, FfnWidth>>;

  ResidualFeedForward(std::size_t width, std::size_t ffn_width) : ffn(width, ffn_width) {}

  Perceptron ffn;
  Dropout<Scalar> dropout;

  struct Cache {
    typename Perceptron::Cache ffn;
    typename Dropout<Scalar>::Cache dropout;
    Rows<Scalar, Width> y;

    void lay_out(Arena& arena, const ResidualFeedForward& layer, std::size_t rows,
                 std::size_t sample_rows) {
      const std::size_t width = layer.ffn.conv1.inputs();
      arena.take(y, rows, width);
      arena.temporarily([&] {
        ffn.lay_out(arena, layer.ffn, rows, sample_rows);
        dropout.lay_out(arena, layer.dropout, rows, width, sample_rows);
      });
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const Rows<const Scalar> branch =
        dropout.forward(pass, ffn.forward(pass, x, cache.ffn), cache.dropout);
    const auto y = cache.y.middle_rows(0, x.rows());
    kernels::add<Scalar>(x.flat(), branch.flat(), y.flat());
    return y;
  }
  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    return ffn.backward_input(pass, dropout.backward_input(pass, dy, cache.dropout), cache.ffn, dy);
  }
  void backward_weights(const Pass& pass, Caches<Cache> caches, ResidualFeedForward& gradients,
                        Share& share) const {
    ffn.backward_weights(pass, caches.of(&Cache::ffn), gradients.ffn, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t rows) const {
    return ffn.multiply_adds(rows);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    decltype(self.ffn.conv1)::for_each(self.ffn.conv1, name + "0.", list);
    decltype(self.ffn.conv2)::for_each(self.ffn.conv2, name + "2.", list);
  }
};

}  // namespace spat
