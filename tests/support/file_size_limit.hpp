// A limit of the size of files: the closest approximation of a full disk.
// POSIX only.
#pragma once

#include <sys/resource.h>

#include <csignal>

/// Limits the size of all files to `bytes` during its lifetime. What is beyond it is written in
/// part, then not at all.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(::rlim_t bytes) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    ::rlimit limit = old_;
    limit.rlim_cur = bytes;
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  ::rlimit old_{};
  void (*handler_)(int) = SIG_DFL;
};
