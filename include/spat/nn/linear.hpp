// nn. An affine map of each row.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/gemm.hpp>
#include <spat/kernels/reduce.hpp>

namespace spat::inline SPAT_ABI {

/// Whether a linear map has a bias.
enum class Bias { none, learned };

/// y = x W^T + b.
///
/// Shapes, with R rows:  x, dx [R x In]   y, dy [R x Out]   W [Out x In], as PyTorch stores it
/// b [Out].
/// dW = dy^T x,  db = sum_r dy_r,  dx = dy W.
///
/// Products read the weight's packed form while there is one (see Packing), else the weight itself,
/// which gives the same bytes more slowly. forward and backward_input take a `finish(row, rows,
/// column, cols)`: an elementwise operation on each tile of y or dx while it is still in the
/// first-level cache.
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

  /// Where dx lies: in the cache's own memory, or nowhere (skip_input, or add_input_gradient into
  /// another layer's memory).
  enum class Dx { own, none };

  struct Cache {
    Rows<const Scalar, In> x;    // the caller's
    Rows<const Scalar, Out> dy;  // the caller's
    Rows<Scalar, Out> y;
    Rows<Scalar, In> dx;

    void lay_out(Arena& arena, const Linear& layer, std::size_t rows, Dx whose = Dx::own) {
      arena.take(y, rows, layer.outputs());
      if (arena.training() && whose == Dx::own) arena.take(dx, rows, layer.inputs());
    }
  };

