// nn. Affine map of each row.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/reduce.hpp>

namespace spat::inline SPAT_ABI {

enum class Bias { none, learned };

/// y = x W^T + b.
///
/// Shapes, with R rows:  x, dx [R x In]   y, dy [R x Out]   W [Out x In], as PyTorch stores it   b [Out].
/// dW = dy^T x,  db = sum_r dy_r,  dx = dy W.
template <std::floating_point Scalar, std::size_t In = dynamic, std::size_t Out = dynamic,
          Bias has_bias = Bias::learned>
class Linear {
 public:
  using Value = Scalar;
  static constexpr bool biased = has_bias == Bias::learned;

  Linear(std::size_t in, std::size_t out) : weight(out, in), bias(1, biased ? out : 0) {}

  Tensor<Scalar, Out, In> weight;
  Tensor<Scalar, 1, dynamic> bias;

  [[nodiscard]] std::size_t inputs() const { return weight.cols(); }
  [[nodiscard]] std::size_t outputs() const { return weight.rows(); }

  struct Cache {
    Batch<const Scalar, In> x;    // the caller's
    Batch<const Scalar, Out> dy;  // the caller's
    Batch<Scalar, Out> y;
    Batch<Scalar, In> dx;

    void lay_out(Arena& arena, const Linear& layer, std::size_t rows) {
      arena.take(y, rows, layer.outputs());
      if (arena.training()) arena.take(dx, rows, layer.inputs());
    }
  };

  Batch<const Scalar, Out> forward(const Run& run, Batch<const Scalar, In> x, Cache& cache) const {
    assert(!packed_.empty() && "pack() after changing weights");
    constexpr std::size_t panel = kernels::panel_width<Scalar>;
    const auto y = cache.y.middle_rows(0, x.rows());
    cache.x = x;
    run.for_shares(divide_up(outputs(), panel), x.size() * outputs(), [&](std::size_t first, std::size_t last) {
      kernels::multiply_packed<Scalar>(x, packed_, y, biased ? bias.data() : nullptr, first * panel,
                                       std::min(last * panel, outputs()));
    });
    return y;
  }

  Batch<const Scalar, In> backward_input(const Run& run, Batch<const Scalar, Out> dy, Cache& cache) const {
    constexpr std::size_t panel = kernels::panel_width<Scalar>;
    const kernels::Strided<const Scalar> w = weight.view();
    const kernels::Strided<Scalar> dx = cache.dx.middle_rows(0, dy.rows());
    run.for_shares(divide_up(inputs(), panel), dy.size() * inputs(), [&](std::size_t first, std::size_t last) {
      const std::size_t left = first * panel, cols = std::min(last * panel, inputs()) - left;
      kernels::multiply_nn<Scalar>(dy, w.part(0, w.rows, left, cols), dx.part(0, dx.rows, left, cols));
    });
    skip_input(dy, cache);
    return cache.dx.middle_rows(0, dy.rows());
  }

  /// In place of backward_input where nobody asks for dx: the first layer of a model.
  void skip_input(Batch<const Scalar, Out> dy, Cache& cache) const { cache.dy = dy; }

  void backward_weights(const Run& /*run*/, Cache& cache, Linear& gradients, Share& share) const {
    constexpr std::size_t tile =
        64;  // outputs a task; a constant, so that tasks do not depend on the number of workers
    const kernels::Strided<const Scalar> x = cache.x, dy = cache.dy;
    const kernels::Strided<Scalar> dw = gradients.weight.view();
    for (std::size_t first = 0; first < outputs(); first += tile) {
      if (!share.takes()) continue;
      const std::size_t count = std::min(tile, outputs() - first);
      kernels::multiply_tn<Scalar>(dy.part(0, dy.rows, first, count), x, dw.part(first, count, 0, inputs()),
                                   kernels::Store::add);
      if constexpr (biased) kernels::add_rows<Scalar>(dy.part(0, dy.rows, first, count), gradients.bias.data() + first);
    }
  }

  void pack() { packed_.pack(weight.view()); }

  /// Of one forward over `rows` rows.
  [[nodiscard]] std::size_t multiply_adds(std::size_t rows) const { return rows * inputs() * outputs(); }

  /// `dimensions` of the weight's file shape: 2, or 3 for a convolution of width one.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list, std::size_t dimensions = 2) {
    std::vector<std::size_t> shape{self.weight.rows(), self.weight.cols()};
    shape.resize(dimensions, 1);
    list.add(name + "weight", self.weight, shape);
    if constexpr (biased) list.add(name + "bias", self.bias);
  }

 private:
  kernels::PackedWeight<Scalar> packed_;
};

}  // namespace spat
