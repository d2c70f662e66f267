#include <spat/io/encoding.hpp>

#include <tests/support/catch.hpp>

namespace encoding_tests {

using namespace spat;

TEST_CASE("UTF-8 is distinguished from Latin-1, which is converted") {
  CHECK(detail::is_utf8("W/m\xC2\xB2"));
  CHECK(detail::is_utf8("\xE2\x82\xAC \xF0\x9F\x98\x80"));
  for (const char* text :
       {"W/m\xB2", "\xC2", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
        "\xE2\x82", "\xF5\x80\x80\x80", "\x80", "\xE2\x28\xA1"}) {
    CAPTURE(text);
    CHECK_FALSE(detail::is_utf8(text));
    CHECK(detail::is_utf8(detail::latin1_to_utf8(text)));
  }
  CHECK(detail::latin1_to_utf8("W/m\xB2 \xE9") == "W/m\xC2\xB2 \xC3\xA9");
}

}  // namespace encoding_tests
