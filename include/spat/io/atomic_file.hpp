// io. A file that appears completely or not at all: written next to its final name, then renamed.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>
#include <spat/io/file_calls.hpp>
#include <spat/io/path.hpp>

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace spat::inline SPAT_ABI {

/// Writes a file atomically: AtomicFile out(path); out.write(...); out.commit();
///
/// An existing file of that name stays unchanged until commit() returns. Without commit(), or if
/// anything fails (no space, no permission), the temporary file is removed. commit() makes the
/// bytes durable before it renames. A replaced file keeps its permissions. Bytes are written as
/// they are. Throws FileError with the path and the reason.
///
/// The path is UTF-8 text. On Windows a new file has the rights of its folder, and a file that is
/// open or read-only cannot be replaced: close a SafetensorsFile before its file is written anew.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path) : path_(path), target_(utf8_path(path)) {
    // Follows a link: renaming would replace the link itself.
    std::error_code unknown;
    if (auto followed = std::filesystem::canonical(target_, unknown); !unknown)
      target_ = std::move(followed);
    if (target_.has_parent_path()) folder_ = target_.parent_path();
    const std::filesystem::file_status old = std::filesystem::status(target_, unknown);
    const bool replaces = std::filesystem::exists(old);
    if (replaces && !std::filesystem::is_regular_file(old))
      throw FileError(message(path_, ": is not a regular file"));

    for (unsigned attempt = 0; file_ < 0; ++attempt) {
      temporary_ = target_;
      temporary_ += message(".part.", detail::system::process(), ".", attempt);
      file_ = detail::system::create(temporary_);
      if (file_ < 0 && (errno != EEXIST || attempt == most_attempts)) {
        temporary_.clear();
        fail();
      }
    }
    if (replaces && detail::system::set_permissions(file_, old.permissions()) != 0) fail();
  }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile() { give_up(); }

  void write(std::span<const std::byte> bytes) {
    if (file_ < 0) throw FileError(message(path_, ": is closed already"));
    while (!bytes.empty()) {
      const std::ptrdiff_t written = detail::system::write(file_, bytes.data(), bytes.size());
      if (written <= 0) fail(written == 0 ? ENOSPC : errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }

  /// Makes the file appear under its final name. Nothing can be written afterwards.
  void commit() {
    if (file_ < 0) throw FileError(message(path_, ": is closed already"));
    if (detail::system::sync(file_) != 0) fail();
    const int closed = detail::system::close(file_);
    file_ = -1;
    if (closed != 0) fail();
    if (detail::system::replace(temporary_, target_) != 0) fail();
    temporary_.clear();
    // The new name survives a crash only once its folder is written. The data are safe either way,
    // so this may fail.
    detail::system::sync_folder(folder_);
  }

 private:
  static constexpr unsigned most_attempts = 100;

  [[noreturn]] void fail(int code = errno) {
    give_up();
    throw FileError(message(path_, ": cannot be written: ", detail::error_text(code)));
  }
  void give_up() noexcept {
    if (file_ >= 0) static_cast<void>(detail::system::close(file_));
    file_ = -1;
    std::error_code ignored;
    if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
    temporary_.clear();
  }

  std::string path_;  // as the caller wrote it
  std::filesystem::path target_, temporary_, folder_ = ".";
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
