// pipeline. Processor time for a job's report.
#pragma once

#include <spat/core/abi.hpp>

#include <ctime>

namespace spat::inline SPAT_ABI {

/// Returns the processor time of all threads of this program so far, in seconds.
[[nodiscard]] inline double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
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
