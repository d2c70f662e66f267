// nn. The Gaussian error linear unit.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/elementwise.hpp>

namespace spat::inline SPAT_ABI {

/// y = x Phi(x), Phi the standard normal distribution function, by erf (Hendrycks and Gimpel,
/// 2016).  x, y [R x F].
template <std::floating_point Scalar, std::size_t Width = dynamic>
class Gelu {
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

  /// What follows a product whose tiles x are: y = GELU(x), tile by tile, into the cache.
  [[nodiscard]] auto follow(Rows<Scalar, Width> x, Cache& cache) const {
    cache.x = x;
    return
        [x, y = cache.y](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
          for (std::size_t r = row; r < row + rows; ++r)
            kernels::gelu<Scalar>({x.row(r) + column, cols}, {y.row(r) + column, cols});
        };
  }
  /// What follows the product whose tiles dy are: they become dx in place.
  [[nodiscard]] auto follow_backward(Rows<Scalar, Width> dy, const Cache& cache) const {
    return
        [x = cache.x, dy](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
          for (std::size_t r = row; r < row + rows; ++r)
            kernels::gelu_backward<Scalar>({x.row(r) + column, cols}, {dy.row(r) + column, cols},
                                           {dy.row(r) + column, cols});
        };
  }

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    cache.x = x;
    pass.for_shares(x.rows(), 16 * x.size(), [&](std::size_t first, std::size_t last) {
      kernels::gelu<Scalar>(x.middle_rows(first, last - first).flat(),
                            y.middle_rows(first, last - first).flat());
    });
    return y;
  }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto dx = cache.dx.middle_rows(0, dy.rows());
    pass.for_shares(dy.rows(), 32 * dy.size(), [&](std::size_t first, std::size_t last) {
      const std::size_t count = last - first;
      kernels::gelu_backward<Scalar>(cache.x.middle_rows(first, count).flat(),
                                     dy.middle_rows(first, count).flat(),
                                     dx.middle_rows(first, count).flat());
    });
    return dx;
  }

  void backward_weights(const Pass&, Caches<Cache>, Gelu&, Share&) const {}

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}
};

}  // namespace spat
