#include <spat/data/time_features.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <spat/core/random.hpp>

#include <array>
#include <cmath>

namespace time_features_tests {

using namespace spat;

namespace {

std::vector<double> marks(std::string_view date, std::string_view frequency) {
  const std::array<std::int64_t, 1> times{parse_date_time(date)->seconds()};
  return time_marks(times, parse_frequency(frequency));
}

}  // namespace

TEST_CASE("Marks are clock and calendar features in the order of the published loaders") {
  CHECK(marks("2016-07-01 00:00:00", "h") ==
        std::vector<double>{-0.5, 4 / 6.0 - 0.5, -0.5, 182 / 365.0 - 0.5});
  CHECK(marks("2016-12-31 23:59:30", "t") ==
        std::vector<double>{0.5, 0.5, 5 / 6.0 - 0.5, 0.5, 0.5});
  CHECK(marks("2017-01-01 12:15:30", "s") ==
        std::vector<double>{30 / 59.0 - 0.5, 15 / 59.0 - 0.5, 12 / 23.0 - 0.5, 0.5, -0.5, -0.5});
  CHECK(marks("2016-07-04", "d") == std::vector<double>{-0.5, 3 / 30.0 - 0.5, 185 / 365.0 - 0.5});
  CHECK(marks("2016-07-04", "b") == marks("2016-07-04", "d"));
  CHECK(marks("2016-07-04", "w") == std::vector<double>{3 / 30.0 - 0.5, 26 / 52.0 - 0.5});
  CHECK(marks("2016-12-04", "m") == std::vector<double>{0.5});
  CHECK(marks("2016-01-04", "a") == std::vector<double>{-0.5});
}

TEST_CASE("Frequencies have a count and several names") {
  const std::array<std::pair<std::string_view, std::size_t>, 8> counts{
      {{"h", 4}, {"t", 5}, {"s", 6}, {"d", 3}, {"b", 3}, {"w", 2}, {"m", 1}, {"a", 1}}};
  for (const auto& [name, count] : counts) {
    CHECK(mark_count(parse_frequency(name)) == count);
    CHECK(frequency_name(parse_frequency(name)) == name);
  }
  CHECK(parse_frequency("15min") == Frequency::minutely);
  CHECK(parse_frequency("hourly") == Frequency::hourly);
  CHECK(
      message_of<ConfigError>([] { (void)parse_frequency("hours"); }) ==
      R"(unknown frequency "hours"; expected s, sec, second, secondly, t, min, minute, minutely, 5min, 10min, )"
      "15min, 30min, h, 1h, hour, hourly, d, 1d, day, daily, b, business, w, week, weekly, m, "
      "month, monthly, a, y, "
      "year, annual or yearly");
}

TEST_CASE("Marks lie between -0.5 and 0.5") {
  Random random(4);
  std::vector<std::int64_t> times(500);
  for (std::int64_t& time : times) time = static_cast<std::int64_t>(random.below(4'000'000'000));
  for (const detail::FrequencyEntry& entry : detail::frequencies) {
    const std::vector<double> all = time_marks(times, entry.frequency);
    CHECK(all.size() == times.size() * entry.count);
    for (const double mark : all) CHECK(std::abs(mark) <= 0.5);
  }
}

}  // namespace time_features_tests
