#include <spat/io/csv.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <spat/core/random.hpp>

#include <cstring>
#include <sstream>

namespace csv_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;

/// Dates are D1, D2, ... here, because io knows no calendar.
CsvOptions with_dates() {
  CsvOptions options;
  options.parse_time = [](std::string_view text) {
    return text.starts_with('D') ? parse_number<std::int64_t>(text.substr(1)) : std::nullopt;
  };
  return options;
}
CsvTable read(const std::string& text, const CsvOptions& options = with_dates()) {
  std::istringstream stream(text);
  return read_csv(stream, "ETTh1.csv", options);
}
std::string refusal(const std::string& text, const CsvOptions& options = with_dates()) {
  return message_of<DataError>([&] { (void)read(text, options); });
}

}  // namespace

TEST_CASE("A table with a header and dates is read") {
  const CsvTable table = read("date,HUFL,OT\nD1,1.5,2\nD2,-3,4e2\n");
  CHECK(table.names == Names{"HUFL", "OT"});
  CHECK(table.values == Values{1.5, 2, -3, 400});
  CHECK(table.time_index == TimeIndex::date);
  CHECK(table.time_name == "date");
  CHECK(table.times == std::vector<std::int64_t>{1, 2});
  CHECK(table.rows() == 2);
  CHECK(table.cols() == 2);
  CHECK(table.first_line == 2);
}

TEST_CASE(
    "Line ends, a missing last one, a byte order mark and blank lines at the end make no "
    "difference") {
  const Values expected{1, 2, 3, 4};
  for (const char* text : {"a,b\n1,2\n3,4", "a,b\r\n1,2\r\n3,4\r\n", "a,b\r1,2\r3,4",
                           "\xEF\xBB\xBF"
                           "a,b\n1,2\n3,4\n",
                           "a,b\n1,2\n3,4\n\n\r\n", "a,b\n 1 ,\t2\n+3,4\n"}) {
    CAPTURE(text);
    const CsvTable table = read(text);
    CHECK(table.names == Names{"a", "b"});
    CHECK(table.values == expected);
  }
}

TEST_CASE("Names may hold blanks, signs, quotes and Latin-1 bytes") {
  const CsvTable table = read(
      "\"date\",p (mbar),\"rh, (%)\",\"a \"\"b\"\"\",SWDR (W/m\xB2),PAR "
      "(\xC2\xB5mol/m\xC2\xB2/s),\"two\nlines\", wv "
      "(m/s) \nD1,1,2,3,4,5,6,7\n");
  CHECK(table.names == Names{"p (mbar)", "rh, (%)", "a \"b\"", "SWDR (W/m\xC2\xB2)",
                             "PAR (\xC2\xB5mol/m\xC2\xB2/s)", "two\nlines", "wv (m/s)"});
  CHECK(table.first_line == 3);
  CHECK(table.time_name == "date");
}

TEST_CASE("Numbers may be quoted") {
  CHECK(read("a,b\n\"1\",\"-2.5\" \n").values == Values{1, -2.5});
}

TEST_CASE("Without a header the columns are numbered") {
  const CsvTable numbers = read("1,2\n3,4\n");
  CHECK(numbers.names == Names{"c0", "c1"});
  CHECK(numbers.values == Values{1, 2, 3, 4});
  CHECK(numbers.time_index == TimeIndex::none);
  CHECK(numbers.times.empty());
  CHECK(numbers.first_line == 1);

  const CsvTable dated = read("D1,1,2\nD2,3,4\n");
  CHECK(dated.names == Names{"c0", "c1"});
  CHECK(dated.times == std::vector<std::int64_t>{1, 2});
}

TEST_CASE(
    "A header of numbers with a date column is a header; a column without a name is numbered") {
  CHECK(read("date,0,1,OT\nD1,5,6,7\n").names == Names{"0", "1", "OT"});
  CHECK(read("date,0,1\nD1,5,6\n").names == Names{"0", "1"});
  CHECK(read("date,a,\nD1,5,6\n").names == Names{"a", "c1"});
}

