// libFuzzer: whatever the bytes, read_series returns a series of finite numbers or throws one of
// our errors.
//   clang++ -std=c++20 -g -O1 -fsanitize=fuzzer,address,undefined -Iinclude tests/fuzz/csv.cpp -o
//   fuzz_csv
#include <spat/data/series.hpp>

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <sstream>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  spat::SeriesOptions options;
  options.csv.longest_line = 256;
  options.csv.separator = (data[0] & 1) != 0 ? ';' : ',';
  options.csv.header = static_cast<spat::CsvOptions::Header>((data[0] >> 1) % 3);
  options.csv.times = static_cast<spat::CsvOptions::Times>((data[0] >> 3) % 3);
  if ((data[0] & 64) != 0) options.missing_code = 0;
  if ((data[0] & 128) != 0) options.target = "a";
  std::istringstream stream(std::string(reinterpret_cast<const char*>(data + 1), size - 1));
  try {
    const spat::Series series = spat::read_series(stream, "fuzz.csv", options);
    if (series.rows() * series.channels() != series.values.size() || series.rows() == 0)
      std::abort();
    if (!series.times.empty() && series.times.size() != series.rows()) std::abort();
    for (const double value : series.values) {
      if (!std::isfinite(value)) std::abort();
    }
  } catch (const spat::Error&) {
  }
  return 0;
}
