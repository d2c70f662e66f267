// kernels. Which numbers are dropped: a function of seed, step, site, sample and position alone,
// independent of the order of evaluation.
#pragma once

#include <spat/core/abi.hpp>
#include <spat/core/random.hpp>

#include <algorithm>
#include <cstddef>
#include <span>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// The key of one dropout while training: one sample at one site.
struct DropoutKey {
  double rate = 0;  // 0 <= rate < 1
  std::uint64_t seed = 0, step = 0, site = 0, sample = 0;

  [[nodiscard]] std::uint32_t threshold() const {
    return static_cast<std::uint32_t>(rate * 0x1p32);
  }
};

/// Positions per block of random words. The random word of position p is word (p % 64) / 16 of
/// philox counter 16 (p / 64) + p % 16, so sixteen counters at a time give 64 neighbours without a
/// shuffle. A number is kept if its word is at least rate 2^32.
inline constexpr std::size_t dropout_block = 64;

/// Philox4x32-10 of the 16 counters of one block, side by side (core/random.hpp has a single one).
inline void dropout_words(const DropoutKey& key, std::uint64_t block,
                          std::uint32_t (&words)[dropout_block]) {
  constexpr std::size_t width = 16;
  std::uint32_t a[width], b[width], c[width], d[width];
  for (std::size_t i = 0; i < width; ++i) {
    a[i] = static_cast<std::uint32_t>(block * width + i);
    b[i] = static_cast<std::uint32_t>(key.sample);
    c[i] = static_cast<std::uint32_t>(key.step);
    d[i] = static_cast<std::uint32_t>(key.site);
  }
  auto low = static_cast<std::uint32_t>(key.seed),
       high = static_cast<std::uint32_t>(key.seed >> 32);
  for (int round = 0; round < 10; ++round) {
    for (std::size_t i = 0; i < width; ++i) {
      const std::uint64_t left = std::uint64_t{0xD2511F53u} * a[i],
                          right = std::uint64_t{0xCD9E8D57u} * c[i];
      a[i] = static_cast<std::uint32_t>(right >> 32) ^ b[i] ^ low;
      c[i] = static_cast<std::uint32_t>(left >> 32) ^ d[i] ^ high;
      b[i] = static_cast<std::uint32_t>(right);
      d[i] = static_cast<std::uint32_t>(left);
    }
    low += 0x9E3779B9u;
    high += 0xBB67AE85u;
  }
  std::copy_n(a, width, words);
  std::copy_n(b, width, words + width);
  std::copy_n(c, width, words + 2 * width);
  std::copy_n(d, width, words + 3 * width);
}

/// to[i] = `kept` or `dropped`, for positions first + i.
template <class T>
inline void dropout(const DropoutKey& key, std::size_t first, T kept, T dropped, std::span<T> to) {
  const std::uint32_t threshold = key.threshold();
  std::uint32_t words[dropout_block];
  for (std::size_t i = 0; i < to.size();) {
    const std::size_t position = first + i, at = position % dropout_block;
    const std::size_t count = std::min(dropout_block - at, to.size() - i);
    dropout_words(key, position / dropout_block, words);
    for (std::size_t j = 0; j < count; ++j) to[i + j] = words[at + j] >= threshold ? kept : dropped;
    i += count;
  }
}

}  // namespace kernels
}  // namespace spat
