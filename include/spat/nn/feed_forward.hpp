// nn. The two-layer perceptron of a transformer block.
#pragma once

#include <spat/nn/activation.hpp>
#include <spat/nn/dropout.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// The names of the two maps of a FeedForward in files, and the number of dimensions of their
/// weights there.
struct FeedForwardNames {
  const char* first = "conv1.";
  const char* second = "conv2.";
  std::size_t dimensions = 3;
};

/// Two-layer perceptron y = Drop(activation(x W_1^T + b_1)) W_2^T + b_2, by default with GELU
/// (Vaswani et al., 2017).
///
/// Shapes, with R rows:  x, y [R x D]   W_1 [F x D]   W_2 [D x F].
///
/// In files the weights are convolutions of width one, unless FeedForwardNames specifies otherwise:
///
///     conv1.weight [F, D, 1]   conv2.weight [D, F, 1]
template <std::floating_point Scalar, std::size_t Width = dynamic, std::size_t FfnWidth = dynamic,
          class ActivationType = Gelu<Scalar, FfnWidth>>
class FeedForward {
 public:
  using Value = Scalar;

  FeedForward(std::size_t width, std::size_t ffn_width)
      : conv1(width, ffn_width), conv2(ffn_width, width) {}

  Linear<Scalar, Width, FfnWidth> conv1;
  [[no_unique_address]] ActivationType activation;
  Dropout<Scalar> dropout;
  Linear<Scalar, FfnWidth, Width> conv2;

  struct Cache {
    typename Linear<Scalar, Width, FfnWidth>::Cache conv1;
    typename ActivationType::Cache activation;
    typename Dropout<Scalar>::Cache dropout;
    typename Linear<Scalar, FfnWidth, Width>::Cache conv2;

    void lay_out(Arena& arena, const FeedForward& layer, std::size_t rows,
                 std::size_t sample_rows) {
      conv2.lay_out(arena, layer.conv2, rows);
      arena.temporarily([&] {
        conv1.lay_out(arena, layer.conv1, rows);
        activation.lay_out(arena, rows, layer.conv1.outputs(), layer.dropout.rate > 0);
        dropout.lay_out(arena, layer.dropout, rows, layer.conv1.outputs(), sample_rows);
      });
    }
  };

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    conv1.forward(pass, x, cache.conv1, activation.follow(cache.conv1.y, cache.activation));
    const Rows<const Scalar, FfnWidth> hidden = cache.activation.y.middle_rows(0, x.rows());
    return conv2.forward(pass, dropout.forward(pass, hidden, cache.dropout), cache.conv2);
  }

  /// Adds `direct` [R x D], the gradient of the path around this layer, to dx if it is given.
  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache,
                                           Rows<const Scalar, Width> direct = {}) const {
    Rows<const Scalar, FfnWidth> dhidden;
    if (dropout.drops(pass)) {
      dhidden =
          dropout.backward_input(pass, conv2.backward_input(pass, dy, cache.conv2), cache.dropout);
      dhidden = activation.backward_input(pass, dhidden, cache.activation);
    } else {
      dhidden = conv2.backward_input(pass, dy, cache.conv2,
                                     activation.follow_backward(cache.conv2.dx, cache.activation));
    }
    if (!direct.data()) return conv1.backward_input(pass, dhidden, cache.conv1);
    const auto add = [&](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
      for (std::size_t r = row; r < row + rows; ++r) {
        const std::span<Scalar> dx{cache.conv1.dx.row(r) + column, cols};
        kernels::add<Scalar>(dx, {direct.row(r) + column, cols}, dx);
      }
    };
    return conv1.backward_input(pass, dhidden, cache.conv1, add);
  }
  /// The result of backward_input, for a caller that changes it in place. backward_weights does not
  /// read it.
  [[nodiscard]] static Rows<Scalar, Width> writable_input_gradient(Cache& cache) {
    return cache.conv1.dx;
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, FeedForward& gradients,
                        Share& share) const {
    conv1.backward_weights(pass, caches.of(&Cache::conv1), gradients.conv1, share);
    conv2.backward_weights(pass, caches.of(&Cache::conv2), gradients.conv2, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t rows) const {
    return conv1.multiply_adds(rows) + conv2.multiply_adds(rows);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       const FeedForwardNames& names = {}) {
    using Conv1 = Linear<Scalar, Width, FfnWidth>;
    using Conv2 = Linear<Scalar, FfnWidth, Width>;
    Conv1::for_each(self.conv1, name + names.first, list, names.dimensions);
    Conv2::for_each(self.conv2, name + names.second, list, names.dimensions);
  }
};

}  // namespace spat
