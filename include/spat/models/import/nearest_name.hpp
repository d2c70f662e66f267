// models. The nearest of many names: what a message proposes for a name that is missing.
#pragma once

#include <spat/core/abi.hpp>

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The edit distance: the least number of letters to insert, delete or replace that makes `b` of
/// `a`.
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

/// The name with the least edit distance, the first of several; null if there are no names. Names
/// and comparisons are limited to 200 letters and to the first 4,096 names, so that a hostile file
/// costs no time.
template <class Range, class Name>
[[nodiscard]] auto nearest(std::string_view wanted, const Range& all, Name&& name_of) {
  decltype(&*std::begin(all)) best = nullptr;
  std::size_t least = 0, seen = 0;
  for (const auto& one : all) {
    if (++seen > 4096) break;
    const std::string_view name = name_of(one);
    const std::size_t distance = edit_distance(wanted.substr(0, 200), name.substr(0, 200));
    if (best == nullptr || distance < least) best = &one, least = distance;
  }
  return best;
}

}  // namespace spat
