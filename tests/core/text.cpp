#include <spat/core/text.hpp>

#include <tests/support/catch.hpp>

#include <clocale>
#include <cmath>
#include <cstdint>

namespace text_tests {

using namespace spat;

TEST_CASE("A message is its parts, whatever their types") {
  CHECK(message("a", 3, "b", '!', std::size_t{4}, -1.5, std::string(" end")) == "a3b!4-1.5 end");
  CHECK(message() == "");
  CHECK(shape_text(std::vector<std::size_t>{16, 8}) == "[16, 8]");
  CHECK(shape_text(std::vector<std::size_t>{}) == "[]");
}

TEST_CASE("Quoted text shows control bytes and stays short") {
  CHECK(in_quotes("OT") == "\"OT\"");
  CHECK(in_quotes(std::string_view("a\n\x7F\0", 4)) == "\"a\\x0a\\x7f\\x00\"");
  CHECK(in_quotes(std::string(81, 'x')) == "\"" + std::string(80, 'x') + "...\"");
}

TEST_CASE("A number is the whole text, without a locale") {
  CHECK(parse_number<double>("1.5") == 1.5);
  CHECK(parse_number<double>(" \t+1.5e3 ") == 1500.0);
  CHECK(parse_number<double>("-.5") == -0.5);
  CHECK(parse_number<double>("4.9e-324") == 4.9e-324);
  CHECK(std::isnan(*parse_number<double>("nan")));
  CHECK(parse_number<std::int64_t>("-9223372036854775808") == INT64_MIN);
  CHECK(parse_number<std::size_t>("+7") == 7u);
  for (const char* text :
       {"", " ", "+", "-", "1,5", "1.5x", "1 5", "+-1", "++1", "- 1", "0x10", "1e999", "e5", "."}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number<double>(text));
  }
  for (const char* text : {"", "1.0", "9223372036854775808", "1e3"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_number<std::int64_t>(text));
  }
  CHECK_FALSE(parse_number<std::size_t>("-1"));

  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr) {
    CHECK(parse_number<double>("1.5") == 1.5);
    std::setlocale(LC_NUMERIC, "C");
  }
}

TEST_CASE(
    "numbers for people have fixed decimals, signs of shares, and a dash where there is no "
    "number") {
  CHECK(fixed(0.38612, 4) == "0.3861");
  CHECK(scientific(1.23e-6, 4) == "1.2300e-06");
  CHECK(percent(-0.35) == "-35.0 %");
  CHECK(percent(0.0042) == "+0.4 %");
  CHECK(percent(std::nan("")) == "-");
  CHECK(padded("12", 4) == "  12");
  CHECK(padded("±2", 4, true) == "±2  ");
}

}  // namespace text_tests
