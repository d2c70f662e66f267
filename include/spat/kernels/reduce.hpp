// kernels. Sums over rows and over elements, always in the order of the rows.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/kernels/simd.hpp>
#include <spat/kernels/strided.hpp>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// sums[c] += sum_r x[r, c].
template <std::floating_point Scalar>
inline void add_rows(Strided<const Scalar> x, Scalar* sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const Scalar* row = x.row(r);
    for (std::size_t c = 0; c < x.cols; ++c) sums[c] += row[c];
  }
}

/// y[r, c] += x[c].
template <std::floating_point Scalar>
inline void add_to_rows(const Scalar* x, Strided<Scalar> y) {
  for (std::size_t r = 0; r < y.rows; ++r) {
    Scalar* const row = y.row(r);
    for (std::size_t c = 0; c < y.cols; ++c) row[c] += x[c];
  }
}

/// sums[c] += sum_r x[r, c] y[r, c].
template <std::floating_point Scalar>
inline void add_products(Strided<const Scalar> x, Strided<const Scalar> y, Scalar* sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const Scalar *a = x.row(r), *b = y.row(r);
    for (std::size_t c = 0; c < x.cols; ++c) sums[c] = spat::multiply_add(a[c], b[c], sums[c]);
  }
}

/// sums[c] += sum_r (x[r, c] - mean[c]), squares[c] += sum_r (x[r, c] - mean[c])^2.
template <std::floating_point Scalar>
inline void add_deviations(Strided<const Scalar> x, const Scalar* mean, Scalar* sums,
                           Scalar* squares) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const Scalar* row = x.row(r);
    for (std::size_t c = 0; c < x.cols; ++c) {
      const Scalar d = row[c] - mean[c];
      sums[c] += d;
      squares[c] = spat::multiply_add(d, d, squares[c]);
    }
  }
}

/// sum x^2 in double, by eight interleaved sums. It is finite exactly if every x is.
template <std::floating_point Scalar>
[[nodiscard]] inline double sum_of_squares(const Scalar* x, std::size_t size) {
  constexpr std::size_t streams = 8;
  double sums[streams] = {};
  std::size_t i = 0;
  for (; i + streams <= size; i += streams)
    for (std::size_t j = 0; j < streams; ++j) {
      const double value = static_cast<double>(x[i + j]);
      sums[j] = spat::multiply_add(value, value, sums[j]);
    }
  for (; i < size; ++i)
    sums[0] = spat::multiply_add(static_cast<double>(x[i]), static_cast<double>(x[i]), sums[0]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace kernels
}  // namespace spat
