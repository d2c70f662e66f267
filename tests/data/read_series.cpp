// The forms of files that people have: separators, headers, columns and times.
#include <spat/data/read_series.hpp>
#include <spat/data/series_csv.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <sstream>

namespace read_series_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;

Series read(const std::string& text, const SeriesOptions& options = {}) {
  std::istringstream stream(text);
  return read_series(stream, "own.csv", options);
}
std::string refusal(const std::string& text, const SeriesOptions& options = {}) {
  return message_of<DataError>([&] { (void)read(text, options); });
}
/// The first column of what to_csv() writes for the rows after a series.
std::string goes_on(const Series& series, std::size_t rows = 2) {
  Series future = select_columns(series, {});
  future.times = future_times(series, rows);
  future.values.assign(rows * series.channels(), 0);
  std::string text;
  std::istringstream lines(to_csv(future));
  for (std::string line; std::getline(lines, line);)
    text.append(text.empty() ? "" : " ").append(line.substr(0, line.find(',')));
  return text;
}

}  // namespace

TEST_CASE("a separator and a decimal comma are found and told") {
  const Series series = read("Datum;Last\n2023-01-01;10,5\n2023-01-02;11,25\n");
  CHECK(series.values == Values{10.5, 11.25});
  CHECK(series.names == Names{"Last"});
  CHECK(series.notes ==
        Names{"own.csv: fields are separated by \";\"", "own.csv: numbers have a decimal comma"});
  CHECK(read("a\tb\n1\t2\n").notes == Names{"own.csv: fields are separated by a tab"});
  SeriesOptions options;
  options.csv.separator = ';', options.csv.decimal = ',';
  CHECK(read("a;b\n1,5;2\n", options).notes.empty());
  CHECK(read("date,a\n2023-01-01,1\n").notes.empty());
}

TEST_CASE("a separator at the end of each line is an empty column without a name") {
  CHECK(read("a,b,\n1,2,\n3,4,\n").values == Values{1, 2, 3, 4});
  CHECK(refusal("a,b,\n1,2,\n3,4,5\n") ==
        "own.csv:3: the last column has no name and was empty before, found \"5\"");
}

TEST_CASE("columns of text stop nobody who does not need them") {
  const std::string text = "date,site,a,b,kind\n2023-01-01,North,1,2,x\n2023-01-02,South,3,4,y\n";
  const Series series = read(text);
  CHECK(series.names == Names{"a", "b"});
  CHECK(series.notes ==
        Names{R"(own.csv: column "site", such as "North", and 1 more hold text and are not read)"});
  CHECK(read(text, {.columns = {"b", "a"}}).values == Values{2, 1, 4, 3});
  CHECK(read(text, {.ignored = {"site", "kind", "a"}}).names == Names{"b"});
  CHECK(read(text, {.ignored = {"site", "kind"}}).notes.empty());
  CHECK(message_of<ConfigError>([&] { (void)read(text, {.columns = {"site"}}); }) ==
        R"(own.csv: no column "site"; the columns are "a", "b")");
  CHECK_THROWS_AS(read(text, {.ignored = {"other"}}), ConfigError);
  CHECK(refusal("a,b\nx,y\n") ==
        R"(own.csv:2: no column of numbers; column "a", such as "x", holds text)");
  CHECK(refusal("a,b\nNA,1\n") == R"(own.csv:2: column "a": "NA" is not a number; )"
                                  "the missing rule (--missing) says what takes its place");
  CHECK(refusal("a,b\n1,1\nx,1\n") == R"(own.csv:3: column "a": "x" is not a number)");
}

TEST_CASE("a header of numbers is one, and what is read as none is told") {
  CHECK(read("0,1\n10,20\n11,21\n").names == Names{"0", "1"});
  const Series series = read("10,20\n11,21\n");
  CHECK(series.names == Names{"c0", "c1"});
  CHECK(series.notes == Names{"own.csv: the first line is read as numbers, not as a header"});
  SeriesOptions options;
  options.csv.header = CsvOptions::Header::absent;
  CHECK(read("0,1\n10,20\n", options).rows() == 2);
  CHECK(read("0,1\n10,20\n", options).notes.empty());
}

