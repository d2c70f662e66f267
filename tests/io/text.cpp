#include <spat/io/text.hpp>

#include <tests/catch.hpp>

#include <clocale>
#include <cmath>
#include <cstdint>

using namespace spat;

TEST_CASE("A message is its parts, whatever their types") {
  CHECK(detail::message("a", 3, "b", '!', std::size_t{4}, -1.5, std::string(" end")) == "a3b!4-1.5 end");
  CHECK(detail::message() == "");
  CHECK(detail::shape_text(std::vector<std::size_t>{16, 8}) == "[16, 8]");
  CHECK(detail::shape_text(std::vector<std::size_t>{}) == "[]");
}

TEST_CASE("Quoted text shows control bytes and stays short") {
  CHECK(detail::in_quotes("OT") == "\"OT\"");
  CHECK(detail::in_quotes(std::string_view("a\n\x7F\0", 4)) == "\"a\\x0a\\x7f\\x00\"");
  CHECK(detail::in_quotes(std::string(81, 'x')) == "\"" + std::string(80, 'x') + "...\"");
}

TEST_CASE("A number is the whole text, without a locale") {
  CHECK(detail::parse_number<double>("1.5") == 1.5);
  CHECK(detail::parse_number<double>(" \t+1.5e3 ") == 1500.0);
  CHECK(detail::parse_number<double>("-.5") == -0.5);
  CHECK(detail::parse_number<double>("4.9e-324") == 4.9e-324);
  CHECK(std::isnan(*detail::parse_number<double>("nan")));
  CHECK(detail::parse_number<std::int64_t>("-9223372036854775808") == INT64_MIN);
  CHECK(detail::parse_number<std::size_t>("+7") == 7u);
  for (const char* text : {"", " ", "+", "-", "1,5", "1.5x", "1 5", "+-1", "++1", "- 1", "0x10", "1e999", "e5", "."}) {
    CAPTURE(text);
    CHECK_FALSE(detail::parse_number<double>(text));
  }
  for (const char* text : {"", "1.0", "9223372036854775808", "1e3"}) {
    CAPTURE(text);
    CHECK_FALSE(detail::parse_number<std::int64_t>(text));
  }
  CHECK_FALSE(detail::parse_number<std::size_t>("-1"));

  if (std::setlocale(LC_NUMERIC, "de_DE.UTF-8") != nullptr) {
    CHECK(detail::parse_number<double>("1.5") == 1.5);
    std::setlocale(LC_NUMERIC, "C");
  }
}

TEST_CASE("UTF-8 is told from Latin-1, which is converted") {
  CHECK(detail::is_utf8("W/m\xC2\xB2"));
  CHECK(detail::is_utf8("\xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const char* text : {"W/m\xB2", "\xC2", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                           "\xE2\x82", "\xF5\x80\x80\x80", "\x80", "\xE2\x28\xA1"}) {
    CAPTURE(text);
    CHECK_FALSE(detail::is_utf8(text));
    CHECK(detail::is_utf8(detail::latin1_to_utf8(text)));
  }
  CHECK(detail::latin1_to_utf8("W/m\xB2 \xE9") == "W/m\xC2\xB2 \xC3\xA9");
}