  template <class Finish = kernels::NoFinish>
  Rows<const Scalar, Out> forward(const Pass& pass, Rows<const Scalar, In> x, Cache& cache,
                                  const Finish& finish = {}) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    cache.x = x;
    const kernels::Strided<const Scalar> w = weight.view();
    over_tiles(pass, x.rows(), outputs(), inputs(),
               [&](std::size_t top, std::size_t rows, std::size_t first, std::size_t last) {
                 const kernels::Strided<const Scalar> from = x.middle_rows(top, rows);
                 const kernels::Strided<Scalar> to = y.middle_rows(top, rows);
                 if (packed_.in_force())
                   return kernels::multiply_panels<In, Scalar>(
                       from, packed_.forward, to, kernels::Store::overwrite,
                       biased ? bias.data() : nullptr, first, last, below(top, finish));
                 const auto part = to.part(0, rows, first, last - first);
                 kernels::multiply_nt<Scalar>(from, w.part(first, last - first, 0, inputs()), part);
                 if constexpr (biased) kernels::add_to_rows<Scalar>(bias.data() + first, part);
                 finish(top, rows, first, last - first);
               });
    return y;
  }

  template <class Finish = kernels::NoFinish>
  Rows<const Scalar, In> backward_input(const Pass& pass, Rows<const Scalar, Out> dy, Cache& cache,
                                        const Finish& finish = {}) const {
    const auto dx = cache.dx.middle_rows(0, dy.rows());
    input_gradient(pass, dy, cache, dx, kernels::Store::overwrite, finish);
    return dx;
  }

  /// dx += dy W, for an x that several layers read.
  void add_input_gradient(const Pass& pass, Rows<const Scalar, Out> dy, Cache& cache,
                          Rows<Scalar, In> dx) const {
    input_gradient(pass, dy, cache, dx, kernels::Store::add, kernels::NoFinish{});
  }

  /// Replaces backward_input if dx is not needed: the first layer of a model.
  void skip_input(Rows<const Scalar, Out> dy, Cache& cache) const { cache.dy = dy; }

  void backward_weights(const Pass& /*pass*/, Caches<Cache> caches, Linear& gradients,
                        Share& share) const {
    // Outputs per task: a constant, so that tasks do not depend on the workers.
    constexpr std::size_t tile = 128;
    const kernels::Strided<Scalar> dw = gradients.weight.view();
    for (std::size_t first = 0; first < outputs(); first += tile) {
      if (!share.takes()) continue;
      const std::size_t count = std::min(tile, outputs() - first);
      for (const Cache& cache : caches) {
        const kernels::Strided<const Scalar> x = cache.x, dy = cache.dy;
        const auto part = dy.part(0, dy.rows, first, count);
        kernels::multiply_tn<Scalar>(part, x, dw.part(first, count, 0, inputs()),
                                     kernels::Store::add);
        if constexpr (biased) kernels::add_rows<Scalar>(part, gradients.bias.data() + first);
      }
    }
  }

  /// Multiply-adds of one forward over `rows` rows.
  [[nodiscard]] std::size_t multiply_adds(std::size_t rows) const {
    return rows * inputs() * outputs();
  }

  /// Lists weight and bias. `dimensions` is that of the weight's file shape: 2, or 3 for a
  /// convolution of width one. The last two say how weight and bias are initialized.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list, std::size_t dimensions = 2,
                       Initial initial = {}, Initial bias_initial = {}) {
    std::vector<std::size_t> shape{self.weight.rows(), self.weight.cols()};
    shape.resize(dimensions, 1);
    for_each(self, name, list, std::move(shape), initial, bias_initial);
  }
  /// As above, with the `shape` of the weight as the reference has it.
  template <class Self, class List>
  static void for_each(Self& self, const std::string& name, List& list,
                       std::vector<std::size_t> shape, Initial initial = {},
                       Initial bias_initial = {}) {
    if constexpr (std::is_const_v<Self>)
      list.add(name + "weight", self.weight, {.shape = std::move(shape), .initial = initial});
    else
      list.add(name + "weight", self.weight,
               {.shape = std::move(shape),
                .packed = &self.packed_,
                .release = [&weight = self.weight] { weight.release(); },
                .initial = initial});
    if constexpr (biased) list.add(name + "bias", self.bias, {.initial = bias_initial});
  }

 private:
  /// Calls work(top, rows, first, last) over a product [rows x cols]. Workers take columns in whole
  /// panels, or rows if the number of panels is not a multiple of the workers. Both give the same
  /// bits.
  template <class Work>
  static void over_tiles(const Pass& pass, std::size_t rows, std::size_t cols, std::size_t depth,
                         Work&& work) {
    constexpr std::size_t panel = kernels::panel_width<Scalar>, tile = kernels::tile_rows;
    const std::size_t panels = divide_up(cols, panel), workers = pass.team ? pass.team->size() : 1;
    if (panels % workers != 0 && rows >= workers * tile)
      pass.for_shares(
          divide_up(rows, tile), rows * cols * depth, [&](std::size_t first, std::size_t last) {
            work(first * tile, std::min(last * tile, rows) - first * tile, std::size_t{0}, cols);
          });
    else
      pass.for_shares(panels, rows * cols * depth, [&](std::size_t first, std::size_t last) {
        work(std::size_t{0}, rows, first * panel, std::min(last * panel, cols));
      });
  }

  /// `finish` for rows that are numbered from `top` on.
  template <class Finish>
  static auto below(std::size_t top, const Finish& finish) {
    return [top, &finish](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
      finish(top + row, rows, column, cols);
    };
  }

  template <class Finish>
  void input_gradient(const Pass& pass, Rows<const Scalar, Out> dy, Cache& cache,
                      Rows<Scalar, In> dx, kernels::Store mode, const Finish& finish) const {
    const kernels::Strided<const Scalar> w = weight.view();
    over_tiles(pass, dy.rows(), inputs(), outputs(),
               [&](std::size_t top, std::size_t rows, std::size_t first, std::size_t last) {
                 const kernels::Strided<const Scalar> from = dy.middle_rows(top, rows);
                 const kernels::Strided<Scalar> to = dx.middle_rows(top, rows);
                 if (packed_.in_force() && !packed_.backward.empty())
                   return kernels::multiply_panels<Out, Scalar>(
                       from, packed_.backward, to, mode, nullptr, first, last, below(top, finish));
                 kernels::multiply_nn<Scalar>(from, w.part(0, w.rows, first, last - first),
                                              to.part(0, rows, first, last - first), mode);
                 finish(top, rows, first, last - first);
               });
    skip_input(dy, cache);
  }

  kernels::PackedWeight<Scalar> packed_;
};

}  // namespace spat
