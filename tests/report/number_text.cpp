// Numbers formatted for people.
#include <spat/report/number_text.hpp>

#include <tests/support/catch.hpp>

#include <limits>

namespace number_text_tests {

using namespace spat;
using namespace spat::detail;

TEST_CASE("a change is signed, and there is none against nothing") {
  CHECK(change(2, 1) == "-50.0 %");
  CHECK(change(0.40, 0.41) == "+2.5 %");
  CHECK(change(1, 1) == "+0.0 %");
  CHECK(change(1, 0.9999) == "+0.0 %");  // not -0.0
  CHECK(change(0, 1) == "-");
  CHECK(change(1, std::nan("")) == "-");
}

TEST_CASE("what is not finite is a dash, and the largest double has all its digits") {
  CHECK(fixed(0.38614, 4) == "0.3861");
  CHECK(fixed(std::nan(""), 4) == "-");
  CHECK(fixed(-std::numeric_limits<double>::infinity(), 4) == "-");
  CHECK(fixed(std::numeric_limits<double>::max(), 12).size() == 309 + 1 + 12);
  CHECK(scientific(1.23e-6, 4) == "1.2300e-06");
}

TEST_CASE("counts have three digits and a prefix") {
  CHECK(counted(0) == "0");
  CHECK(counted(950) == "950");
  CHECK(counted(1240) == "1.24 k");
  CHECK(counted(9996) == "10.0 k");
  CHECK(counted(99960) == "100 k");
  CHECK(counted(999600) == "1.00 M");
  CHECK(counted(12'341'248) == "12.3 M");
  CHECK(counted(3.02e9) == "3.02 G");
  CHECK(counted(5e15) == "5000 T");
}

TEST_CASE("small and large numbers share a power of ten") {
  CHECK(shared_exponent(0) == 0);
  CHECK(shared_exponent(0.38) == 0);
  CHECK(shared_exponent(99999) == 0);
  CHECK(shared_exponent(4.1e-6) == -6);
  CHECK(shared_exponent(4.1e-5) == -6);
  CHECK(shared_exponent(9.9e-4) == -6);
  CHECK(shared_exponent(-4.1e-7) == -9);
  CHECK(shared_exponent(2.5e7) == 6);
  CHECK(in_powers_of_ten(0).empty());
  CHECK(in_powers_of_ten(-6) == " in 10⁻⁶");
  CHECK(in_powers_of_ten(12) == " in 10¹²");
}

TEST_CASE("numbers are listed as a sentence does") {
  CHECK(enumerated({}).empty());
  CHECK(enumerated({3}) == "3");
  CHECK(enumerated({1, 3}) == "1 and 3");
  CHECK(enumerated({0, 1, 3}) == "0, 1 and 3");
}

TEST_CASE("columns count characters, not bytes") {
  CHECK(padded("ab", 4) == "  ab");
  CHECK(padded("ab", 4, true) == "ab  ");
  CHECK(padded("é−", 4) == "  é−");
  CHECK(padded("abcde", 4) == "abcde");
}

}  // namespace number_text_tests
