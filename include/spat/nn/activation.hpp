// nn. Activations: functions of one number, with their derivatives.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/kernels/elementwise.hpp>

namespace spat::inline SPAT_ABI {

/// Applies y = f(x) to each element.  x, y [R x F].
///
/// `Function` has forward(x, y) and backward(x, dy, dx) over spans, where dx may be dy. Its `cost`
/// is the multiply-adds per element, which decide whether workers are woken.
template <class Function, std::floating_point Scalar, std::size_t Width = dynamic>
class Activation {
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

  /// Epilogue for the product that computes x: applies f to each finished tile and stores y in the
  /// cache.
  [[nodiscard]] auto follow(Rows<Scalar, Width> x, Cache& cache) const {
    cache.x = x;
    return [x, y = cache.y](std::size_t row, std::size_t rows, std::size_t column,
                            std::size_t cols) {
      for (std::size_t r = row; r < row + rows; ++r)
        Function::template forward<Scalar>({x.row(r) + column, cols}, {y.row(r) + column, cols});
    };
  }
  /// Epilogue for the product that computes dy: turns each finished tile of dy into dx, in place.
  [[nodiscard]] auto follow_backward(Rows<Scalar, Width> dy, const Cache& cache) const {
    return
        [x = cache.x, dy](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
          for (std::size_t r = row; r < row + rows; ++r)
            Function::template backward<Scalar>(
                {x.row(r) + column, cols}, {dy.row(r) + column, cols}, {dy.row(r) + column, cols});
        };
  }

  Rows<const Scalar, Width> forward(const Pass& pass, Rows<const Scalar, Width> x,
                                    Cache& cache) const {
    const auto y = cache.y.middle_rows(0, x.rows());
    cache.x = x;
    pass.for_shares(x.rows(), Function::cost * x.size(), [&](std::size_t first, std::size_t last) {
      Function::template forward<Scalar>(x.middle_rows(first, last - first).flat(),
                                         y.middle_rows(first, last - first).flat());
    });
    return y;
  }

  Rows<const Scalar, Width> backward_input(const Pass& pass, Rows<const Scalar, Width> dy,
                                           Cache& cache) const {
    const auto dx = cache.dx.middle_rows(0, dy.rows());
    pass.for_shares(dy.rows(), 2 * Function::cost * dy.size(),
                    [&](std::size_t first, std::size_t last) {
                      const std::size_t count = last - first;
                      Function::template backward<Scalar>(cache.x.middle_rows(first, count).flat(),
                                                          dy.middle_rows(first, count).flat(),
                                                          dx.middle_rows(first, count).flat());
                    });
    return dx;
  }

  void backward_weights(const Pass&, Caches<Cache>, Activation&, Share&) const {}

  template <class Self, class List>
  static void for_each(Self&, const std::string&, List&) {}
};

/// f(x) = x Phi(x), with Phi the standard normal distribution function, computed by erf.
struct GeluFunction {
  static constexpr std::size_t cost = 16;
  template <class Scalar>
  static void forward(std::span<const Scalar> x, std::span<Scalar> y) {
    kernels::gelu<Scalar>(x, y);
  }
  template <class Scalar>
  static void backward(std::span<const Scalar> x, std::span<const Scalar> dy,
                       std::span<Scalar> dx) {
    kernels::gelu_backward<Scalar>(x, dy, dx);
  }
};

/// f(x) = max(x, 0).
struct ReluFunction {
  static constexpr std::size_t cost = 1;
  template <class Scalar>
  static void forward(std::span<const Scalar> x, std::span<Scalar> y) {
    kernels::relu<Scalar>(x, y);
  }
  template <class Scalar>
  static void backward(std::span<const Scalar> x, std::span<const Scalar> dy,
                       std::span<Scalar> dx) {
    kernels::relu_backward<Scalar>(x, dy, dx);
  }
};

/// The Gaussian error linear unit (Hendrycks and Gimpel, 2016).
template <std::floating_point Scalar, std::size_t Width = dynamic>
using Gelu = Activation<GeluFunction, Scalar, Width>;

/// The rectified linear unit.
template <std::floating_point Scalar, std::size_t Width = dynamic>
using Relu = Activation<ReluFunction, Scalar, Width>;

}  // namespace spat
