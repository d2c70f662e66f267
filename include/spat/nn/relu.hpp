// nn. The rectified linear unit.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/elementwise.hpp>

namespace spat::inline SPAT_ABI {

/// y = max(x, 0).  x, y [R x F].
template <std::floating_point Scalar, std::size_t Width = dynamic>
class Relu {
 public:
  using Value = Scalar;

  struct Cache {
    Rows<const Scalar, Width> x;  // the caller's
    Rows<Scalar, Width> y, dx;

    void lay_out(Arena& arena, std::size_t rows, std::size_t width, bool needs_dx = true) {
      arena.take(y, rows, width);
      if (arena.training() && needs_dx) arena.take(dx, rows, width);
    }
  };

  /// What follows a product whose tiles x are: y = max(x, 0), tile by tile, into the cache.
  [[nodiscard]] auto follow(Rows<Scalar, Width> x, Cache& cache) const {
    cache.x = x;
    return
        [x, y = cache.y](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
          for (std::size_t r = row; r < row + rows; ++r)
            kernels::relu<Scalar>({x.row(r) + column, cols}, {y.row(r) + column, cols});
        };
  }
  /// What follows the product whose tiles dy are: they become dx in place.
  [[nodiscard]] auto follow_backward(Rows<Scalar, Width> dy, const Cache& cache) const {
    return
        [x = cache.x, dy](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
          for (std::size_t r = row; r < row + rows; ++r)
            kernels::relu_backward<Scalar>({x.row(r) + column, cols}, {dy.row(r) + column, cols},
                                           {dy.row(r) + column, cols});
        };
  }

  Rows<const Scalar, Width> forward(const Pass&, Rows<const Scalar, Width> x, Cache& cache) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    cache.x = x;
    kernels::relu<Scalar>(x.flat(), y.flat());
    return y;
  }

  Rows<const Scalar, Width> backward_input(const Pass&, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto dx = cache.dx.middle_rows(0, dy.rows());
    kernels::relu_backward<Scalar>(cache.x.middle_rows(0, dy.rows()).flat(), dy.flat(), dx.flat());
    return dx;
  }

  void backward_weights(const Pass&, Caches<Cache>, Relu&, Share&) const {}

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}
};

}  // namespace spat
