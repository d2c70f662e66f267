// io. The calls of the operating system for files, by the same names on every system.
#pragma once

#include <spat/core/abi.hpp>

#if defined(_WIN32)
#include <fcntl.h>
#include <io.h>
#include <process.h>
#include <share.h>
#include <sys/stat.h>

#include <chrono>
#include <thread>
#else
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <ios>
#include <string>
#include <system_error>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The words for an error of <cerrno>, in English.
[[nodiscard]] inline std::string error_text(int code) {
  return std::error_code(code, std::generic_category()).message();
}
/// The error of <cerrno> that an error of the operating system amounts to.
[[nodiscard]] inline int error_number(const std::error_code& error) {
  const std::error_condition condition = error.default_error_condition();
  return condition.category() == std::generic_category() ? condition.value() : EIO;
}

/// The result of a system call that is made again while a signal interrupts it.
template <class Call>
[[nodiscard]] auto uninterrupted(Call&& call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

/// Calls of the operating system. If one fails, it returns a negative number, and errno says why.
///
///     open(path)                    a handle of a file that is there, to read from it
///     read(file, bytes, count)      how many bytes were read, at most 1 GiB; 0 at the end
///     seek(file, by, from)          the place in the file, after going there
///     create(path)                  a handle of a new file; EEXIST if there is one already
///     write(file, bytes, count)     how many of the bytes were written, at most 1 GiB
///     sync(file)                    waits until the bytes are on the disk
///     close(file)
///     set_permissions(file, perms)
///     replace(from, to)             renames a file over another one, which is there or not
///     sync_folder(path)             waits until the names in it are on the disk, if that can be
///     process()                     the number of this process
namespace system {

/// The most bytes that one call reads or writes.
inline constexpr std::size_t most_bytes = std::size_t{1} << 30;
/// How the operating system calls where a seek counts from.
[[nodiscard]] inline int origin_of(std::ios::seekdir from) {
  return from == std::ios::beg ? SEEK_SET : from == std::ios::cur ? SEEK_CUR : SEEK_END;
}

#if defined(_WIN32)

inline int open(const std::filesystem::path& path) {
  int file = -1;
  errno = ::_wsopen_s(&file, path.c_str(), _O_RDONLY | _O_BINARY | _O_NOINHERIT, _SH_DENYNO, 0);
  return file;
}
inline std::ptrdiff_t read(int file, char* to, std::size_t count) {
  return ::_read(file, to, static_cast<unsigned>(std::min(count, most_bytes)));
}
inline std::int64_t seek(int file, std::int64_t by, std::ios::seekdir from) {
  return ::_lseeki64(file, by, origin_of(from));
}
inline int create(const std::filesystem::path& path) {
  int file = -1;
  errno =
      ::_wsopen_s(&file, path.c_str(), _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                  _SH_DENYWR, _S_IREAD | _S_IWRITE);
  return file;
}
inline std::ptrdiff_t write(int file, const std::byte* bytes, std::size_t count) {
  return ::_write(file, bytes, static_cast<unsigned>(std::min(count, most_bytes)));
}
inline int sync(int file) { return ::_commit(file); }
inline int close(int file) { return ::_close(file); }
// The file inherits its rights from the folder; std::filesystem knows no others here.
inline int set_permissions(int, std::filesystem::perms) { return 0; }
inline int replace(const std::filesystem::path& from, const std::filesystem::path& to) {
  // A file that is open cannot be replaced, and a virus scanner opens a new file for a moment.
  std::error_code problem;
  for (int attempt = 0; attempt < 20; ++attempt) {
    std::filesystem::rename(from, to, problem);
    if (!problem) return 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  errno = error_number(problem);
  return -1;
}
inline void sync_folder(const std::filesystem::path&) noexcept {}
inline int process() { return ::_getpid(); }

#else

#if defined(__USE_LARGEFILE64)  // glibc, where off_t may have 32 bits
inline constexpr int large_file = O_LARGEFILE;
inline std::int64_t seek(int file, std::int64_t by, std::ios::seekdir from) {
  return ::lseek64(file, by, origin_of(from));
}
#else
inline constexpr int large_file = 0;
inline std::int64_t seek(int file, std::int64_t by, std::ios::seekdir from) {
  return ::lseek(file, static_cast< ::off_t>(by), origin_of(from));
}
#endif
inline int open(const std::filesystem::path& path) {
  return uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | large_file); });
}
inline std::ptrdiff_t read(int file, char* to, std::size_t count) {
  return uninterrupted([&] { return ::read(file, to, std::min(count, most_bytes)); });
}
inline int create(const std::filesystem::path& path) {
  return uninterrupted(
      [&] { return ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
}
inline std::ptrdiff_t write(int file, const std::byte* bytes, std::size_t count) {
  return uninterrupted([&] { return ::write(file, bytes, std::min(count, most_bytes)); });
}
inline int sync(int file) {
#if defined(F_FULLFSYNC)  // macOS: fsync() leaves the bytes in the disk's own cache
  if (uninterrupted([&] { return ::fcntl(file, F_FULLFSYNC); }) == 0) return 0;
#endif
  const int result = uninterrupted([&] { return ::fsync(file); });
  return result != 0 && errno == EINVAL ? 0 : result;  // a file system that cannot sync
}
inline int close(int file) {
  const int result = ::close(file);
  return result != 0 && errno == EINTR ? 0 : result;  // interrupted, it is closed all the same
}
inline int set_permissions(int file, std::filesystem::perms permissions) {
  return ::fchmod(file, static_cast< ::mode_t>(permissions & std::filesystem::perms::mask));
}
inline int replace(const std::filesystem::path& from, const std::filesystem::path& to) {
  return std::rename(from.c_str(), to.c_str());
}
inline void sync_folder(const std::filesystem::path& folder) noexcept {
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  static_cast<void>(::fsync(handle));
  ::close(handle);
}
inline int process() { return static_cast<int>(::getpid()); }

#endif

}  // namespace system

}  // namespace detail

}  // namespace spat
