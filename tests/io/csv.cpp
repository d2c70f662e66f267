#include <spat/io/csv.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

#include <spat/core/random.hpp>

#include <bit>
#include <cstring>
#include <sstream>

namespace csv_tests {

using namespace spat;

namespace {

using Names = std::vector<std::string>;
using Values = std::vector<double>;

struct Table {
  Names names;
  Values values;
  std::size_t first_line = 0;
};
Table read(const std::string& text, const CsvOptions& options = {}) {
  std::istringstream stream(text);
  CsvReader reader(stream, "ETTh1.csv", options);
  Table table{reader.names(), {}, reader.first_line()};
  do
    for (std::size_t c = 0; c < reader.cols(); ++c)
      table.values.push_back(reader.number(c, reader.names()[c]));
  while (reader.next());
  return table;
}
std::string refusal(const std::string& text, const CsvOptions& options = {}) {
  return message_of<DataError>([&] { (void)read(text, options); });
}

}  // namespace

TEST_CASE("A table with a header is read") {
  const Table table = read("time,HUFL,OT\n1,1.5,2\n2,-3,4e2\n");
  CHECK(table.names == Names{"time", "HUFL", "OT"});
  CHECK(table.values == Values{1, 1.5, 2, 2, -3, 400});
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
    const Table table = read(text);
    CHECK(table.names == Names{"a", "b"});
    CHECK(table.values == expected);
  }
}

TEST_CASE("Names may hold blanks, signs, quotes and Latin-1 bytes") {
  const Table table = read(
      "\"date\",p (mbar),\"rh, (%)\",\"a \"\"b\"\"\",SWDR (W/m\xB2),PAR "
      "(\xC2\xB5mol/m\xC2\xB2/s),\"two\nlines\", wv "
      "(m/s) \n0,1,2,3,4,5,6,7\n");
  CHECK(table.names == Names{"date", "p (mbar)", "rh, (%)", "a \"b\"", "SWDR (W/m\xC2\xB2)",
                             "PAR (\xC2\xB5mol/m\xC2\xB2/s)", "two\nlines", "wv (m/s)"});
  CHECK(table.first_line == 3);
}

TEST_CASE("Numbers may be quoted") {
  CHECK(read("a,b\n\"1\",\"-2.5\" \n").values == Values{1, -2.5});
}

TEST_CASE("A first line of numbers is no header, but for 0, 1, 2, ...") {
  const Table numbers = read("1,2\n3,4\n");
  CHECK(numbers.names == Names{"", ""});
  CHECK(numbers.values == Values{1, 2, 3, 4});
  CHECK(numbers.first_line == 1);
  CHECK(read("0,1,2\n3,4,5\n").names == Names{"0", "1", "2"});
  CHECK(read("0\n1\n").values == Values{0, 1});
  CHECK(read("0,2\n3,4\n").values.size() == 4);
  CHECK(read("date,0,1\n3,4,5\n").names == Names{"date", "0", "1"});
  CHECK(read("a,b,\n3,4,5\n").names == Names{"a", "b", ""});
  CsvOptions options;
  options.is_time = [](std::string_view text) { return text.starts_with('D'); };
  std::istringstream stream("D1,2\nD2,3\n");
  CHECK_FALSE(CsvReader(stream, "x", options).has_header());
}

TEST_CASE("Separator, decimal sign and thousands are found or chosen") {
  CHECK(read("a;b\n1,5;2\n").values == Values{1.5, 2});
  CHECK(read("a\tb\n1.5\t2\n").values == Values{1.5, 2});
  CsvOptions options;
  options.separator = ';', options.decimal = ',', options.thousands = '.';
  CHECK(read("a;b\n1.234.567,5;2\n-1.000;3\n", options).values == Values{1234567.5, 2, -1000, 3});
  options.thousands = 0;
  CHECK(refusal("a;b\n1.234,5;2\n", options) ==
        R"(ETTh1.csv:2: column "a": "1.234,5" is not a number)");
  options.decimal = '.', options.thousands = ',';
  CHECK(read("a;b\n1,234.5;2\n", options).values == Values{1234.5, 2});
  options.separator = '\t';
  CHECK(read("a;b\n1\n", options).names == Names{"a;b"});
}

