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

/// sums[c] += sum_r x[r, c] y[r, c].
template <std::floating_point Scalar>
inline void add_products(Strided<const Scalar> x, Strided<const Scalar> y, Scalar* sums) {
  for (std::size_t r = 0; r < x.rows; ++r) {
    const Scalar *a = x.row(r), *b = y.row(r);
    for (std::size_t c = 0; c < x.cols; ++c) sums[c] = spat::multiply_add(a[c], b[c], sums[c]);
  }
}

}  // namespace kernels
}  // namespace spat
