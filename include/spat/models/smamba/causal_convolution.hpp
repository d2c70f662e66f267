// models. The short causal convolution of a sequence, per channel.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/causal_convolution.hpp>
#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/reduce.hpp>

namespace spat::inline SPAT_ABI {

/// Convolution of each channel over the tokens that exist:
///
///     y(b, t, i) = bias_i + sum_j W_ij x(b, t - (k - 1) + j, i),  j = 0 .. k - 1
///
/// Shapes, where x may be columns of a wider matrix:
///
///     x, y [samples * N x I]   W [I x k], in files [I, 1, k]   bias [I]
///
/// `reversed`: a sequence is processed from its last row to its first.
template <std::floating_point Scalar, std::size_t Channels = dynamic>
class CausalConvolution {
 public:
  using Value = Scalar;

  CausalConvolution(std::size_t channels, std::size_t kernel)
      : weight(channels, kernel), bias(1, channels) {}

  Tensor<Scalar, Channels, dynamic> weight;
  Tensor<Scalar, 1, Channels> bias;
  bool reversed = false;

  struct Cache {
    kernels::Strided<const Scalar> x, dy;  // the caller's
    Rows<Scalar, Channels> y, w;           // w: W^T
    std::size_t tokens = 0;

    void lay_out(Arena& arena, const CausalConvolution& layer, std::size_t samples,
                 std::size_t token_count) {
      tokens = token_count;
      arena.take(y, samples * tokens, layer.weight.rows());
      arena.take(w, layer.weight.cols(), layer.weight.rows());
    }
  };

  Rows<const Scalar, Channels> forward(const Pass& pass, kernels::Strided<const Scalar> x,
                                       Cache& cache) const {
    cache.x = x;
    kernels::transpose(weight.data(), weight.rows(), weight.cols(), cache.w.data());
    for_each_sample(pass, x, cache, [&](std::size_t first) {
      kernels::causal_convolution<Scalar>(rows_of(x, first, cache), cache.w, bias.data(), reversed,
                                          cache.y.middle_rows(first, cache.tokens));
    });
    return cache.y.middle_rows(0, x.rows);
  }

  /// Writes dx to the given matrix.
  void backward_input(const Pass& pass, Rows<const Scalar, Channels> dy, Cache& cache,
                      kernels::Strided<Scalar> dx) const {
    cache.dy = dy;
    for_each_sample(pass, cache.dy, cache, [&](std::size_t first) {
      kernels::causal_convolution_backward<Scalar>(rows_of(cache.dy, first, cache), cache.w,
                                                   reversed, rows_of(dx, first, cache));
    });
  }

  void backward_weights(const Pass& /*pass*/, Caches<Cache> caches, CausalConvolution& gradients,
                        Share& share) const {
    if (!share.takes()) return;
    for (const Cache& cache : caches) {
      for (std::size_t first = 0; first < cache.dy.rows; first += cache.tokens)
        kernels::causal_convolution_weights<Scalar>(rows_of(cache.x, first, cache),
                                                    rows_of(cache.dy, first, cache), reversed,
                                                    gradients.weight.view());
      kernels::add_rows<Scalar>(cache.dy, gradients.bias.data());
    }
  }

  /// Multiply-adds per sample.
  [[nodiscard]] std::size_t multiply_adds(std::size_t tokens) const {
    return tokens * weight.flat().size();
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list) {
    list.add(name + "weight", self.weight, {.shape = {self.weight.rows(), 1, self.weight.cols()}});
    list.add(name + "bias", self.bias);
  }

 private:
  template <class T>
  static kernels::Strided<T> rows_of(kernels::Strided<T> x, std::size_t first, const Cache& cache) {
    return x.part(first, cache.tokens, 0, x.cols);
  }
  template <class Visit>
  void for_each_sample(const Pass& pass, kernels::Strided<const Scalar> x, const Cache& cache,
                       Visit&& visit) const {
    pass.for_shares(x.rows / cache.tokens, x.rows * weight.flat().size(),
                    [&](std::size_t first, std::size_t last) {
                      for (std::size_t s = first; s < last; ++s) visit(s * cache.tokens);
                    });
  }
};

}  // namespace spat
