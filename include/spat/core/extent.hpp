// core. One extent of a shape: a constant in the type or a number in a member, as in std::mdspan.
#pragma once

#include <spat/core/abi.hpp>

#include <cassert>
#include <cstddef>
#include <span>

namespace spat::inline SPAT_ABI {

/// Marks an extent that is known only at run time.
inline constexpr std::size_t dynamic = std::dynamic_extent;

/// An extent that is the constant N; it takes no memory.
template <std::size_t N>
class Extent {
 public:
  constexpr Extent() = default;
  constexpr explicit Extent([[maybe_unused]] std::size_t size) {
    assert(size == N && "size differs from the type");
  }
  [[nodiscard]] static constexpr std::size_t get() { return N; }
};

/// An extent that is known only at run time, held in a member.
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
