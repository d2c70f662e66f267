// Many series in one file, as rows of (id, time, value).
#include <spat/data/missing.hpp>
#include <spat/data/read_panel.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <cmath>
#include <sstream>

namespace read_panel_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;
using Bytes = std::vector<std::uint8_t>;
const LongColumns columns{"id", "time", "value"};

Panel read(const std::string& text, const SeriesOptions& options = {}) {
  std::istringstream stream(text);
  return read_panel(stream, "own.csv", {.columns = columns, .series = options});
}
/// Rows under the header "id,time,value".
Panel rows(const std::string& text, const SeriesOptions& options = {}) {
  return read(message("id,time,value\n", text), options);
}
std::string refusal(const std::string& text, const SeriesOptions& options = {}) {
  return message_of<DataError>([&] { (void)rows(text, options); });
}
std::string misuse(const std::string& text, const SeriesOptions& options = {}) {
  return message_of<ConfigError>([&] { (void)read(text, options); });
}
std::int64_t day(unsigned month, unsigned of_month) {
  return DateTime{2023, month, of_month}.seconds();
}
Names ids(const Panel& panel) {
  Names names;
  for (const Series& one : panel.series) names.push_back(one.names.at(0));
  return names;
}
/// One row per day of January 2023, from the first day to the last one.
std::string january(const std::string& id, unsigned first, unsigned last) {
  std::string text;
  for (unsigned d = first; d <= last; ++d)
    text.append(message(id, ",2023-01-", d < 10 ? "0" : "", d, ",", d, "\n"));
  return text;
}

}  // namespace

TEST_CASE("rows are sorted into series of their own lengths and starts") {
  const Panel panel =
      rows("b,2023-01-05,1\na,2023-01-01,10\nb,2023-01-06,2\na,2023-01-02,20\na,2023-01-03,30\n");
  REQUIRE(ids(panel) == Names{"b", "a"});
  const Series &b = panel.series[0], &a = panel.series[1];
  CHECK_NOTHROW(panel.check());
  CHECK(b.values == Values{1, 2});
  CHECK(a.values == Values{10, 20, 30});
  CHECK(b.times == std::vector{day(1, 5), day(1, 6)});
  CHECK(a.times == std::vector{day(1, 1), day(1, 2), day(1, 3)});
  for (const Series* one : {&a, &b}) {
    CHECK(one->time_index == TimeIndex::date);
    CHECK(one->time_name == "time");
    CHECK(one->time_format == TimeFormat{});
    CHECK(one->filled.empty());
  }
  CHECK(panel.columns == columns);
  CHECK((panel.warnings.empty() && panel.notes.empty()));
}

