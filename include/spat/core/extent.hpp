// core. One extent of a shape: a constant in the type or a number in a member, as in std::mdspan.
#pragma once

#include <spat/core/abi.hpp>

#include <cassert>
#include <cstddef>
#include <span>

namespace spat::inline SPAT_ABI {

inline constexpr std::size_t dynamic = std::dynamic_extent;

/// A constant when N is given; it takes no room.
template <std::size_t N>
class Extent {
 public:
  constexpr Extent() = default;
  constexpr explicit Extent([[maybe_unused]] std::size_t size) {
    assert(size == N && "size differs from the type");
  }
  [[nodiscard]] static constexpr std::size_t get() { return N; }
};

/// A member when it is not.
template <>
class Extent<dynamic> {
 public:
  constexpr Extent() = default;
  constexpr explicit Extent(std::size_t size) : size_(size) {}
  [[nodiscard]] constexpr std::size_t get() const { return size_; }

 private:
  std::size_t size_ = 0;
};

}  // namespace spat
