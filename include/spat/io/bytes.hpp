// io. Numbers in the bytes of a file, the most bytes in memory, and the checksum of zip archives.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The little-endian number at offset `at`, which must lie within the bytes.
template <class Number>
[[nodiscard]] Number number_at(std::string_view bytes, std::size_t at) {
  Number number{};
  std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

/// `bytes` as the size of one piece of memory. Throws FileError if no piece is as large: on 32 bits
/// a file may have more bytes than a program can hold.
[[nodiscard]] inline std::size_t memory_size(std::uint64_t bytes, std::string_view what) {
  constexpr auto most = static_cast<std::uint64_t>(std::numeric_limits<std::ptrdiff_t>::max());
  if (bytes > most) {
    throw FileError(message(what, ": ", bytes, " bytes are more than the ", most,
                            " that a program of ", std::numeric_limits<std::size_t>::digits,
                            " bits can hold at once"));
  }
  return static_cast<std::size_t>(bytes);
}

[[nodiscard]] consteval std::array<std::uint32_t, 256> crc32_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value % 2 == 1 ? 0xEDB88320u : 0u);
    table[byte] = value;
  }
  return table;
}
/// The checksum of zip archives (CRC-32).
[[nodiscard]] inline std::uint32_t crc32(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> table = crc32_table();
  std::uint32_t value = 0xFFFFFFFFu;
  for (const char c : bytes)
    value = value >> 8 ^ table[(value ^ static_cast<unsigned char>(c)) & 255];
  return ~value;
}

}  // namespace detail

}  // namespace spat
