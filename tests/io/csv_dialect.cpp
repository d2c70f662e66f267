// Separators and decimal signs, found by looking.
#include <spat/io/csv_dialect.hpp>

#include <tests/support/catch.hpp>

namespace csv_dialect_tests {

using namespace spat;

TEST_CASE("the separator is what every line has equally often") {
  const auto is = [](char separator, char decimal = '.') { return CsvDialect{separator, decimal}; };
  CHECK(find_dialect("a,b\n1,2\n3,4\n") == is(','));
  CHECK(find_dialect("a;b\n1;2\n3;4\n") == is(';'));
  CHECK(find_dialect("a\tb\r\n1\t2\r\n") == is('\t'));
  CHECK(find_dialect("a|b\r1|2\r") == is('|'));
  CHECK(find_dialect("date;a\n2020;1,5\n2021;2,5\n") == is(';', ','));
  CHECK(find_dialect("a;b\n1,5;2\n-2,5e3;3\n") == is(';', ','));
  CHECK(find_dialect("a;b\n1.5;2\n\"1,5\";3.5\n") == is(';'));  // more points than commas
  CHECK(find_dialect("a,b\n\"x;y\",2\n\"z\",4\n") == is(','));
  CHECK(find_dialect("a,\"b;c\"\n1,2\n") == is(','));
  CHECK(find_dialect("a;\"b\nc\"\n1;2\n") == is(';'));
  CHECK(find_dialect("value\n1\n2\n") == is(','));
  CHECK(find_dialect("value\n1,5\n2,5\n") == is(','));  // one column cannot tell
  CHECK(find_dialect("date;a\n29.02.2020;1\n") == is(';'));
  CHECK(find_dialect("a;b\n1;2") == is(';'));  // the line that is cut does not count
  CHECK(find_dialect("a;b") == is(';'));
  CHECK(find_dialect("") == is(','));
}

}  // namespace csv_dialect_tests