TEST_CASE("An integer index is a time if its name or the options say so") {
  for (const char* name : {"index", "Date", "", "TIMESTAMP"}) {
    CAPTURE(name);
    const CsvTable table = read(std::string(name) + ",a\n10,1\n11,2\n");
    CHECK(table.time_index == TimeIndex::integer);
    CHECK(table.times == std::vector<std::int64_t>{10, 11});
    CHECK(table.values == Values{1, 2});
  }
  CHECK(read("x,a\n10,1\n").time_index == TimeIndex::none);
  CHECK(read("index,a\n10.5,1\n").time_index == TimeIndex::none);

  CsvOptions options = with_dates();
  options.times = CsvOptions::Times::first_column;
  CHECK(read("10,1\n11,2\n", options).times == std::vector<std::int64_t>{10, 11});
  options.times = CsvOptions::Times::none;
  CHECK(read("index,a\n10,1\n", options).names == Names{"index", "a"});
  CHECK(refusal("date,a\nD1,1\n", options) ==
        R"(ETTh1.csv:2: column "date": "D1" is not a number)");
}

TEST_CASE("Separator and header can be chosen") {
  CsvOptions options = with_dates();
  options.separator = ';';
  CHECK(read("a;b\n1;2\n", options).values == Values{1, 2});
  CHECK(refusal("a;b\n1,5;2\n", options) == R"(ETTh1.csv:2: column "a": "1,5" is not a number)");
  options.separator = ',';
  options.header = CsvOptions::Header::present;
  CHECK(read("2020,2021\n1,2\n", options).names == Names{"2020", "2021"});
  options.header = CsvOptions::Header::absent;
  CHECK(refusal("a,b\n1,2\n", options) == R"(ETTh1.csv:1: column "c0": "a" is not a number)");
}

TEST_CASE("A bad cell is named by line, column and content") {
  std::string text = "date,HUFL,OT\n";
  for (int i = 2; i < 1042; ++i) text += message("D", i, ",1,2\n");
  CHECK(refusal(text + "D9,1,n/a\n") == R"(ETTh1.csv:1042: column "OT": "n/a" is not a number)");
  CHECK(refusal("date,OT\nD1,1\nD2,\n") == R"(ETTh1.csv:3: column "OT": the cell is empty)");
  CHECK(refusal("date,OT\nD1,1\nD2,nan\n") == R"(ETTh1.csv:3: column "OT": "nan" is not finite)");
  CHECK(refusal("date,OT\nD1,-Inf\n") == R"(ETTh1.csv:2: column "OT": "-Inf" is not finite)");
  CHECK(refusal("date,OT\nD1,1e999\n") ==
        R"(ETTh1.csv:2: column "OT": "1e999" is beyond the range of double)");
  CHECK(refusal("date,OT\nD1,0x10\n") == R"(ETTh1.csv:2: column "OT": "0x10" is not a number)");
  CHECK(refusal("date,OT\nD1,1\nyesterday,2\n") ==
        R"(ETTh1.csv:3: column "date": "yesterday" is not a date)");
  CHECK(refusal("date,OT\nyesterday,2\n") ==
        R"(ETTh1.csv:2: column "date": "yesterday" is not a date)");
  CHECK(refusal("date,OT\n,2\n") == R"(ETTh1.csv:2: column "date": the cell is empty)");
  CHECK(refusal("index,OT\n1,2\n2.5,2\n") ==
        R"(ETTh1.csv:3: column "index": "2.5" is not an integer)");
  CHECK(refusal("a,b\n1,2\nx\x01,2\n") == R"(ETTh1.csv:3: column "a": "x\x01" is not a number)");
  CHECK(refusal("1,2\n3,x\n") == R"(ETTh1.csv:2: column "c1": "x" is not a number)");
}

TEST_CASE("A row of another length is named") {
  CHECK(refusal("date,a,b\nD1,1,2\nD2,1\n") == "ETTh1.csv:3: expected 3 fields, found 2");
  CHECK(refusal("date,a,b\nD1,1,2,3\n") == "ETTh1.csv:2: expected 3 fields, found 4");
  CHECK(refusal("a,b\n1,2,\n") == "ETTh1.csv:2: expected 2 fields, found 3");
  CHECK(refusal("a,b\n1,2\n\n3,4\n") == "ETTh1.csv:3: blank line between rows");
}

