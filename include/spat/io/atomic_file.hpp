// io. A file that appears completely or not at all: written next to its final name, then renamed.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/input_file.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace spat::inline SPAT_ABI {

/// Writes a file atomically: AtomicFile out(path); out.write(...); out.commit();
///
/// An existing file of that name stays unchanged until commit() returns. Without commit(), or if
/// anything fails (no space, no permission), the temporary file is removed. commit() makes the
/// bytes durable before it renames. A replaced file keeps its permissions. Bytes are written as
/// they are. Throws FileError with the path and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path) : path_(path), target_(path) {
    // Follows a link: renaming would replace the link itself.
    if (char* const followed = ::realpath(path.c_str(), nullptr)) {
      target_ = followed;
      std::free(followed);
    }
    if (const std::size_t slash = target_.rfind('/'); slash != std::string::npos)
      folder_ = target_.substr(0, slash + 1);
    struct ::stat old {};
    const bool replaces = ::stat(target_.c_str(), &old) == 0;
    if (replaces && !S_ISREG(old.st_mode))
      throw FileError(message(path_, ": is not a regular file"));

    for (unsigned attempt = 0; file_ < 0; ++attempt) {
      temporary_ = message(target_, ".part.", ::getpid(), ".", attempt);
      file_ = detail::uninterrupted([&] {
        return ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      });
      if (file_ < 0 && (errno != EEXIST || attempt == most_attempts)) {
        temporary_.clear();
        fail();
      }
    }
    if (replaces && ::fchmod(file_, old.st_mode & 07777) != 0) fail();
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { give_up(); }

  void write(std::span<const std::byte> bytes) {
    if (file_ < 0) throw FileError(message(path_, ": is closed already"));
    while (!bytes.empty()) {
      const ::ssize_t written = detail::uninterrupted([&] {
        return ::write(file_, bytes.data(), std::min(bytes.size(), std::size_t{1} << 30));
      });
      if (written <= 0) fail(written == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Makes the file appear under its final name. Nothing can be written afterwards.
  void commit() {
    if (file_ < 0) throw FileError(message(path_, ": is closed already"));
    // Some file systems cannot sync and report EINVAL; closing must suffice there.
    if (detail::uninterrupted([&] { return ::fsync(file_); }) != 0 && errno != EINVAL) fail();
    const int closed = ::close(file_);
    file_ = -1;
    if (closed != 0 && errno != EINTR) fail();  // interrupted, it is closed all the same
    if (std::rename(temporary_.c_str(), target_.c_str()) != 0) fail();
    temporary_.clear();
    sync_folder();
  }

 private:
  static constexpr unsigned most_attempts = 100;

  [[noreturn]] void fail(int code = errno) {
    give_up();
    throw FileError(message(path_, ": cannot be written: ", detail::error_text(code)));
  }
  void give_up() noexcept {
    if (file_ >= 0) ::close(file_);
    file_ = -1;
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
    temporary_.clear();
  }
  // The new name survives a crash only once its folder is written. The data are safe either way, so
  // this may fail.
  void sync_folder() const noexcept {
    const int handle = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (handle < 0) return;
    static_cast<void>(::fsync(handle));
    ::close(handle);
  }

  std::string path_, target_, temporary_, folder_ = ".";
  int file_ = -1;
};

/// Writes the bytes to a file atomically. Throws FileError as AtomicFile does.
inline void write_file(const std::string& path, std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}
/// Writes the text to a file atomically. Throws FileError as AtomicFile does.
inline void write_file(const std::string& path, std::string_view text) {
  write_file(path, std::as_bytes(std::span(text)));
}

}  // namespace spat
