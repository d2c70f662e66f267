// criteria. Cosine similarity of two rows.
#pragma once

#include <spat/core/arithmetic.hpp>

#include <cmath>
#include <cstddef>

namespace spat::inline SPAT_ABI {

/// <x, y> / (|x| |y|) of x(i), y(i), i < size, in double. Returns 1 for two zero rows and 0 for one
/// zero row.
template <class X, class Y>
[[nodiscard]] double cosine_similarity(std::size_t size, X&& x, Y&& y) {
  double xx = 0, yy = 0, xy = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const double a = x(i), b = y(i);
    xx = multiply_add(a, a, xx);
    yy = multiply_add(b, b, yy);
    xy = multiply_add(a, b, xy);
  }
  if (xx == 0 || yy == 0) return xx == yy ? 1 : 0;
  return xy / (std::sqrt(xx) * std::sqrt(yy));
}

}  // namespace spat