TEST_CASE("A file without rows is refused") {
  CHECK(refusal("") == "ETTh1.csv: the file is empty");
  CHECK(refusal("\xEF\xBB\xBF") == "ETTh1.csv: the file is empty");
  CHECK(refusal("\n\n") == "ETTh1.csv:1: the first line is blank");
  CHECK(refusal("date,OT\n") == "ETTh1.csv: no rows after the header");
  CHECK(refusal("date,OT") == "ETTh1.csv: no rows after the header");
  CHECK(refusal("date,OT\n\n\n") == "ETTh1.csv: no rows after the header");
  CHECK(refusal("date\nD1\n") == "ETTh1.csv:2: no column of numbers");
}

TEST_CASE("Text that is no such table is refused") {
  CHECK(refusal("\xFF\xFE"
                "a") == "ETTh1.csv:1: is not text in UTF-8 or Latin-1; is it UTF-16?");
  CHECK(refusal("\xEF"
                "a") == "ETTh1.csv:1: starts with a broken byte order mark");
  CHECK(refusal("a,b\n1,\"2\n3,4\n") == "ETTh1.csv:2: a quote is never closed");
  CHECK(refusal("a,b\n1,\"2\"3\n") == "ETTh1.csv:2: text after a closing quote");
}

TEST_CASE("An endless line is refused before it fills the memory") {
  CsvOptions options = with_dates();
  options.longest_line = 100;
  CHECK(refusal(std::string(1000, 'x'), options) == "ETTh1.csv:1: is longer than 100 bytes");
  CHECK(refusal("a,b\n1," + std::string(1000, '1'), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a,b\n" + std::string(1000, ','), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a,b\n1,\"" + std::string(1000, '\n'), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a," + std::string(2 << 20, 'x')) == "ETTh1.csv:1: is longer than 1048576 bytes");
}

TEST_CASE("A file on disk is read, an absent one and a folder are named") {
  const TemporaryFolder folder;
  const std::string path = folder.put("a.csv", "a,b\n1,2\n");
  CHECK(read_csv(path).values == Values{1, 2});
  CHECK(message_of<FileError>([] { (void)read_csv("absent.csv"); }) ==
        "absent.csv: cannot be opened: No such file or directory");
  CHECK(message_of<FileError>([&] { (void)read_csv(folder / ""); }) ==
        (folder / "") + ": is a directory");
  const std::string bad = folder.put("bad.csv", "a,b\n1,x\n");
  CHECK(message_of<DataError>([&] { (void)read_csv(bad); }) ==
        bad + R"(:2: column "b": "x" is not a number)");
}

TEST_CASE("Any table of finite doubles survives its text") {
  Random random(5);
  for (int round = 0; round < 100; ++round) {
    const auto rows = 1 + static_cast<std::size_t>(random.below(8)),
               cols = 1 + static_cast<std::size_t>(random.below(5));
    const std::string end = random.below(2) == 0 ? "\n" : "\r\n";
    std::string text;
    for (std::size_t c = 0; c < cols; ++c) text += message(c == 0 ? "" : ",", "name ", c);
    Values values;
    for (std::size_t r = 0; r < rows; ++r) {
      text += end;
      for (std::size_t c = 0; c < cols; ++c) {
        const double any = std::bit_cast<double>(std::uint64_t{random()} << 32 | random());
        values.push_back(std::isfinite(any) ? any : 0);
        text += message(c == 0 ? "" : ",", random.below(4) == 0 ? "\"" : " ", values.back());
        if (text[text.find_last_of(" \"")] == '"') text += '"';
      }
    }
    const CsvTable table = read(text);
    REQUIRE(table.values.size() == values.size());
    CHECK(std::memcmp(table.values.data(), values.data(), values.size() * sizeof(double)) == 0);
  }
}

}  // namespace csv_tests
