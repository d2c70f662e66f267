// core. The memory of one workspace: its layout function is called twice, first to measure, then to
// hand out.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/core/arithmetic.hpp>
#include <spat/core/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <span>
#include <type_traits>

namespace spat::inline SPAT_ABI {

/// What a workspace is for. Training keeps every value until the weight gradients are done.
/// Inference reuses the memory of a value as soon as the value has been used.
enum class Purpose { inference, training };

/// Hands out cache-line-aligned pieces of one allocation. Views into it are valid until the next
/// prepare() or the end of the arena. Throws std::bad_alloc if memory, or 32 bits, do not hold it.
class Arena {
 public:
  /// Calls lay_out(*this) twice. Allocates at most once, and not at all if the arena is already
  /// large enough.
  template <class LayOut>
  void prepare(Purpose purpose, LayOut&& lay_out) {
    purpose_ = purpose;
    measuring_ = true;
    used_ = highest_ = 0;
    lay_out(*this);
    if (bytes_.size() < highest_) bytes_ = AlignedBuffer<std::byte>(highest_);
    measuring_ = false;
    used_ = highest_ = 0;
    lay_out(*this);
  }

  template <class T, std::size_t RowCount, std::size_t ColCount>
  void take(View<T, RowCount, ColCount>& view, std::size_t rows, std::size_t cols) {
    view = {static_cast<T*>(take_bytes(rows, cols, sizeof(T))), rows, cols};
  }
  template <class T>
  void take(std::span<T>& values, std::size_t count) {
    T* const first = static_cast<T*>(take_bytes(1, count, sizeof(T)));
    values = measuring_ ? std::span<T>() : std::span<T>(first, count);
  }

  /// Marks what lay_out() takes as needed only while its owner computes. Inference gets that memory
  /// back afterwards.
  template <class LayOut>
  void temporarily(LayOut&& lay_out) {
    const std::size_t before = used_;
    lay_out();
    if (!training()) used_ = before;
  }

  [[nodiscard]] bool training() const { return purpose_ == Purpose::training; }
  [[nodiscard]] std::size_t size_bytes() const { return bytes_.size(); }

 private:
  void* take_bytes(std::size_t rows, std::size_t cols, std::size_t bytes) {
    constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
    // With 64 bits the limit of a model's parameters comes first.
    if constexpr (sizeof(std::size_t) < sizeof(std::uint64_t))
      if (std::uint64_t{rows} * cols > most / bytes) throw std::bad_alloc();
    void* const first = measuring_ ? nullptr : bytes_.data() + used_;
    used_ += divide_up(rows * cols * bytes, alignment) * alignment;
    if (used_ > most) throw std::bad_alloc();
    highest_ = std::max(highest_, used_);
    return first;
  }

  AlignedBuffer<std::byte> bytes_;
  std::size_t used_ = 0, highest_ = 0;
  Purpose purpose_ = Purpose::inference;
  bool measuring_ = false;
};

}  // namespace spat
