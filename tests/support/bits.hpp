// Equality to the last bit, and maxima that a NaN survives.
#pragma once

#include <spat/autograd/parameters.hpp>

#include <cmath>
#include <cstring>

namespace tests {

/// Equal to the last bit; a NaN equals itself. For contiguous ranges.
template <class A, class B>
bool same_bits(const A& a, const B& b) {
  return a.size() == b.size() &&
         (a.size() == 0 || std::memcmp(a.data(), b.data(), a.size() * sizeof(*a.data())) == 0);
}

/// The same tensors, by name, with the same bits.
template <class Model>
bool same_parameters(const Model& a, const Model& b) {
  const auto left = spat::parameters(a), right = spat::parameters(b);
  for (std::size_t i = 0; i < left.size() && i < right.size(); ++i)
    if (left[i].name != right[i].name || !same_bits(left[i].values, right[i].values)) return false;
  return left.size() == right.size();
}

/// The larger of the two; NaN if one is NaN, which std::max would drop.
inline double larger(double a, double b) { return a >= b || std::isnan(a) ? a : b; }

}  // namespace tests
