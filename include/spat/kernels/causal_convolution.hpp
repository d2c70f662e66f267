// kernels. The causal convolution along tokens, each channel by itself, and its backward: channels
// lie across the vector lanes.
#pragma once

#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// The row of token t in a sequence that may be walked from its end.
[[nodiscard]] inline std::size_t token_row(std::size_t t, std::size_t tokens, bool reversed) {
  return reversed ? tokens - 1 - t : t;
}

/// y_t = bias + sum_j w_j x_{t - (k - 1) + j},  j = 0 .. k - 1 in order, over the tokens that
/// exist. x, y [N x I]   w [k x I]   bias [I].  `reversed`: token 0 is the last row.
template <std::floating_point Scalar>
inline void causal_convolution(Strided<const Scalar> x, Strided<const Scalar> w, const Scalar* bias,
                               bool reversed, Strided<Scalar> y) {
  for (std::size_t t = 0; t < x.rows; ++t) {
    Scalar* const to = y.row(token_row(t, x.rows, reversed));
    for_each_pack<Scalar>(x.cols, Scalar(0), [&](std::size_t i, auto load, auto store) {
      Pack<Scalar> sum = load(bias + i);
      for (std::size_t j = w.rows - std::min(w.rows, t + 1); j < w.rows; ++j)
        sum = multiply_add<Scalar>(load(w.row(j) + i),
                                   load(x.row(token_row(t + 1 + j - w.rows, x.rows, reversed)) + i),
                                   sum);
      store(to + i, sum);
    });
  }
}

/// dx_t = sum_j w_j dy_{t + (k - 1) - j},  j = 0 .. k - 1 in order.
template <std::floating_point Scalar>
inline void causal_convolution_backward(Strided<const Scalar> dy, Strided<const Scalar> w,
                                        bool reversed, Strided<Scalar> dx) {
  for (std::size_t t = 0; t < dy.rows; ++t) {
    Scalar* const to = dx.row(token_row(t, dy.rows, reversed));
    for_each_pack<Scalar>(dy.cols, Scalar(0), [&](std::size_t i, auto load, auto store) {
      Pack<Scalar> sum(Scalar(0));
      for (std::size_t j = w.rows - std::min(w.rows, dy.rows - t); j < w.rows; ++j)
        sum = multiply_add<Scalar>(
            load(w.row(j) + i), load(dy.row(token_row(t + w.rows - 1 - j, dy.rows, reversed)) + i),
            sum);
      store(to + i, sum);
    });
  }
}

/// dw_j += sum_t dy_t x_{t - (k - 1) + j}, token after token;  dw [I x k], laid out as a layer's
/// weight.
template <std::floating_point Scalar>
inline void causal_convolution_weights(Strided<const Scalar> x, Strided<const Scalar> dy,
                                       bool reversed, Strided<Scalar> dw) {
  const std::size_t size = dw.cols;
  for (std::size_t t = 0; t < x.rows; ++t) {
    const Scalar* const slope = dy.row(token_row(t, x.rows, reversed));
    for (std::size_t j = size - std::min(size, t + 1); j < size; ++j) {
      const Scalar* const from = x.row(token_row(t + 1 + j - size, x.rows, reversed));
      for (std::size_t i = 0; i < x.cols; ++i)
        dw.row(i)[j] = spat::multiply_add(slope[i], from[i], dw.row(i)[j]);
    }
  }
}

}  // namespace kernels
}  // namespace spat
