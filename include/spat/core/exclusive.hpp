// core. One caller at a time, checked: a second one ends in an error instead of a data race.
#pragma once

#include <spat/core/error.hpp>

#include <atomic>

namespace spat::inline SPAT_ABI {

/// The right to use an object, held by one call at a time. A copy and a moved-to right are free:
/// they belong to another object.
class Exclusive {
 public:
  Exclusive() = default;
  Exclusive(const Exclusive&) noexcept {}
  Exclusive& operator=(const Exclusive&) noexcept { return *this; }

  /// Holds the right as long as it lives. The constructor throws ConcurrencyError with `what` if
  /// another call holds it, in this thread or in another one.
  class Hold {
   public:
    Hold(Exclusive& right, const char* what) : right_(right) {
      if (right_.held_.exchange(true, std::memory_order_acquire)) throw ConcurrencyError(what);
    }
    ~Hold() { right_.held_.store(false, std::memory_order_release); }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

   private:
    Exclusive& right_;
  };

 private:
  std::atomic<bool> held_{false};
};

}  // namespace spat
