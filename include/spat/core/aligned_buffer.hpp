// core. Heap storage aligned to a cache line; the only owner of numbers in spat.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <new>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Bytes; a cache line, and the width of the widest vector.
inline constexpr std::size_t alignment = 64;

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

template <class T>
using AlignedBuffer = std::vector<T, AlignedAllocator<T>>;

}  // namespace spat
