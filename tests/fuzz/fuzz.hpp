// Shared by the fuzz targets: what a reader may do, and a mutator that keeps the parts of a
// safetensors file in agreement, so that changes get past its first checks.
#pragma once

#include <spat/core/error.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t most);

namespace fuzz {

inline void expect(bool holds) {
  if (!holds) std::abort();
}

/// Returns whether `read` succeeds. It may throw the library's errors, and no others.
template <class Read>
bool succeeds(Read&& read) {
  try {
    read();
    return true;
  } catch (const spat::Error&) {
    return false;
  }
}

inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// The bytes of a safetensors file with this header and data.
inline std::string safetensors(std::string_view header, std::string_view data) {
  const std::uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes.append(header).append(data);
}

namespace detail {

/// The number of digits at `at`.
inline std::size_t digits(std::string_view text, std::size_t at) {
  std::size_t count = 0;
  while (at + count < text.size() && text[at + count] >= '0' && text[at + count] <= '9') ++count;
  return count;
}

/// Replaces one number in the text by another.
inline void change_number(std::string& text, std::uint32_t random) {
  static constexpr const char* values[] = {"0",
                                           "1",
                                           "2",
                                           "3",
                                           "4",
                                           "7",
                                           "8",
                                           "16",
                                           "64",
                                           "65",
                                           "255",
                                           "4096",
                                           "4294967296",
                                           "9223372036854775807",
                                           "9223372036854775808",
                                           "18446744073709551615",
                                           "1e3",
                                           "-1",
                                           "0.5"};
  for (std::size_t tries = 0, at = random % (text.size() + 1); tries < text.size(); ++tries, ++at) {
    if (at >= text.size()) at = 0;
    if (const std::size_t count = digits(text, at); count != 0)
      return static_cast<void>(text.replace(at, count, values[(random >> 16) % std::size(values)]));
  }
}

/// The end of the data that the offsets in the header ask for; nothing if that is far.
inline std::size_t end_of_data(std::string_view header, std::size_t otherwise) {
  std::size_t end = 0;
  bool found = false;
  for (std::size_t at = 0; (at = header.find("offsets\":[", at)) != header.npos;) {
    at += 10;
    at += digits(header, at) + 1;
    const std::size_t count = digits(header, at);
    if (count == 0 || count > 5) return otherwise;
    end = std::max<std::size_t>(end, std::stoul(std::string(header.substr(at, count))));
    found = true;
  }
  return found ? end : otherwise;
}

inline void mutate(std::string& text, std::size_t most) {
  const std::size_t size = text.size();
  text.resize(std::max(most, size));
  text.resize(LLVMFuzzerMutate(reinterpret_cast<std::uint8_t*>(text.data()), size, text.size()));
}

}  // namespace detail

/// Changes a safetensors file that starts at byte `skip` of an input: its header, its data or any
/// byte; mostly the length of the header, and often that of the data, are then made right again.
/// `sample(n)` returns a valid input, number n of any number, for an input too small to be one.
template <class Sample>
std::size_t mutate_safetensors(std::uint8_t* data, std::size_t size, std::size_t most,
                               std::uint32_t random, std::size_t skip, Sample&& sample) {
  const auto put = [&](const std::string& bytes) {
    const std::size_t count = std::min(bytes.size(), most);
    std::memcpy(data, bytes.data(), count);
    return count;
  };
  if (size < skip + 10 || random % 512 == 0) return put(sample(random >> 9));
  if (random % 16 == 0) return LLVMFuzzerMutate(data, size, most);
  std::uint64_t length = 0;
  std::memcpy(&length, data + skip, 8);
  const std::string prefix = text_of(data, skip), rest = text_of(data + skip + 8, size - skip - 8);
  std::string header =
      rest.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(length, rest.size())));
  std::string payload = rest.substr(header.size());
  const std::uint32_t how = random / 16 % 8;
  if (how == 0)
    detail::mutate(payload, payload.size() + 16);
  else if (how < 4)
    detail::change_number(header, random >> 7);
  else
    detail::mutate(header, header.size() + 64);
  if (random / 128 % 4 != 0) payload.resize(detail::end_of_data(header, payload.size()));
  return put(prefix + safetensors(header, payload));
}

}  // namespace fuzz
