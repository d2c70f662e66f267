// core. Counter-based random numbers: a value is a function of its key and its position in the
// stream, never of earlier draws.
#pragma once

#include <spat/core/arithmetic.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace spat::inline SPAT_ABI {

/// Philox4x32-10: four 32-bit words from a 128-bit counter and a 64-bit key.
/// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
[[nodiscard]] constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                                            std::uint64_t key) {
  auto low = static_cast<std::uint32_t>(key), high = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0],
                        b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {
        static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ low, static_cast<std::uint32_t>(b),
        static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ high, static_cast<std::uint32_t>(a)};
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  return counter;
}

/// A random number generator with an independent stream for each (seed, stream): for initial
/// weights, shuffles and synthetic data.
///
/// Satisfies UniformRandomBitGenerator. Its own uniform() and normal() give the same numbers with
/// every standard library.
class Random {
 public:
  using result_type = std::uint32_t;
  constexpr explicit Random(std::uint64_t seed, std::uint64_t stream = 0)
      : seed_(seed), stream_(stream) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~result_type{0}; }

  constexpr result_type operator()() {
    if (next_ % 4 == 0) {
      const std::uint64_t block = next_ / 4;
      words_ =
          philox({static_cast<std::uint32_t>(block), static_cast<std::uint32_t>(block >> 32),
                  static_cast<std::uint32_t>(stream_), static_cast<std::uint32_t>(stream_ >> 32)},
                 seed_);
    }
    return words_[next_++ % 4];
  }

  /// A number in [0, 1) with 53 random bits.
  constexpr double uniform() {
    const std::uint64_t high = (*this)(), low = (*this)();
    return static_cast<double>((high << 21) ^ (low >> 11)) * 0x1p-53;
  }
  double uniform(double low, double high) { return multiply_add(high - low, uniform(), low); }

  /// A standard normal number (Box and Muller).
  double normal() {
    const double radius = std::sqrt(-2 * std::log(1 - uniform()));
    return radius * std::cos(2 * std::numbers::pi * uniform());
  }

  /// An integer in [0, bound), without bias.
  constexpr std::uint64_t below(std::uint64_t bound) {
    const std::uint64_t limit = ~std::uint64_t{0} - ~std::uint64_t{0} % bound;
    for (;;) {
      const std::uint64_t high = (*this)(), low = (*this)(), value = high << 32 | low;
      if (value < limit) return value % bound;
    }
  }

 private:
  std::uint64_t seed_, stream_, next_ = 0;
  std::array<std::uint32_t, 4> words_{};
};

}  // namespace spat