TEST_CASE("A header can be chosen") {
  CsvOptions options;
  options.header = CsvOptions::Header::present;
  CHECK(read("2020,2021\n1,2\n", options).names == Names{"2020", "2021"});
  options.header = CsvOptions::Header::absent;
  CHECK(refusal("a,b\n1,2\n", options) == R"(ETTh1.csv:1: column "": "a" is not a number)");
}

TEST_CASE("A bad cell is named by line, column and content") {
  std::string text = "time,HUFL,OT\n";
  for (int i = 2; i < 1042; ++i) text += message(i, ",1,2\n");
  CHECK(refusal(text + "9,1,n/a\n") == R"(ETTh1.csv:1042: column "OT": "n/a" is not a number)");
  CHECK(refusal("i,OT\n1,1\n2,\n") == R"(ETTh1.csv:3: column "OT": the cell is empty)");
  CHECK(refusal("i,OT\n1,1\n2,nan\n") == R"(ETTh1.csv:3: column "OT": "nan" is not finite)");
  CHECK(refusal("i,OT\n1,-Inf\n") == R"(ETTh1.csv:2: column "OT": "-Inf" is not finite)");
  CHECK(refusal("i,OT\n1,1e999\n") ==
        R"(ETTh1.csv:2: column "OT": "1e999" is beyond the range of double)");
  CHECK(refusal("i,OT\n1,0x10\n") == R"(ETTh1.csv:2: column "OT": "0x10" is not a number)");
  CHECK(refusal("a,b\n1,2\nx\x01,2\n") == R"(ETTh1.csv:3: column "a": "x\x01" is not a number)");
}

TEST_CASE("A row of another length is named") {
  CHECK(refusal("i,a,b\n1,1,2\n2,1\n") == "ETTh1.csv:3: expected 3 fields, found 2");
  CHECK(refusal("i,a,b\n1,1,2,3\n") == "ETTh1.csv:2: expected 3 fields, found 4");
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
  CsvOptions options;
  options.longest_line = 100;
  CHECK(refusal(std::string(1000, 'x'), options) == "ETTh1.csv:1: is longer than 100 bytes");
  CHECK(refusal("a,b\n1," + std::string(1000, '1'), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a,b\n" + std::string(1000, ','), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a,b\n1,\"" + std::string(1000, '\n'), options) ==
        "ETTh1.csv:2: is longer than 100 bytes");
  CHECK(refusal("a," + std::string(17 << 20, 'x')) == "ETTh1.csv:1: is longer than 16777216 bytes");
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
    const Table table = read(text);
    REQUIRE(table.values.size() == values.size());
    CHECK(std::memcmp(table.values.data(), values.data(), values.size() * sizeof(double)) == 0);
  }
}

TEST_CASE("digits are read as the bits that parse_number gives, or left to it") {
  for (const char* text :
       {"0", "-0", "-0.0", "5.", "-.5", "00.10", "-125.22", "9007199254740992", "9007199254740993",
        "-90071992547409.93", "9.007199254740993", "0.9999999999999999999", "18446744073709551617",
        "1844674407370955161.7", "0.0000000000000000000000000000000000001"}) {
    INFO(text);
    double number = 1;
    REQUIRE(detail::parse_digits(text, '.', number));
    CHECK(std::bit_cast<std::uint64_t>(number) ==
          std::bit_cast<std::uint64_t>(parse_number<double>(text).value()));
  }
  double number = 0;
  CHECK((detail::parse_digits("-1,5", ',', number) && number == -1.5));
  for (const char* text :
       {"", "-", ".", "-.", "+5", " 5", "5 ", "1e5", "nan", "--5", "1.2.3", "1,5"})
    CHECK_FALSE(detail::parse_digits(text, '.', number));
  CHECK_FALSE(detail::parse_digits(std::string(400, '9'), '.', number));
  CHECK_FALSE(detail::parse_digits("9007199254740993", ',', number));
}

}  // namespace csv_tests
