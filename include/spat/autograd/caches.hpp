// autograd. The caches of the micro-batches whose weight gradients are summed together.
#pragma once

#include <spat/core/abi.hpp>

#include <array>
#include <cassert>
#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>

namespace spat::inline SPAT_ABI {

/// The caches of one layer for a wave of micro-batches, in the order of their samples. A gradient
/// is one chain of sums over them, so a layer finishes one piece of its gradient, still in the
/// cache memory, before it starts the next.
template <class Cache>
class Caches {
 public:
  static constexpr std::size_t capacity = 8;

  Caches() = default;
  /// Implicit: outside of training there is usually one micro-batch.
  Caches(Cache& only) { push_back(only); }
  /// Implicit: the caches of a class are those of its base.
  template <std::derived_from<Cache> Derived>
  Caches(const Caches<Derived>& caches) {
    for (Derived& cache : caches) push_back(cache);
  }

  void push_back(Cache& cache) {
    assert(count_ < capacity);
    caches_[count_++] = &cache;
  }

  /// The caches of a part: of(&Cache::conv1), or a function from a cache to one of its parts.
  template <class Get>
  [[nodiscard]] auto of(Get&& get) const {
    Caches<std::remove_reference_t<std::invoke_result_t<Get&, Cache&>>> parts;
    for (Cache& cache : *this) parts.push_back(std::invoke(get, cache));
    return parts;
  }

  class Iterator {
   public:
    explicit Iterator(Cache* const* at) : at_(at) {}
    Cache& operator*() const { return **at_; }
    Iterator& operator++() { return ++at_, *this; }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    Cache* const* at_;
  };
  [[nodiscard]] Iterator begin() const { return Iterator(caches_.data()); }
  [[nodiscard]] Iterator end() const { return Iterator(caches_.data() + count_); }

 private:
  std::array<Cache*, capacity> caches_{};
  std::size_t count_ = 0;
};

}  // namespace spat
