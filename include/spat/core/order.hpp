// core. The order of things by a key.
#pragma once

#include <spat/core/abi.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The numbers below `count`, sorted by key(number): the least key first, equal ones in the order
/// of their numbers. No key may be NaN.
///
/// Not std::stable_sort: libstdc++ 12's warns of deprecated code if clang 19 compiles it.
template <class Key>
[[nodiscard]] std::vector<std::size_t> order_by(std::size_t count, Key&& key) {
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const auto &of_a = key(a), &of_b = key(b);
    return of_a < of_b || (!(of_b < of_a) && a < b);
  });
  return order;
}

}  // namespace detail

}  // namespace spat
