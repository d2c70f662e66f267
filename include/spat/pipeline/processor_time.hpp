// pipeline. Processor time for a job's report.
#pragma once

#include <spat/core/abi.hpp>

#if defined(_WIN32)
#include <cstdint>

// What <windows.h> declares, without its macros. std::clock() is no processor time on Windows.
struct _FILETIME;
extern "C" __declspec(dllimport) void* __stdcall GetCurrentProcess();
extern "C" __declspec(dllimport) int __stdcall GetProcessTimes(void*, _FILETIME*, _FILETIME*,
                                                               _FILETIME*, _FILETIME*);
#else
#include <ctime>
#endif

namespace spat::inline SPAT_ABI {

/// Returns the processor time of all threads of this program so far, in seconds.
[[nodiscard]] inline double processor_seconds() {
#if defined(_WIN32)
  std::uint64_t began = 0, ended = 0, of_system = 0, of_program = 0;  // in units of 100 ns
  const auto time = [](std::uint64_t& of) { return reinterpret_cast<::_FILETIME*>(&of); };
  ::GetProcessTimes(::GetCurrentProcess(), time(began), time(ended), time(of_system),
                    time(of_program));
  return static_cast<double>(of_system + of_program) * 1e-7;
#else
  std::timespec now{};  // std::clock() wraps around after an hour where a long has 32 bits
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
#endif
}

/// Adds the processor time of its own lifetime to a number.
class ProcessorTimer {
 public:
  explicit ProcessorTimer(double& total) : total_(total), start_(processor_seconds()) {}
  ProcessorTimer(const ProcessorTimer&) = delete;
  ProcessorTimer& operator=(const ProcessorTimer&) = delete;
  ~ProcessorTimer() { total_ += processor_seconds() - start_; }

 private:
  double& total_;
  double start_;
};

}  // namespace spat
