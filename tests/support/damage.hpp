// For tests of files with one thing wrong.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace damage {

/// Where the data of a safetensors file begin.
[[nodiscard]] inline std::size_t header_end(const std::string& bytes) {
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  return 8 + static_cast<std::size_t>(length);
}

/// Calls visit(damaged) for each bit of bytes [first, last), which is the only wrong one.
template <class Visit>
void each_bit(const std::string& bytes, std::size_t first, std::size_t last, Visit&& visit) {
  std::string damaged = bytes;
  for (std::size_t at = first; at < last; ++at) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      damaged[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1u << bit));
      visit(static_cast<const std::string&>(damaged));
    }
    damaged[at] = bytes[at];
  }
}

/// Calls visit(damaged) for each of these bytes, or each `stride`-th, of which one bit is wrong:
/// another one each time.
template <class Visit>
void each_byte(const std::string& bytes, std::size_t first, std::size_t last, Visit&& visit,
               std::size_t stride = 1) {
  std::string damaged = bytes;
  for (std::size_t at = first; at < last; at += stride) {
    damaged[at] =
        static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1u << (at * 3 + at / 8) % 8));
    visit(static_cast<const std::string&>(damaged));
    damaged[at] = bytes[at];
  }
}

/// Calls visit(damaged) for each bit of the header's first kilobyte, which has the length and the
/// metadata, and for each further byte of the header.
template <class Visit>
void each_place_of_header(const std::string& bytes, Visit&& visit) {
  const std::size_t end = header_end(bytes), dense = std::min<std::size_t>(end, 1024);
  each_bit(bytes, 0, dense, visit);
  each_byte(bytes, dense, end, visit);
}

}  // namespace damage
