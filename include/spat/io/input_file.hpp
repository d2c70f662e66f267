// io. Opens a file for reading, and reads from given offsets.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/file_buffer.hpp>
#include <spat/io/file_calls.hpp>
#include <spat/io/path.hpp>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <ios>
#include <istream>
#include <memory>
#include <string>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Opens a file, whose path is UTF-8 text, for reading its bytes.
[[nodiscard]] inline std::unique_ptr<std::istream> open_input(const std::string& path) {
  const std::filesystem::path file = utf8_path(path);
  // A directory can be opened on some systems and fails only when it is read.
  std::error_code unknown;
  if (std::filesystem::is_directory(file, unknown))
    throw FileError(message(path, ": is a directory"));
  auto stream = std::make_unique<FileStream>(file);
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
