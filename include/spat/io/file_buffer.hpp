// io. A file to read from, as the buffer of a stream. A disk that fails is no end of the file:
// libc++'s own file streams cannot tell.
#pragma once

#include <spat/core/abi.hpp>
#include <spat/io/file_calls.hpp>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <ios>
#include <istream>
#include <streambuf>
#include <system_error>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Reads a file's bytes. Throws std::system_error if the system cannot read, which makes a stream
/// bad.
class FileBuffer : public std::streambuf {
 public:
  /// Opens the file, if is_open() is true then. If not, errno says why.
  explicit FileBuffer(const std::filesystem::path& path)
      : room_(std::size_t{1} << 14), file_(system::open(path)) {}
  FileBuffer(const FileBuffer&) = delete;
  FileBuffer& operator=(const FileBuffer&) = delete;
  ~FileBuffer() override {
    if (is_open()) static_cast<void>(system::close(file_));
  }
  [[nodiscard]] bool is_open() const { return file_ >= 0; }

 protected:
  int_type underflow() override {
    if (gptr() != egptr()) return traits_type::to_int_type(*gptr());
    const std::size_t count = read(room_.data(), room_.size());
    setg(room_.data(), room_.data(), room_.data() + count);
    return count > 0 ? traits_type::to_int_type(*gptr()) : traits_type::eof();
  }
  std::streamsize xsgetn(char* to, std::streamsize count) override {
    std::streamsize done = std::min<std::streamsize>(count, egptr() - gptr());
    std::copy_n(gptr(), done, to);
    setg(eback(), gptr() + done, egptr());
    while (done < count) {  // what is left goes straight to its place
      const std::size_t part = read(to + done, static_cast<std::size_t>(count - done));
      if (part == 0) break;
      done += static_cast<std::streamsize>(part);
    }
    return done;
  }
  pos_type seekoff(off_type by, std::ios::seekdir from, std::ios::openmode) override {
    if (from == std::ios::cur) by -= egptr() - gptr();  // the system is ahead by what is buffered
    const off_type place = system::seek(file_, by, from);
    if (place >= 0) setg(nullptr, nullptr, nullptr);
    return place;
  }
  pos_type seekpos(pos_type to, std::ios::openmode mode) override {
    return FileBuffer::seekoff(to, std::ios::beg, mode);
  }

 private:
  std::size_t read(char* to, std::size_t count) {
    const std::ptrdiff_t done = system::read(file_, to, count);
    if (done < 0) throw std::system_error(errno, std::generic_category());
    return static_cast<std::size_t>(done);
  }

  std::vector<char> room_;
  int file_;
};

/// A stream of a file's bytes, which owns the file.
class FileStream : public std::istream {
 public:
  explicit FileStream(const std::filesystem::path& path) : std::istream(nullptr), buffer_(path) {
    if (buffer_.is_open()) rdbuf(&buffer_);
  }

 private:
  FileBuffer buffer_;
};

}  // namespace detail

}  // namespace spat
