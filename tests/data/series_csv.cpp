#include <spat/data/read_series.hpp>
#include <spat/data/series_csv.hpp>

#include <tests/support/catch.hpp>

#include <sstream>

namespace series_csv_tests {

using namespace spat;

TEST_CASE("A series is written as a table that reads as the same series") {
  Series series;
  series.names = {"plain", "with, comma", "with \"quotes\""};
  series.values = {1, -2.5, 1e300, 0.1, 3, 4};
  CHECK(to_csv(series) ==
        "step,plain,\"with, comma\",\"with \"\"quotes\"\"\"\n1,1,-2.5,1e+300\n2,0.1,3,4\n");
  series.time_index = TimeIndex::date;
  series.times = {DateTime{2024, 2, 28, 23, 30, 0}.seconds(), DateTime{2024, 2, 29}.seconds()};
  const std::string dated = to_csv(series);
  CHECK(dated.ends_with("\n2024-02-28 23:30:00,1,-2.5,1e+300\n2024-02-29 00:00:00,0.1,3,4\n"));
  std::istringstream stream(dated);
  const Series back = read_series(stream, "dated");
  CHECK((back.names == series.names && back.values == series.values));
  CHECK(back.times == series.times);
  series.time_index = TimeIndex::integer;
  series.times = {7, 8};
  CHECK(to_csv(series).ends_with("\n7,1,-2.5,1e+300\n8,0.1,3,4\n"));
}

}  // namespace series_csv_tests
