// libFuzzer: whatever the bytes and the options, which are in the first two bytes, read_series
// returns a series of finite numbers or throws one of our errors. What it returns is the same after
// it is written and read again.
#include <spat/data/read_series.hpp>
#include <spat/data/series_csv.hpp>

#include <tests/fuzz/fuzz.hpp>

#include <cmath>
#include <sstream>

namespace {

using namespace spat;

Series read(const std::string& text, const SeriesOptions& options) {
  std::istringstream stream(text);
  Series series = read_series(stream, "fuzz.csv", options);
  fuzz::expect(series.rows() * series.channels() == series.values.size() && series.rows() > 0);
  fuzz::expect((series.time_index == TimeIndex::none) == series.times.empty());
  fuzz::expect(series.times.empty() || series.times.size() == series.rows());
  for (const double value : series.values) fuzz::expect(std::isfinite(value));
  for (const std::string& name : series.names) fuzz::expect(detail::is_utf8(name));
  return series;
}

SeriesOptions options_of(unsigned first, unsigned second) {
  SeriesOptions options;
  options.csv.header = static_cast<CsvOptions::Header>(first % 3);
  if (first / 3 % 3 == 1) options.time_column = SeriesOptions::no_times;
  if (first / 3 % 3 == 2) options.date_format = time_forms[second % time_forms.size()].value;
  if (first / 9 % 4 != 0) options.csv.separator = ",;\t|"[first / 9 % 4];
  if (first / 36 % 2 != 0) options.missing_code = 0;
  if (first / 72 % 2 != 0) options.irregular = SeriesOptions::Irregular::error;
  options.csv.longest_line = second % 4 == 3 ? 16 : 256;
  if (second / 4 % 4 == 3) options.target = "a";
  if (second / 16 % 4 == 3) options.columns = {"b", "a"};
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const SeriesOptions options = options_of(data[0], data[1]);
  fuzz::succeeds([&] {
    const Series series = read(fuzz::text_of(data + 2, size - 2), options);
    const std::string text = to_csv(series);
    SeriesOptions plain;
    plain.csv.separator = ',', plain.csv.decimal = '.';
    plain.date_format = series.time_format.form;
    plain.time_column = series.times.empty() ? "step" : series.time_name;
    if (plain.time_column.empty()) return;  // would be found by looking
    if (std::ranges::count(series.names, plain.time_column) != 0) return;  // two of this name
    const Series again = read(text, plain);
    fuzz::expect(again.names == series.names && again.rows() == series.rows());
    fuzz::expect(series.times.empty() || again.times == series.times);
    fuzz::expect(again.values == series.values);
    fuzz::expect(series.times.empty() || to_csv(again) == text);
  });
  return 0;
}