TEST_CASE("times are found in any column and go on in their form and name") {
  for (const auto& [text, expected] : std::initializer_list<std::pair<const char*, const char*>>{
           {"a,date\n1,2023-01-30\n2,2023-01-31\n", "date 2023-02-01 2023-02-02"},
           {"date,a\n1990-01,1\n1990-02,2\n", "date 1990-03 1990-04"},
           {"Year,a\n1600,1\n1601,2\n", "Year 1602 1603"},
           {"quarter,a\n1990Q3,1\n1990Q4,2\n", "quarter 1991Q1 1991Q2"},
           {"ts,a\n1672531200,1\n1672534800,2\n", "ts 1672538400 1672542000"},
           {"timestamp,a\n1672531200.0,1\n1672534800.0,2\n", "timestamp 1672538400.0 1672542000.0"},
           {"date,a\n44927.0000000,1\n44927.0416667,2\n", "date 44927.0833333 44927.1250000"},
           {"date,a\n2023-01-01T00:00:00Z,1\n2023-01-01T01:00:00Z,2\n",
            "date 2023-01-01T02:00:00Z 2023-01-01T03:00:00Z"},
           {"date,a\n2023-01-01 00:00:00+02:00,1\n2023-01-01 01:00:00+02:00,2\n",
            "date 2023-01-01 02:00:00+02:00 2023-01-01 03:00:00+02:00"},
           {"date,a\n2023-01-01 00:00:00.000,1\n2023-01-01 01:00:00.000,2\n",
            "date 2023-01-01 02:00:00.000 2023-01-01 03:00:00.000"},
           {"day,a\n30.01.2023,1\n31.01.2023,2\n", "day 01.02.2023 02.02.2023"},
           {"date,time,a\n2023-01-01,23:00,1\n2023-01-01,23:30,2\n",
            "date 2023-01-02 00:00 2023-01-02 00:30"},
           {"index,a\n7,1\n9,2\n", "index 11 13"}}) {
    CAPTURE(text);
    const Series series = read(text);
    CHECK(series.channels() == 1);
    CHECK(goes_on(series) == expected);
  }
}

TEST_CASE("the column of times can be named, left out, or be two") {
  const std::string text = "a,t,clock,day\n1,5,10:00,2023-01-01\n2,6,11:00,2023-01-01\n";
  CHECK(goes_on(read(text)) == "day 2023-01-01 12:00 2023-01-01 13:00");
  CHECK(goes_on(read(text, {.ignored = {"clock", "day"}, .time_column = "t"})) == "t 7 8");
  CHECK(goes_on(read(text, {.time_column = "day+clock"})) ==
        "day 2023-01-01 12:00 2023-01-01 13:00");
  CHECK(read(text).notes == Names{"own.csv: columns \"day\" and \"clock\" are read as times"});
  CHECK(goes_on(read("day,clock,a\n2023-01-01,10:00,1\n2023-01-02,11:00,2\n",
                     {.ignored = {"clock"}})) == "day 2023-01-03 2023-01-04");
  CHECK(read(text, {.ignored = {"clock", "day"}}).time_index == TimeIndex::none);
  const Series none = read(text, {.time_column = SeriesOptions::no_times});
  CHECK(none.time_index == TimeIndex::none);
  CHECK(none.names == Names{"a", "t"});
  CHECK(message_of<ConfigError>([&] { (void)read(text, {.time_column = "x"}); }) ==
        R"(own.csv: no column "x"; the columns are "a", "t", "clock", "day")");
  CHECK(refusal(text, {.time_column = "a+clock"}) == R"(own.csv:2: column "a": "1" is not a date)");
}

