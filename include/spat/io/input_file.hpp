// io. Opens a file for reading, and reads from given offsets.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <sys/stat.h>

#include <cerrno>
#include <cstdint>
#include <fstream>
#include <ios>
#include <istream>
#include <memory>
#include <string>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

[[nodiscard]] inline std::string error_text(int code) {
  return std::error_code(code, std::generic_category()).message();
}

/// The result of a system call that is made again while a signal interrupts it.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

[[nodiscard]] inline std::unique_ptr<std::istream> open_input(const std::string& path) {
  // A directory can be opened and fails only when it is read.
  struct ::stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    throw FileError(message(path, ": is a directory"));
  errno = 0;
  auto stream = std::make_unique<std::ifstream>(path, std::ios::binary);
  while (!*stream && errno == EINTR) {  // a signal while a pipe waited for its writer
    errno = 0;
    stream->open(path, std::ios::binary);
  }
  if (!*stream) throw FileError(message(path, ": cannot be opened: ", error_text(errno)));
  return stream;
}

[[nodiscard]] inline std::uint64_t stream_size(std::istream& stream, const std::string& origin) {
  stream.seekg(0, std::ios::end);
  const std::streamoff size = stream.tellg();
  if (!stream || size < 0) throw FileError(message(origin, ": its size cannot be determined"));
  return static_cast<std::uint64_t>(size);
}

/// Reads `count` bytes at `offset`, both already checked against stream_size(). Throws FileError if
/// the file has shrunk since.
inline void read_at(std::istream& stream, const std::string& origin, std::uint64_t offset, void* to,
                    std::size_t count) {
  stream.clear();
  stream.seekg(static_cast<std::streamoff>(offset));
  stream.read(static_cast<char*>(to), static_cast<std::streamsize>(count));
  if (!stream || static_cast<std::size_t>(stream.gcount()) != count) {
    throw FileError(message(origin, ": ", count, " bytes at offset ", offset, " cannot be read"));
  }
}

}  // namespace detail

}  // namespace spat
