// Reads a CSV file as a series for read_csv.py. Prints one JSON line: how long it took, and the
// peak memory of the process beside the size of the numbers.
#include <spat/data/read_series.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

/// The largest resident size so far in bytes.
double peak_memory() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return 1024 * std::strtod(line.c_str() + 6, nullptr);
  throw spat::FileError("/proc/self/status: expected a line VmHWM, found none");
}

void measure(const std::string& path) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const spat::Series series = spat::read_series(path);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  const double megabytes = static_cast<double>(std::filesystem::file_size(path)) / 1e6,
               numbers = static_cast<double>(series.values.size() * sizeof(double)) / 1e6;
  std::printf(
      "{\"rows\": %zu, \"columns\": %zu, \"seconds\": %.3f, \"mb_per_s\": %.1f, "
      "\"peak_mb\": %.1f, \"numbers_mb\": %.1f}\n",
      series.rows(), series.channels(), seconds, megabytes / seconds, peak_memory() / 1e6, numbers);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::fputs("usage: bench_read_csv FILE\n", stderr);
    return 2;
  }
  try {
    measure(arguments[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_read_csv: %s\n", error.what());
    return 1;
  }
  return 0;
}
