// core. A request to stop, made by any thread: std::stop_source and std::stop_token, also where the
// standard library lacks them.
#pragma once

#include <spat/core/abi.hpp>

#include <atomic>
#include <memory>
#include <utility>
#include <version>
#if defined(__cpp_lib_jthread)
#include <stop_token>
#endif

namespace spat::inline SPAT_ABI {

namespace detail {

/// What std::stop_token is without callbacks.
class PlainStopToken {
 public:
  PlainStopToken() = default;
  explicit PlainStopToken(std::shared_ptr<const std::atomic<bool>> asked)
      : asked_(std::move(asked)) {}

  [[nodiscard]] bool stop_possible() const { return asked_ != nullptr; }
  [[nodiscard]] bool stop_requested() const { return asked_ && asked_->load(); }

 private:
  std::shared_ptr<const std::atomic<bool>> asked_;
};

/// What std::stop_source is without callbacks.
class PlainStopSource {
 public:
  [[nodiscard]] PlainStopToken get_token() const { return PlainStopToken(asked_); }
  [[nodiscard]] bool stop_requested() const { return asked_->load(); }
  /// Returns whether this request is the first.
  bool request_stop() const { return !asked_->exchange(true); }

 private:
  std::shared_ptr<std::atomic<bool>> asked_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace detail

/// Where a request to stop is seen, and where it is made. libc++ has the standard's from version 20
/// on, or with -fexperimental-library.
#if defined(__cpp_lib_jthread)
using StopToken = std::stop_token;
using StopSource = std::stop_source;
#else
using StopToken = detail::PlainStopToken;
using StopSource = detail::PlainStopSource;
#endif

}  // namespace spat
