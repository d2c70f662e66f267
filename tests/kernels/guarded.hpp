// Shared by the kernel tests: numbers at any offset from a cache line between guard bands, and how
// far two results may differ.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/core/random.hpp>
#include <spat/kernels/simd.hpp>
#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>

#include <cmath>
#include <initializer_list>
#include <limits>
#include <span>
#include <vector>

using tests::same_bits;

/// `size` random numbers in [-2, 2), `offset` elements after a 64-byte boundary, with guard bands
/// on both sides.
template <class Scalar>
class Guarded {
 public:
  Guarded(std::size_t size, std::size_t offset, std::uint64_t stream)
      : first_(band + offset), size_(size), numbers_(first_ + size + band, guard) {
    spat::Random random(2024, stream);
    for (Scalar& number : span()) number = static_cast<Scalar>(random.uniform(-2, 2));
  }

  [[nodiscard]] Scalar* data() { return numbers_.data() + first_; }
  [[nodiscard]] const Scalar* data() const { return numbers_.data() + first_; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<Scalar> span() { return {data(), size_}; }
  [[nodiscard]] std::span<const Scalar> read() const { return {numbers_.data() + first_, size_}; }
  [[nodiscard]] const Scalar& operator[](std::size_t i) const { return read()[i]; }

  /// Whether nothing outside was written.
  [[nodiscard]] bool intact() const {
    for (std::size_t i = 0; i < numbers_.size(); ++i)
      if ((i < first_ || i >= first_ + size_) && numbers_[i] != guard) return false;
    return true;
  }

 private:
  static constexpr std::size_t band = 64;
  static constexpr Scalar guard = Scalar(-12345.5);
  std::size_t first_, size_;
  spat::AlignedBuffer<Scalar> numbers_;
};

/// The largest |found - expected| / allowed seen; a test requires at most 1.
struct Worst {
  double ratio = 0;

  void see(double found, double expected, double allowed) {
    const double difference = std::abs(found - expected);
    if (difference != 0)
      ratio =
          std::max(ratio, difference <= allowed ? difference / allowed : 1e300);  // a NaN is not <=
  }
};

template <class Scalar>
inline constexpr double epsilon = static_cast<double>(std::numeric_limits<Scalar>::epsilon());

/// Sizes around every number of lanes, and offsets within a cache line.
inline constexpr std::size_t largest_size = 67, offsets = 16;
using Sizes = std::initializer_list<std::size_t>;

/// Applies `function` to all of x, one vector after another.
template <class Scalar, class Function>
std::vector<Scalar> map(const std::vector<Scalar>& x, Function&& function) {
  std::vector<Scalar> y(x.size());
  spat::kernels::for_each_pack<Scalar>(x.size(), Scalar(0),
                                       [&](std::size_t i, auto load, auto store) {
                                         store(y.data() + i, function(load(x.data() + i)));
                                       });
  return y;
}