TEST_CASE("days and months are told apart by the whole column, or asked for") {
  std::string months = "date,a\n";
  for (int month = 1; month <= 14; ++month)
    months += message(month < 10 || month > 12 ? "01/0" : "01/", (month - 1) % 12 + 1, "/",
                      1990 + (month - 1) / 12, ",1\n");
  const Series series = read(months);
  CHECK(goes_on(series) == "date 01/03/1991 01/04/1991");
  CHECK(series.notes == Names{"own.csv: column \"date\" is read as dmy, because only so have its "
                              "dates an even step"});
  const std::string both = "date,a\n01/02/2023,1\n01/03/2023,2\n01/04/2023,3\n";
  CHECK(refusal(both) ==
        "own.csv: column \"date\": its dates can be read day first and month "
        "first: the date format (--date-format) says which, dmy or mdy");
  CHECK(goes_on(read(both, {.date_format = TimeForm::dmy})) == "date 01/05/2023 01/06/2023");
  CHECK(goes_on(read(both, {.date_format = TimeForm::mdy})) == "date 01/05/2023 01/06/2023");
  CHECK(read(both, {.date_format = TimeForm::mdy}).times[1] == DateTime{2023, 1, 3}.seconds());
  CHECK(read("date,a\n2023-01-31,1\n", {.date_format = TimeForm::mdy}).rows() == 1);
}

TEST_CASE("a channel that rises evenly like times is told") {
  std::string text = "minute,a\n";
  for (int r = 0; r < 12; ++r) text += message(60 * r, ",", r % 5, "\n");
  CHECK(read(text).notes == Names{"own.csv: column \"minute\" rises by 60 in every row and is read "
                                  "as a channel, not as times (--time-column)"});
  CHECK(read(text, {.time_column = SeriesOptions::no_times}).notes.empty());
  CHECK(goes_on(read(text, {.time_column = "minute"})) == "minute 720 780");
  CHECK(read("minute,a\n60,1\n120,2\n").notes.empty());
}

TEST_CASE("numbers are written with the digits that read back") {
  Series series = read("date,meter\n2023-01-01,1234567890.29\n2023-01-02,0.1\n");
  CHECK(to_csv(series) == "date,meter\n2023-01-01,1234567890.29\n2023-01-02,0.1\n");
}

TEST_CASE("an index that a table was written with is no channel") {
  for (const char* const header : {",date,a\n", "Unnamed: 0,date,a\n"}) {
    const Series series = read(message(header, "0,2020-01-01,5\n1,2020-01-02,7\n2,2020-01-03,5\n"));
    CHECK(series.names == Names{"a"});
    CHECK(std::ranges::count(series.notes,
                             "own.csv: the first column numbers the rows and is not read") == 1);
  }
  CHECK(read(",date,a\n5,2020-01-01,5\n9,2020-01-02,7\n").names == Names{"c0", "a"});
  CHECK(read("n,date,a\n0,2020-01-01,5\n1,2020-01-02,7\n").names == Names{"n", "a"});
}

TEST_CASE("the column of times has a name of its own") {
  CHECK(refusal("date,a,date\n2020-01-01,1,2\n2020-01-02,1,2\n") ==
        R"(own.csv: columns 1 and 3 are both called "date")");
  CHECK(read("2020-01-01,1\n2020-01-02,1\n").time_name == "date");
  CHECK(read(",a\n2020-01-01,1\n2020-01-02,1\n").time_name.empty());
  CHECK(read(",a\n0,1\n1,1\n").time_name.empty());
}

TEST_CASE("times alone are read without a column of numbers") {
  const Series series = read("date,x\n2020-01-01,no\n2020-01-02,\n", {.times_only = true});
  CHECK((series.times.size() == 2 && series.names.empty() && series.values.empty()));
  CHECK_THROWS_AS(read("a,b\n1,2\n", {.times_only = true}), DataError);
  CHECK(refusal("date,a\n2020-01-01,1.234.567\n") ==
        R"(own.csv:2: no column of numbers; column "a", such as "1.234.567", holds text)");
}

}  // namespace read_series_tests
