// The published data sets, split and scaled by their protocols, against numbers computed elsewhere.
#include <spat/data/read_series.hpp>
#include <spat/train/naive.hpp>

#include <tests/support/catch.hpp>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace check_table_tests {

using namespace spat;

namespace {

std::string data_file(const std::string& name) {
  const char* chosen = std::getenv("SPAT_DATA");
#ifdef SPAT_DEFAULT_DATA
  return std::string(chosen != nullptr ? chosen : SPAT_DEFAULT_DATA) + "/" + name;
#else
  return chosen != nullptr ? std::string(chosen) + "/" + name : std::string();
#endif
}

struct Horizon {
  std::size_t steps, train, validation, test;  // windows
  const char *mse, *mae;                       // of repeating the last value, over all test windows
};
struct Entry {
  const char* file;
  Protocol protocol;
  std::size_t rows, channels;
  std::vector<const char*> mean, deviation;
  std::array<Horizon, 4> horizons;
};

const Entry entries[] = {
    {"ETTh1.csv",
     Protocol::ett_hourly,
     17420,
     7,
     {"7.93774", "2.02104", "5.07977", "0.746186", "2.78176", "0.788453", "17.1283"},
     {"5.81275", "2.0901", "5.51879", "1.92638", "1.02352", "0.630237", "9.17649"},
     {{{96, 8449, 2785, 2785, "1.2944", "0.7132"},
       {192, 8353, 2689, 2689, "1.3249", "0.7331"},
       {336, 8209, 2545, 2545, "1.3299", "0.7460"},
       {720, 7825, 2161, 2161, "1.3351", "0.7550"}}}},
    {"ETTh2.csv",
     Protocol::ett_hourly,
     17420,
     7,
     {"41.5368", "12.2735", "46.6098", "10.5262", "1.18699", "-2.37322", "26.872"},
     {"10.4488", "4.58711", "16.8582", "3.01861", "4.64101", "8.46091", "11.5847"},
     {{{96, 8449, 2785, 2785, "0.4317", "0.4216"},
       {192, 8353, 2689, 2689, "0.5337", "0.4725"},
       {336, 8209, 2545, 2545, "0.5973", "0.5109"},
       {720, 7825, 2161, 2161, "0.5945", "0.5190"}}}},
    {"ETTm1.csv",
     Protocol::ett_minute,
     69680,
     7,
     {"7.99001", "2.03875", "5.10993", "0.756224", "2.8047", "0.791186", "17.125"},
     {"5.83309", "2.08965", "5.51904", "1.92416", "1.04055", "0.632442", "9.17304"},
     {{{96, 34369, 11425, 11425, "1.2139", "0.6648"},
       {192, 34273, 11329, 11329, "1.2612", "0.6904"},
       {336, 34129, 11185, 11185, "1.2866", "0.7072"},
       {720, 33745, 10801, 10801, "1.3223", "0.7295"}}}},
    {"ETTm2.csv",
     Protocol::ett_minute,
     69680,
     7,
     {"41.5635", "12.2964", "46.6353", "10.5454", "1.18639", "-2.36577", "26.8724"},
     {"10.4683", "4.60415", "16.8544", "3.02481", "4.65304", "8.46343", "11.5807"},
     {{{96, 34369, 11425, 11425, "0.2665", "0.3278"},
       {192, 34273, 11329, 11329, "0.3400", "0.3707"},
       {336, 34129, 11185, 11185, "0.4121", "0.4099"},
       {720, 33745, 10801, 10801, "0.5216", "0.4656"}}}},
    {"weather.csv",
     Protocol::custom,
     52696,
     21,
     {"990.642", "11.9787", "285.909", "5.47441", "67.53", "15.6839", "9.84445", "5.83941"},
     {"8.63071", "7.71842", "7.91668", "6.46441", "18.7552", "8.10908", "4.39618", "5.90272"},
     {{{96, 36696, 5175, 10444, "0.2591", "0.2542"},
       {192, 36600, 5079, 10348, "0.3092", "0.2917"},
       {336, 36456, 4935, 10204, "0.3764", "0.3377"},
       {720, 36072, 4551, 9820, "0.4652", "0.3935"}}}},
};

std::string printed(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

TEST_CASE("The published sets have the windows, scales and naive errors known for them",
          "[parity]") {
  constexpr std::size_t lookback = 96;
  for (const Entry& entry : entries) {
    const std::string path = data_file(entry.file);
    if (path.empty() || !std::filesystem::exists(path)) {
      WARN(entry.file
           << " is absent and skipped; the environment variable SPAT_DATA names its folder");
      continue;
    }
    CAPTURE(entry.file);
    const Series series = read_series(path, {.target = "OT"});
    REQUIRE(series.rows() == entry.rows);
    REQUIRE(series.channels() == entry.channels);
    CHECK(series.names.back() == "OT");

    for (const Horizon& horizon : entry.horizons) {
      CAPTURE(horizon.steps);
      const Splits splits = split_rows(entry.protocol, series.rows(), lookback, horizon.steps);
      const StandardScaler scaler = StandardScaler::fit(series.view(), splits.train);
      for (std::size_t c = 0; c < entry.mean.size(); ++c) {
        CAPTURE(series.names[c]);
        CHECK(printed("%.6g", scaler.mean()[c]) == entry.mean[c]);
        CHECK(printed("%.6g", scaler.deviation()[c]) == entry.deviation[c]);
      }
      CHECK(scaler.constant_columns().empty());
      const WindowOptions options{.lookback = lookback, .horizon = horizon.steps};
      CHECK(WindowDataset<float>(series, scaler, splits.train, options).size() == horizon.train);
      CHECK(WindowDataset<float>(series, scaler, splits.validation, options).size() ==
            horizon.validation);
      const WindowDataset<float> test(series, scaler, splits.test, options);
      CHECK(test.size() == horizon.test);
      const Metrics errors = naive_errors(test);
      CHECK(printed("%.4f", errors.mse) == horizon.mse);
      CHECK(printed("%.4f", errors.mae) == horizon.mae);
    }
  }
}

TEST_CASE("The first row of ETTh1 has the marks of a Friday in July", "[parity]") {
  const std::string path = data_file("ETTh1.csv");
  if (path.empty() || !std::filesystem::exists(path)) {
    WARN("ETTh1.csv is absent and skipped; the environment variable SPAT_DATA names its folder");
    return;
  }
  const Series series = read_series(path);
  CHECK(format_date_time(to_date_time(series.times.front())) == "2016-07-01 00:00:00");
  CHECK(format_date_time(to_date_time(series.times.back())) == "2018-06-26 19:00:00");
  CHECK(time_marks(std::span(series.times).first(1), Frequency::hourly) ==
        std::vector<double>{-0.5, 4 / 6.0 - 0.5, -0.5, 182 / 365.0 - 0.5});
  CHECK(series.warnings.empty());
}

TEST_CASE("The irregular times and the missing cells of the weather set are reported", "[parity]") {
  const std::string path = data_file("weather.csv");
  if (path.empty() || !std::filesystem::exists(path)) {
    WARN("weather.csv is absent and skipped; the environment variable SPAT_DATA names its folder");
    return;
  }
  CHECK(read_series(path).warnings ==
        std::vector<std::string>{
            path + ":19046: time 2020-05-12 06:00:00 is repeated",
            path + ":21516: time 2020-05-29 11:10:00 follows 2020-05-29 09:30:00, where frequency "
                   "10min expects 2020-05-29 09:40:00"});
  CHECK_THROWS_AS(read_series(path, {.irregular = SeriesOptions::Irregular::error}), DataError);

  const Series series = read_series(path, {.target = "OT", .missing_code = -9999});
  REQUIRE(series.warnings.size() == 3);
  CHECK(series.warnings[2] ==
        path + R"(: 81 of 1106616 cells (0.007 %) have no number, most of them, 50, in column "OT")"
               "; the value before takes their place");
  const StandardScaler scaler = StandardScaler::fit(series, {0, 36887});
  CHECK(scaler.deviation()[11] < 5);
  CHECK(scaler.deviation()[20] < 50);
}

}  // namespace check_table_tests
