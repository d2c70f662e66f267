// core. Heap storage aligned to a cache line. All numbers that spat owns lie in it.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <new>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Alignment in bytes: one cache line, which is also the width of the widest vector.
inline constexpr std::size_t alignment = 64;

/// A standard allocator whose memory is aligned to `alignment` bytes.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  constexpr AlignedAllocator(const AlignedAllocator<U>&) {}
  [[nodiscard]] T* allocate(std::size_t n) {
    return static_cast<T*>(::operator new (n * sizeof(T), std::align_val_t{alignment}));
  }
  void deallocate(T* p, std::size_t) { ::operator delete (p, std::align_val_t{alignment}); }
  friend bool operator==(AlignedAllocator, AlignedAllocator) { return true; }
};

/// A vector whose first element lies at the start of a cache line.
template <class T>
using AlignedBuffer = std::vector<T, AlignedAllocator<T>>;

}  // namespace spat
