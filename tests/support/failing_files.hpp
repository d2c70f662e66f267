// Files that fail, and signals that interrupt: the faults of input and output that Linux can make
// on purpose. /proc/self/mem fails with EIO, /dev/full with ENOSPC.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

namespace failing_files {

/// What the tests cannot go on without.
inline int must(int result) {
  if (result < 0) throw std::system_error(errno, std::generic_category());
  return result;
}

/// A file handle of the test's own.
class Handle {
 public:
  explicit Handle(int number) : number_(must(number)) {}
  Handle(Handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(number_); }

 private:
  int number_;
};

/// Both ends of a pipe.
struct Pipe {
  Pipe() : Pipe(opened()) {}
  Handle out, in;

 private:
  explicit Pipe(const std::array<int, 2>& ends) : out(ends[0]), in(ends[1]) {}
  static std::array<int, 2> opened() {
    std::array<int, 2> ends{};
    must(::pipe2(ends.data(), O_CLOEXEC));
    return ends;
  }
};

/// Puts `handle` under the file that this process has open by a path that starts with `path`: what
/// a device is that fails after it was opened.
inline void put_under(const std::string& path, const Handle& handle) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code closed;  // the folder's own handle
    const auto target = std::filesystem::read_symlink(entry.path(), closed);
    if (closed || !target.string().starts_with(path)) continue;
    must(::dup2(handle.number(), std::stoi(entry.path().filename().string())));
    return;
  }
  throw std::runtime_error(path + " is not open");
}

/// Whether /proc/self/mem is the memory of this program. In an emulator it is the emulator's, which
/// may have put a program of 32 bits elsewhere.
inline bool memory_is_a_file() {
  volatile char here = 'x';
  const auto at = reinterpret_cast<std::uintptr_t>(&here);
  for (const char expected : {'y', 'z'}) {
    here = expected;
    std::ifstream memory("/proc/self/mem", std::ios::binary);
    if (memory.seekg(static_cast<std::streamoff>(at)).get() != expected) return false;
  }
  return true;
}

/// Fails with EIO wherever it is read or written near its beginning, where nothing is mapped.
inline Handle broken_device() { return Handle(::open("/proc/self/mem", O_RDWR | O_CLOEXEC)); }

/// Text in memory that ends where no memory is: a file of it, /proc/self/mem from begin(), fails
/// with EIO where the text ends.
class TornMemory {
 public:
  explicit TornMemory(std::string_view text)
      : page_(static_cast<std::size_t>(::sysconf(_SC_PAGESIZE))),
        bytes_((text.size() + page_ - 1) / page_ * page_),
        map_(::mmap(nullptr, bytes_ + page_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                    -1, 0)) {
    must(map_ == MAP_FAILED ? -1 : 0);
    must(::munmap(static_cast<char*>(map_) + bytes_, page_));
    text_ = static_cast<char*>(map_) + bytes_ - text.size();
    std::copy(text.begin(), text.end(), text_);
  }
  TornMemory(const TornMemory&) = delete;
  TornMemory& operator=(const TornMemory&) = delete;
  ~TornMemory() { ::munmap(map_, bytes_); }

  [[nodiscard]] std::streamoff begin() const {
    return static_cast<std::streamoff>(reinterpret_cast<std::uintptr_t>(text_));
  }

 private:
  std::size_t page_, bytes_;
  void* map_;
  char* text_ = nullptr;
};

/// A part of a file as a file: its bytes from `first`, `size` of them.
class PartOfFile : public std::filebuf {
 public:
  PartOfFile(const std::string& path, std::streamoff first, std::streamoff size)
      : first_(first), size_(size) {
    if (!open(path, std::ios::in | std::ios::binary)) throw std::runtime_error(path);
    PartOfFile::seekpos(0, std::ios::in);
  }

 protected:
  pos_type seekoff(off_type by, std::ios::seekdir from, std::ios::openmode mode) override {
    if (from == std::ios::beg) return seekpos(by, mode);
    if (from == std::ios::end) return seekpos(size_ + by, mode);
    return std::filebuf::seekoff(by, from, mode) - first_;
  }
  pos_type seekpos(pos_type to, std::ios::openmode mode) override {
    return std::filebuf::seekpos(to + first_, mode) - first_;
  }

 private:
  std::streamoff first_, size_;
};

/// A file that loses its second half as soon as someone asks for its size.
class ShrinkingFile : public std::filebuf {
 public:
  explicit ShrinkingFile(std::string path) : path_(std::move(path)) {
    if (!open(path_, std::ios::in | std::ios::binary)) throw std::runtime_error(path_);
  }

 protected:
  pos_type seekoff(off_type by, std::ios::seekdir from, std::ios::openmode mode) override {
    const pos_type found = std::filebuf::seekoff(by, from, mode);
    if (from == std::ios::end)
      std::filesystem::resize_file(path_, static_cast<std::uintmax_t>(found) / 2);
    return found;
  }

 private:
  std::string path_;
};

/// Interrupts this thread each millisecond during its lifetime, with a handler that does not
/// restart what it interrupts.
class Interruptions {
 public:
  Interruptions() {
    count_ = 0;
    struct ::sigaction action {};
    action.sa_handler = [](int) { count_ = count_ + 1; };
    must(::sigaction(SIGALRM, &action, &old_));
    set(1000);
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;
  ~Interruptions() {
    set(0);
    ::sigaction(SIGALRM, &old_, nullptr);
  }
  [[nodiscard]] static int count() { return count_; }

 private:
  static void set(::suseconds_t microseconds) {
    const ::itimerval interval{{0, microseconds}, {0, microseconds}};
    ::setitimer(ITIMER_REAL, &interval, nullptr);
  }
  static inline volatile std::sig_atomic_t count_ = 0;
  struct ::sigaction old_ {};
};

/// A thread that is joined at the end of its life: std::jthread, which libc++ lacks before 20.
class JoinedThread {
 public:
  JoinedThread() = default;
  explicit JoinedThread(std::thread thread) : thread_(std::move(thread)) {}
  JoinedThread(JoinedThread&&) = default;
  JoinedThread& operator=(JoinedThread&&) = default;
  ~JoinedThread() {
    if (thread_.joinable()) thread_.join();
  }
  void join() { thread_.join(); }

 private:
  std::thread thread_;
};

/// A thread that Interruptions do not interrupt.
template <class Work>
JoinedThread undisturbed(Work work) {
  ::sigset_t alarm, before;
  ::sigemptyset(&alarm);
  ::sigaddset(&alarm, SIGALRM);
  ::pthread_sigmask(SIG_BLOCK, &alarm, &before);
  JoinedThread thread{std::thread(std::move(work))};
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return thread;
}
inline void rest() { std::this_thread::sleep_for(std::chrono::milliseconds(2)); }

}  // namespace failing_files
