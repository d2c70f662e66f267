#include <spat/data/read_series.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <sstream>

namespace series_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;

Series read(const std::string& text, const SeriesOptions& options = {}) {
  std::istringstream stream(text);
  return read_series(stream, "own.csv", options);
}

const std::string table = "date,a,OT,b\n2020-01-01 00:00:00,1,2,3\n2020-01-01 01:00:00,4,5,6\n";

}  // namespace

TEST_CASE("A series keeps the order of the file") {
  const Series series = read(table);
  CHECK(series.names == Names{"a", "OT", "b"});
  CHECK(series.values == Values{1, 2, 3, 4, 5, 6});
  CHECK(series.time_index == TimeIndex::date);
  CHECK(series.times == std::vector<std::int64_t>{1577836800, 1577840400});
  CHECK(series.warnings.empty());
  CHECK(series.view().row(1)[2] == 6);
}

TEST_CASE("The target moves to the end, and columns can be chosen") {
  CHECK(read(table, {.target = "OT"}).names == Names{"a", "b", "OT"});
  CHECK(read(table, {.target = "OT"}).values == Values{1, 3, 2, 4, 6, 5});
  CHECK(read(table, {.columns = {"b", "a"}}).values == Values{3, 1, 6, 4});
  CHECK(read(table, {.columns = {"b"}, .target = "OT"}).values == Values{3, 2, 6, 5});
  CHECK(read(table, {.columns = {"OT", "b"}, .target = "OT"}).names == Names{"b", "OT"});
}

TEST_CASE("The error for a missing column lists the columns that exist") {
  CHECK(message_of<ConfigError>([] { (void)read(table, {.target = "TO"}); }) ==
        R"(own.csv: no column "TO"; the columns are "a", "OT", "b")");
  CHECK(message_of<ConfigError>([] {
          (void)read(table, {.columns = {"a", "c"}});
        }) == R"(own.csv: no column "c"; the columns are "a", "OT", "b")");
  CHECK(message_of<ConfigError>([] {
          (void)read("a,b,a\n1,2,3\n", {.columns = {"b"}, .target = "a"});
        }) == R"(own.csv: more than one column "a")");
  CHECK(message_of<DataError>([] { (void)read("a,b,a\n1,2,3\n"); }) ==
        R"(own.csv: columns 1 and 3 are both called "a")");
}

TEST_CASE("Cells of the missing code take the value before, at the start the first there is") {
  const Series series =
      read("a,b\n-9999,1\n-9999,-9999\n7,3\n-9999,-9999\n-9999,5\n", {.missing_code = -9999});
  CHECK(series.values == Values{7, 1, 7, 1, 7, 3, 7, 3, 7, 5});
  CHECK(series.warnings ==
        Names{R"(own.csv: 6 of 10 cells (60 %) have no number, most of them, 4, in column "a"; )"
              "the value before takes their place"});
  CHECK(read("a\n-9999\n1\n").values == Values{-9999, 1});
  CHECK(message_of<DataError>([] { (void)read("a,b\n1,-1\n2,-1\n", {.missing_code = -1}); }) ==
        R"(own.csv: column "b": no cell has a number)");
}

TEST_CASE("Times that go back are refused") {
  CHECK(message_of<DataError>(
            [] { (void)read("date,a\n2020-01-02,1\n2020-01-03,1\n2020-01-01,2\n"); }) ==
        "own.csv:4: time 2020-01-01 00:00:00 lies before 2020-01-03 00:00:00 of the row above");
  CHECK(message_of<DataError>([] { (void)read("index,a\n5,1\n4,2\n"); }) ==
        "own.csv:3: time 4 lies before 5 of the row above");
  CHECK(message_of<DataError>(
            [] { (void)read("index,a\n9223372036854775807,1\n-9223372036854775808,2\n"); }) ==
        "own.csv: the times from -9223372036854775808 to 9223372036854775807 are too far apart");
}

TEST_CASE("A repeated time and a gap are reported, or refused if the options say so") {
  const std::string text =
      "date,a\n2020-01-01 00:00,1\n2020-01-01 00:10,1\n2020-01-01 00:10,1\n2020-01-01 "
      "00:20,1\n2020-01-01 00:30,1\n"
      "2020-01-01 01:30,1\n2020-01-01 01:40,1\n2020-01-01 01:40:30,1\n";
  CHECK(
      read(text).warnings ==
      Names{
          "own.csv:4: time 2020-01-01 00:10:00 is repeated",
          "own.csv:7: time 2020-01-01 01:30:00 follows 2020-01-01 00:30:00, where frequency 10min "
          "expects 2020-01-01 00:40:00; 2 such rows in all"});
  CHECK(message_of<DataError>([&] {
          (void)read(text, {.irregular = SeriesOptions::Irregular::error});
        }) == "own.csv:4: time 2020-01-01 00:10:00 is repeated");
  CHECK(read("index,a\n1,0\n2,0\n3,0\n7,0\n").warnings ==
        Names{"own.csv:5: time 7 follows 3, where frequency 1 expects 4"});
}

TEST_CASE("Months and years are regular; irregular times are counted, not listed") {
  CHECK(read("date,a\n2020-01-01,1\n2020-02-01,1\n2020-03-01,1\n2020-04-01,1\n").warnings.empty());
  CHECK(read("date,a\n2019-01-01,1\n2020-01-01,1\n2021-01-01,1\n").warnings.empty());
  std::string text = "index,a\n";
  for (int i = 0; i < 100; ++i) text += message(i * i, ",0\n");
  CHECK(read(text).warnings ==
        Names{"own.csv:4: time 4 follows 1, where frequency 1 expects 2; 98 such rows in all"});
}

TEST_CASE("A rate that changed and a clock that was set are said with their lines") {
  std::string text = "index,a\n";
  for (int i = 0; i < 20; ++i) text += message(i < 11 ? 4 * i : 40 + (i - 10), ",0\n");
  CHECK(read(text).warnings == Names{"own.csv:13: the frequency is 1 from here on, "
                                     "4 before"});
  std::string clock = "date,a\n";
  for (int hour = 0; hour < 12; ++hour)
    if (hour != 2) clock += message("2023-03-26 ", hour, ":00,1\n");
  CHECK(read(clock).warnings == Names{"own.csv:4: time 2023-03-26 03:00:00 follows 2023-03-26 "
                                      "01:00:00, as if a clock was changed"});
}

TEST_CASE("A calendar that is given is the one that rows are compared with") {
  const std::string text = "date,a\n2024-01-05,1\n2024-01-06,1\n2024-01-07,1\n";
  CHECK(read(text).warnings.empty());
  CHECK(read(text, {.calendar = parse_calendar("B")}).warnings ==
        Names{"own.csv:3: time 2024-01-06 00:00:00 follows 2024-01-05 00:00:00, where frequency B "
              "expects "
              "2024-01-08 00:00:00; 2 such rows in all"});
}

TEST_CASE("A file on disk is read, and a broken one is named") {
  const TemporaryFolder folder;
  CHECK(read_series(folder.put("own.csv", table)).rows() == 2);
  const std::string bad = folder.put("bad.csv", "date,a\n2020-02-30,1\n");
  CHECK(message_of<DataError>([&] { (void)read_series(bad); }) ==
        bad + R"(:2: column "date": "2020-02-30" is not a date)");
}

}  // namespace series_tests
