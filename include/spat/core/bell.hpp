// core. What idle threads sleep by, and what wakes them.
#pragma once

#include <spat/core/abi.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace spat::inline SPAT_ABI {

/// Wakes threads that sleep until a condition holds.
///
/// std::atomic::wait is meant for this, but that of libstdc++ 12 misses a call in between where the
/// system has no futex, as on Windows, and then sleeps for ever.
class Bell {
 public:
  /// Sleeps until holds() is true. What it reads are atomics, in sequentially consistent order.
  template <class Condition>
  void sleep_until(Condition&& holds) {
    asleep_.fetch_add(1);
    {
      std::unique_lock lock(mutex_);
      rings_.wait(lock, holds);
    }
    asleep_.fetch_sub(1);
  }

  /// Wakes all, so that they ask again. The caller has changed what they ask for, in sequentially
  /// consistent order: then either it sees that somebody sleeps, or the sleeper sees the change.
  void ring() {
    if (asleep_.load() == 0) return;
    { const std::lock_guard not_between_question_and_sleep(mutex_); }
    rings_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable rings_;
  std::atomic<std::uint32_t> asleep_{0};
};

}  // namespace spat
