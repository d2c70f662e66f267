// core. A small team of threads with a static partition: who does what depends only on the number
// of workers, and results do not depend on it.
#pragma once

#include <spat/core/bell.hpp>
#include <spat/core/exclusive.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

namespace spat::inline SPAT_ABI {

/// A team of `size` workers; the caller is worker 0. Between two calls the others spin for at most
/// 50 microseconds, then sleep.
///
/// One call at a time: a second caller, and a call from inside a call, receive a ConcurrencyError.
/// Threads that forecast at the same time have a team each, or none. If workers throw, the
/// exception of the lowest worker reaches the caller after all workers have finished.
class Team {
 public:
  static constexpr std::size_t most_workers = 4096;

  /// 0 means 1. Throws ConfigError for more than most_workers, and if a thread cannot start.
  explicit Team(std::size_t size = 1) : errors_(checked(size)) {
    try {
      threads_.reserve(errors_.size() - 1);
      for (std::size_t worker = 1; worker < errors_.size(); ++worker)
        threads_.emplace_back([this, worker] { serve(worker); });
    } catch (const std::system_error& error) {
      dismiss();
      throw ConfigError(message("a team of ", size, " workers: thread ", threads_.size() + 1,
                                " cannot start: ", error.what()));
    } catch (...) {
      dismiss();
      throw;
    }
  }
  ~Team() { dismiss(); }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  [[nodiscard]] std::size_t size() const { return errors_.size(); }

  /// Calls work(worker) once on each worker and returns when all have finished.
  template <class Work>
  void for_each_worker(Work&& work) {
    using Callable = std::remove_reference_t<Work>;
    if (threads_.empty()) return work(std::size_t{0});
    const Exclusive::Hold hold(
        calls_,
        "a Team serves one call at a time: a second thread, or a call from inside a call, "
        "needs a team of its own");
    context_ = const_cast<void*>(static_cast<const void*>(std::addressof(work)));
    task_ = [](void* context, std::size_t worker) { (*static_cast<Callable*>(context))(worker); };
    pending_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
    announce();
    call(0);
    for (Patience patience; pending_.load(std::memory_order_acquire) != 0;)
      if (!patience.spin()) finished_.sleep_until([this] { return pending_.load() == 0; });
    rethrow();
  }

  /// Calls work(first, last) with worker w's share of [0, count): [w count / size, (w + 1) count /
  /// size).
  template <class Work>
  void for_shares(std::size_t count, Work&& work) {
    for_each_worker([&](std::size_t worker) {
      const std::size_t first = worker * count / size(), last = (worker + 1) * count / size();
      if (first < last) work(first, last);
    });
  }

 private:
  using Task = void (*)(void*, std::size_t);

  /// Decides how long to spin: spin() returns false when it is time to sleep.
  class Patience {
   public:
    [[nodiscard]] bool spin() {
#if defined(__x86_64__) || defined(__i386__)
      __builtin_ia32_pause();
#endif
      // Reads the clock only every 32 turns: one reading takes as long as the work between two
      // calls.
      return ++turns_ % 32 != 0 ||
             std::chrono::steady_clock::now() - start_ < std::chrono::microseconds(50);
    }

   private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    unsigned turns_ = 0;
  };

  static std::size_t checked(std::size_t size) {
    if (size > most_workers)
      throw ConfigError(message("a team has at most ", most_workers, " workers, asked for ", size));
    return size ? size : 1;
  }
  void dismiss() {
    task_ = nullptr;
    announce();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  void announce() {
    generation_.fetch_add(1);
    announced_.ring();
  }

  void serve(std::size_t worker) {
    for (std::uint32_t seen = 0;;) {
      for (Patience patience; generation_.load(std::memory_order_acquire) == seen;)
        if (!patience.spin())
          announced_.sleep_until([this, seen] { return generation_.load() != seen; });
      ++seen;
      if (!task_) return;
      call(worker);
      if (pending_.fetch_sub(1) == 1) finished_.ring();
    }
  }

  void call(std::size_t worker) {
    try {
      task_(context_, worker);
    } catch (...) {
      errors_[worker] = std::current_exception();
    }
  }

  void rethrow() {
    std::exception_ptr first;
    for (std::exception_ptr& error : errors_) {
      if (error && !first) first = error;
      error = nullptr;
    }
    if (first) std::rethrow_exception(first);
  }

  Exclusive calls_;
  std::vector<std::exception_ptr> errors_;
  std::vector<std::thread> threads_;
  Task task_ = nullptr;
  void* context_ = nullptr;
  std::atomic<std::uint32_t> generation_{0}, pending_{0};
  Bell announced_, finished_;
};

}  // namespace spat