TEST_CASE("ids are the texts that they are") {
  const Panel panel = rows(
      "007,1,1\n7,1,2\n7.0,1,3\n\"a, b\",1,4\n\"say \"\"x\"\"\",1,5\n"
      " 7 ,2,6\n\"two\nlines\",1,7\n007,2,8\n");
  CHECK(ids(panel) == Names{"007", "7", "7.0", "a, b", "say \"x\"", "two\nlines"});
  CHECK(panel.series[0].values == Values{1, 8});
  CHECK(panel.series[1].values == Values{2, 6});
  CHECK(panel.series[1].time_index == TimeIndex::integer);
  CHECK(panel.series[1].times == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("ids in Latin-1 become UTF-8, and are the same series as those in UTF-8") {
  const Panel panel = rows("K\xF6ln,1,1\nK\xC3\xB6ln,2,2\nK\xF6ln,3,3\nBonn,1,4\nK\xF6ln,4,5\n");
  CHECK(ids(panel) == Names{"K\xC3\xB6ln", "Bonn"});
  CHECK(panel.series[0].values == Values{1, 2, 3, 5});
}

TEST_CASE("columns are found by name in any order, and others are told") {
  const Panel panel = read("value,region,time,id\n1,north,2023-01-01,a\n2,south,2023-01-02,a\n");
  CHECK(panel.series.at(0).values == Values{1, 2});
  CHECK(panel.notes == Names{"own.csv: column \"region\" is not read"});
  const std::string three = "x,id,time,y,value,z\n1,a,2023-01-01,2,3,4\n";
  CHECK(read(three).notes == Names{"own.csv: column \"x\", and 2 more are not read"});
  CHECK(read(three, {.ignored = {"x", "z"}}).notes == Names{"own.csv: column \"y\" is not read"});
  CHECK(read(three, {.ignored = {"x", "y", "z"}}).notes.empty());
  CHECK(read("id,time,value,\na,2023-01-01,3,\n").notes.empty());
  CHECK(read("id;time;value\na;2023-01-01;3,5\na;2023-01-02;4,5\n").notes ==
        Names{"own.csv: fields are separated by \";\"", "own.csv: numbers have a decimal comma"});
  CHECK(read("id\ttime\tvalue\na\t1\t3\n").notes ==
        Names{"own.csv: fields are separated by a tab"});
  SeriesOptions options;
  options.csv.separator = ';', options.csv.decimal = ',';
  const Panel told = read("id;time;value\na;2023-01-01;3,5\n", options);
  CHECK(told.notes.empty());
  CHECK(told.series.at(0).values == Values{3.5});
}

TEST_CASE("the first line is a header, even of numbers") {
  std::istringstream stream("1,2,4\n5,6,7\n");
  const Panel panel = read_panel(stream, "own.csv", {.columns = {"1", "2", "4"}});
  CHECK(ids(panel) == Names{"5"});
  CHECK(panel.series.at(0).values == Values{7});
}

TEST_CASE("options that a long table cannot have are refused") {
  const std::string text = "id,time,value\na,2023-01-01,3\n";
  CHECK(misuse("name,time,value\na,1,2\n") ==
        R"(own.csv: no column "id"; the columns are "name", "time", "value")");
  CHECK(contains(misuse("id,when,value\na,1,2\n"), R"(no column "time")"));
  CHECK(contains(misuse("id,time,y\na,1,2\n"), R"(no column "value")"));
  CHECK(misuse("id,time,value,id\na,1,2,b\n") == R"(own.csv: more than one column "id")");
  CHECK(contains(misuse(text, {.ignored = {"other"}}), R"(no column "other")"));
  const std::string others =
      "a long table has one column of times and one of values: expected no "
      "other names of columns, target or times";
  CHECK(misuse(text, {.columns = {"value"}}) == others);
  CHECK(misuse(text, {.target = "value"}) == others);
  CHECK(misuse(text, {.time_column = "time"}) == others);
  SeriesOptions headless;
  headless.csv.header = CsvOptions::Header::absent;
  CHECK(misuse(text, headless) == "a long table needs a header, which names its columns");
  for (const LongColumns& same : {LongColumns{"id", "id", "value"}, LongColumns{"id", "time", "id"},
                                  LongColumns{"id", "time", "time"}}) {
    std::istringstream stream(text);
    CHECK(message_of<ConfigError>([&] { (void)read_panel(stream, "", {.columns = same}); }) ==
          "ids, times and values of a long table are in three different columns");
  }
}

TEST_CASE("cells without a number are NaN and marked, for the caller to fill") {
  const std::string text = "a,1,5\nb,1,7\na,2,\nb,2,8\na,3,NA\na,4,-9\nb,3,-9\n";
  Panel panel = rows(text, {.missing_code = -9});
  Series &a = panel.series.at(0), &b = panel.series.at(1);
  CHECK(a.filled == Bytes{0, 1, 1, 1});
  CHECK(b.filled == Bytes{0, 0, 1});
  CHECK(a.values[0] == 5);
  for (std::size_t row = 1; row < 4; ++row) CHECK(std::isnan(a.values[row]));
  CHECK((b.values[1] == 8 && std::isnan(b.values[2])));
  CHECK(panel.warnings == Names{"own.csv:4: column \"value\": series \"a\" has no number at 2; "
                                "4 such cells in 2 series"});
  fill_missing(a, MissingRule::previous);
  CHECK(a.values == Values{5, 5, 5, 5});

  const Panel plain = rows(text);
  CHECK(plain.series[0].values[3] == -9);
  CHECK(plain.series[1].filled.empty());
  CHECK(rows("a,1,5\na,2,\na,3,6\n").warnings ==
        Names{"own.csv:3: column \"value\": series \"a\" has no number at 2"});
  CHECK(rows("a,1,5\na,2,\n", {.missing = MissingRule::linear}).series[0].is_filled(1, 0));
  CHECK(refusal(text, {.missing = MissingRule::error}) ==
        "own.csv:4: column \"value\": the cell is empty; the missing rule (--missing) says what "
        "takes its place");
  CHECK(refusal("a,1,5\na,2,-9\n", {.missing_code = -9, .missing = MissingRule::error}) ==
        "own.csv:3: column \"value\": \"-9\" is not a number; the missing rule (--missing) says "
        "what takes its place");
}

TEST_CASE("one form of times fits all cells of all series") {
  // only the cell of b tells that the month comes first
  const Panel first = rows("a,01/02/2023,1\nb,01/13/2023,2\na,01/03/2023,3\nb,01/14/2023,4\n");
  CHECK(first.series.at(0).times == std::vector{day(1, 2), day(1, 3)});
  CHECK(first.series.at(1).times == std::vector{day(1, 13), day(1, 14)});
  CHECK(first.series[0].time_format.form == TimeForm::mdy);
  CHECK(first.notes.empty());
  // both fit: day first, b has even steps, and the two rows of a tell none
  const std::string both =
      "b,01/02/2023 00:00,1\na,01/03/2023 00:00,1\nb,01/02/2023 12:00,2\n"
      "b,02/02/2023 00:00,3\nb,02/02/2023 12:00,4\na,02/03/2023 00:00,1\n";
  constexpr std::int64_t noon = 12 * 3600;
  const Panel even = rows(both);
  CHECK(even.series.at(0).times ==
        std::vector{day(2, 1), day(2, 1) + noon, day(2, 2), day(2, 2) + noon});
  CHECK(even.series.at(1).times == std::vector{day(3, 1), day(3, 2)});
  CHECK(even.notes == Names{"own.csv: column \"time\" is read as dmy, because only so have the "
                            "dates of all series an even step"});
  const Panel told = rows(both, {.date_format = TimeForm::mdy});
  CHECK(told.series.at(1).times == std::vector{day(1, 3), day(2, 3)});
  CHECK(told.notes.empty());
  // a form that the cells do not have is none
  CHECK(rows(both, {.date_format = TimeForm::quarter}).notes == even.notes);
  // a repeated row does not disturb
  CHECK(rows(message("b,01/02/2023 00:00,1\n", both)).notes == even.notes);
}

TEST_CASE("dates of two forms are refused if the series do not decide") {
  const std::string ambiguous =
      "own.csv: column \"time\": its dates can be read day first and month first: the date format "
      "(--date-format) says which, dmy or mdy";
  CHECK(refusal("a,01/02/2023,1\na,02/02/2023,2\n") == ambiguous);  // two rows tell no step
  // of two rows that rise month first alone, neither
  CHECK(refusal("a,01/12/2023,1\na,02/01/2023,2\n") == ambiguous);
  // even in both forms, as days and as months
  CHECK(refusal("a,01/02/2023,1\na,02/02/2023,2\na,03/02/2023,3\n") == ambiguous);
  // day first, the frequency changes
  std::string changed;
  for (int hour = 0; hour < 24; ++hour) changed.append(message("a,01/02/2023 ", hour, ":00,1\n"));
  for (int half = 0; half < 20; ++half)
    changed.append(message("a,", half / 2 + 2, "/02/2023 ", half % 2 * 12, ":00,1\n"));
  CHECK(refusal(changed) == ambiguous);
  // a is even day first, b month first
  CHECK(refusal("a,01/02/2023 00:00,1\na,01/02/2023 12:00,1\na,02/02/2023 00:00,1\n"
                "b,02/01/2023 00:00,1\nb,02/01/2023 12:00,1\nb,02/02/2023 00:00,1\n") == ambiguous);
  // only month first do the times of both rise: the two rows of b decide
  const Panel risen = rows(
      "a,01/02/2023,1\na,01/03/2023,2\na,01/04/2023,3\n"
      "b,01/12/2023,1\nb,02/01/2023,2\n");
  CHECK(risen.series.at(0).times == std::vector{day(1, 2), day(1, 3), day(1, 4)});
}

TEST_CASE("times of other forms go by series, and their form is told") {
  const Panel panel = rows("a,20230101,1\nb,20230101,1\na,20230102,1\n");
  CHECK(panel.series.at(0).times == std::vector{day(1, 1), day(1, 2)});
  CHECK(panel.notes == Names{"own.csv: column \"time\" is read as times of the form yyyymmdd"});
  CHECK(rows("a,2023-01-01T00:00:00+02:00,1\nb,2022-12-31T23:00:00+01:00,2\n").series.at(1).times ==
        std::vector{day(1, 1)});
}

TEST_CASE("cells that are not what their column holds are refused with their line") {
  CHECK(refusal("a,1,5\nb,x,6\n") == R"(own.csv:3: column "time": "x" is not an integer)");
  CHECK(refusal("a,2023-01-01,5\nb,2023-02-30,6\n") ==
        R"(own.csv:3: column "time": "2023-02-30" is not a date)");
  CHECK(refusal("a,13/01/2023,5\nb,01/13/2023,6\n") ==
        R"(own.csv:3: column "time": "01/13/2023" is not a date)");
  CHECK(refusal("a,yesterday,5\n") == R"(own.csv:2: column "time": "yesterday" is not a date)");
  CHECK(refusal("a,1,5\nb,,6\n") == R"(own.csv:3: column "time": the cell is empty)");
  CHECK(refusal("a,1,5\n ,1,6\n") == R"(own.csv:3: column "id": the cell is empty)");
  CHECK(refusal(",1,5\n") == R"(own.csv:2: column "id": the cell is empty)");
  CHECK(refusal("a,1,5\na,2,five\n") == R"(own.csv:3: column "value": "five" is not a number)");
  CHECK(refusal("a,1,5\na,2,inf\n") == R"(own.csv:3: column "value": "inf" is not finite)");
  CHECK(refusal("a,1,5\na,2\n") == "own.csv:3: expected 3 fields, found 2");
  CHECK(refusal("") == "own.csv: no rows after the header");
}

TEST_CASE("the times of a series rise") {
  CHECK(
      refusal("a,2023-01-02,1\nb,2023-01-09,1\nb,2023-01-08,1\n") ==
      "own.csv:4: column \"time\": time 2023-01-08 of series \"b\" lies before 2023-01-09 on line "
      "3: the rows of a series must be in the order of time");
  CHECK(refusal("a,5,1\nb,1,1\na,4,1\n") ==
        "own.csv:4: column \"time\": time 4 of series \"a\" lies before 5 on line 2: the rows of a "
        "series must be in the order of time");
  // lines count, not rows, where an id has line ends
  CHECK(contains(refusal("\"a\nb\nc\",1,1\nd,3,1\nd,2,1\n"), "own.csv:6: column \"time\": time 2"));
  CHECK(contains(refusal("\"a\nb\nc\",1,1\nd,3,1\nd,2,1\n"), "before 3 on line 5"));
  CHECK(contains(refusal("d,3,1\n\"a\nb\",1,1\nd,2,1\n"), "before 3 on line 2"));
  CHECK(contains(refusal("d,3,1\n\"a\nb\",1,1\nd,2,1\n"), "own.csv:5: "));
  CHECK(contains(refusal("\"a\nb\",1,1\n\"c\nd\",1,1\ne,3,1\ne,2,1\n"), "own.csv:7: "));
}

TEST_CASE("a row that says the same again is left out, one that says something else refused") {
  const std::string text = "a,1,5\nb,1,6\na,1,5\na,2,7\na,2,7\na,3,\na,3,\n";
  const Panel panel = rows(text);
  CHECK(panel.series.at(0).times == std::vector<std::int64_t>{1, 2, 3});
  CHECK(panel.series[0].filled == Bytes{0, 0, 1});
  CHECK(panel.warnings ==
        Names{"own.csv:4: time 1 of series \"a\" is repeated with the same value and left out; "
              "3 such rows in all",
              "own.csv:7: column \"value\": series \"a\" has no number at 3"});
  CHECK(rows("a,1,5\na,1,5\na,2,6\n").warnings ==
        Names{"own.csv:3: time 1 of series \"a\" is repeated with the same value and left out"});
  CHECK(refusal(text, {.irregular = SeriesOptions::Irregular::error}) == panel.warnings[0]);
  const std::string other = " with another value: a series has one value at a time";
  CHECK(refusal("a,1,5\nb,1,6\na,1,6\n") ==
        message("own.csv:4: column \"time\": time 1 of series \"a\" is on line 2", other));
  CHECK(refusal("a,1,5\na,1,\n") ==
        message("own.csv:3: column \"time\": time 1 of series \"a\" is on line 2", other));
  CHECK(refusal("a,1,\na,1,5\n").ends_with(other));
}

TEST_CASE("what is irregular is one warning for each kind, with its first place and the number") {
  // b lacks the 3rd, c the 4th and the 6th
  const std::string holes = message(january("a", 1, 9), january("b", 1, 2), january("b", 4, 9),
                                    january("c", 1, 3), january("c", 5, 5), january("c", 7, 9));
  const Names expected{
      "own.csv:13: time 2023-01-04 of series \"b\" follows 2023-01-02, where "
      "frequency D expects 2023-01-03; 3 such rows in 2 series"};
  CHECK(rows(holes).warnings == expected);
  CHECK(refusal(holes, {.irregular = SeriesOptions::Irregular::error}) == expected[0]);
  CHECK(rows(message(january("a", 1, 9), january("b", 1, 2), january("b", 4, 9))).warnings ==
        Names{"own.csv:13: time 2023-01-04 of series \"b\" follows 2023-01-02, where frequency D "
              "expects 2023-01-03"});
  // rows that are left out do not count, and lines still do
  CHECK(rows(message("b,2023-01-01,1\nb,2023-01-01,1\n", holes))
            .warnings.at(1)
            .starts_with("own.csv:15: time 2023-01-04 of series \"b\""));
}

TEST_CASE("series of another frequency than most are one warning") {
  const std::string weekly = "x,2023-01-02,1\nx,2023-01-09,2\nx,2023-01-16,3\n";
  const std::string daily = message(january("a", 1, 9), january("b", 2, 8));
  CHECK(rows(message(weekly, daily)).warnings ==
        Names{"own.csv:2: series \"x\" has frequency W, where most series have D"});
  const std::string second = "y,2023-01-02,1\ny,2023-01-09,2\ny,2023-01-16,3\n";
  const std::string text = message(daily, january("c", 1, 3), weekly, second);
  CHECK(rows(text).warnings ==
        Names{"own.csv:21: series \"x\" has frequency W, where most series have D; 2 such series"});
  CHECK(to_text(calendar_of(rows(text))) == "D");
  // a short series of business days follows what most do
  CHECK(rows(message(daily, january("c", 2, 6))).warnings.empty());
  CHECK(rows("a,2023-01-01,1\nb,2023-01-05,1\n").warnings.empty());
}

TEST_CASE("a calendar that is given counts for every series") {
  const Calendar week{.unit = Calendar::Unit::seconds, .step = 7 * Calendar::seconds_of_day};
  CHECK(rows(january("a", 1, 3), {.calendar = week}).warnings ==
        Names{"own.csv:3: time 2023-01-02 of series \"a\" follows 2023-01-01, where frequency W "
              "expects 2023-01-08; 2 such rows in 1 series"});
  CHECK(rows("a,2023-01-01,1\na,2023-01-08,1\n", {.calendar = week}).warnings.empty());
}

TEST_CASE("changes of the frequency and of the clock are kinds of their own") {
  std::string changed;
  for (const char* id : {"a", "b"}) {
    for (int t = 0; t < 20; t += 1) changed.append(message(id, ",", t, ",1\n"));
    for (int t = 21; t < 41; t += 2) changed.append(message(id, ",", t, ",1\n"));
  }
  CHECK(rows(changed).warnings ==
        Names{"own.csv:22: the frequency of series \"a\" is 2 from here on, 1 before; 2 such "
              "series"});
  std::string clock;  // the hour from two to three is left out on 2023-03-26
  for (const char* id : {"a", "b"})
    for (const char* hour : {"00", "01", "03", "04", "05"})
      clock.append(message(id, ",2023-03-26 ", hour, ":00,1\n"));
  CHECK(rows(clock).warnings ==
        Names{"own.csv:4: time 2023-03-26 03:00 of series \"a\" follows 2023-03-26 01:00, as if a "
              "clock was changed; 2 such times in 2 series"});
}

TEST_CASE("times that are too far apart are refused with the id") {
  CHECK(contains(refusal("a,1,1\na,2,1\nb,-9000000000000000000,1\nb,9000000000000000000,2\n"),
                 "own.csv: series \"b\": the times from -9000000000000000000"));
}

TEST_CASE("a panel is read from a file") {
  const TemporaryFolder folder;
  const auto path = folder.put("long.csv", "id,time,value\na,1,5\nb,x,6\n");
  CHECK(message_of<DataError>([&] { (void)read_panel(path, {.columns = columns}); }) ==
        message(path, R"(:3: column "time": "x" is not an integer)"));
  (void)folder.put("long.csv", "id,time,value\na,1,5\nb,1,6\n");
  CHECK(ids(read_panel(path, {.columns = columns})) == Names{"a", "b"});
  CHECK_THROWS_AS(read_panel(folder / "none.csv", {.columns = columns}), FileError);
}

TEST_CASE("a thousand series of a hundred interleaved rows each come out whole") {
  constexpr int series = 1000, length = 100;
  std::string text;
  for (int r = 0; r < length; ++r)
    for (int s = 0; s < series; ++s)
      text.append(message("s", s, ",", r + s, ",", s * 1000 + r, "\n"));
  const Panel panel = rows(text);
  REQUIRE(panel.series.size() == series);
  CHECK(panel.warnings.empty());
  bool right = true;
  for (int s = 0; s < series; ++s) {
    const Series& one = panel.series[static_cast<std::size_t>(s)];
    right = right && one.names[0] == message("s", s) && one.rows() == length;
    for (int r = 0; r < length && right; ++r) {
      const auto row = static_cast<std::size_t>(r);
      right = one.values[row] == s * 1000 + r && one.times[row] == r + s;
    }
  }
  CHECK(right);
}

}  // namespace read_panel_tests
