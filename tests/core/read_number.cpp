// Numbers from text without std::from_chars: what is a number, the nearest bits, any locale.
#include <spat/core/random.hpp>
#include <spat/core/read_number.hpp>
#include <spat/core/text.hpp>

#include <tests/support/catch.hpp>
#include <tests/support/temporary.hpp>

#include <bit>
#include <cerrno>
#include <charconv>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace read_number_tests {

using namespace spat;

/// What a reader makes of a text: the bytes read, the error, and the bits of the number, which an
/// error leaves as it was.
struct Reading {
  std::ptrdiff_t bytes = 0;
  std::errc error = {};
  std::uint64_t bits = 0;
  bool operator==(const Reading&) const = default;
};
template <class Number>
std::uint64_t bits_of(Number value) {
  if constexpr (sizeof value == sizeof(float))
    return std::bit_cast<std::uint32_t>(value);
  else
    return std::bit_cast<std::uint64_t>(value);
}
template <class Number, class Read>
Reading reading(std::string_view text, Read read) {
  const std::vector<char> bytes(text.begin(), text.end());  // no zero byte follows
  Number value = -7;
  const auto end = read(bytes.data(), bytes.data() + bytes.size(), value);
  return {end.ptr - bytes.data(), end.ec, bits_of(value)};
}
template <class Number>
Reading by_c(std::string_view text) {
  return reading<Number>(text, detail::read_number_by_c<Number>);
}
template <class Number>
Reading by_library(std::string_view text) {
  return reading<Number>(text, detail::read_number<Number>);
}
/// The number, if it is read from the whole text.
template <class Number = double>
Number number_of(std::string_view text) {
  Number value = -7;
  const auto end = detail::read_number_by_c(text.data(), text.data() + text.size(), value);
  REQUIRE(end.ec == std::errc());
  REQUIRE(end.ptr == text.data() + text.size());
  return value;
}

/// The value with all its digits: no double has more than 1074 decimals.
std::string exact(double value) {
  std::string text(1500, ' ');
  char* const begin = text.data();
  const auto end = std::to_chars(begin, begin + text.size(), value, std::chars_format::fixed, 1075);
  text.resize(static_cast<std::size_t>(end.ptr - begin));
  return text;
}

/// The number halfway between two finite doubles that are not negative, with all its digits.
std::string middle(double a, double b) {
  const auto digits = [](double value) {
    std::string text = exact(value);
    text.erase(text.find('.'), 1);
    return std::string(1500 - text.size(), '0') + text;
  };
  const std::string one = digits(a), other = digits(b);
  std::string half(one.size() + 1, '0');
  int carry = 0;  // half of the sum is five times the sum, one place lower
  for (std::size_t i = one.size(); i-- > 0;) {
    const int digit = 5 * (one[i] - '0' + other[i] - '0') + carry;
    half[i + 1] = static_cast<char>('0' + digit % 10);
    carry = digit / 10;
  }
  half[0] = static_cast<char>('0' + carry);
  half.insert(half.size() - 1076, 1, '.');
  return half;
}
/// Less than the number, by almost nothing.
std::string just_below(std::string text) {
  std::size_t last = text.find_last_not_of("0.");
  --text[last];
  while (++last < text.size())
    if (text[last] == '0') text[last] = '9';
  return text.append(900, '9');
}

/// A comma between a number's digits while it lives, if the system has or can make such a locale.
class CommaLocale {
 public:
  CommaLocale() {
    for (const char* name : {"de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "German"})
      if (!found()) std::setlocale(LC_ALL, name);
#if defined(__GLIBC__)
    if (!found() && ::setenv("LOCPATH", (folder_ / "").c_str(), 1) == 0 &&
        std::system(message("localedef -i de_DE -f UTF-8 ", folder_ / "de_DE.UTF-8", " > ",
                            folder_ / "log", " 2>&1")
                        .c_str()) == 0)
      std::setlocale(LC_ALL, "de_DE.UTF-8");
    ::unsetenv("LOCPATH");
#endif
  }
  ~CommaLocale() { std::setlocale(LC_ALL, "C"); }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;
  [[nodiscard]] bool found() const { return std::strtod("1,5", nullptr) > 1; }

 private:
  TemporaryFolder folder_;
};

constexpr double infinity = std::numeric_limits<double>::infinity();

TEST_CASE("A number ends where std::from_chars ends it") {
  struct Case {
    const char* text;
    std::ptrdiff_t bytes;
    double value;
  };
  for (const Case& c : std::vector<Case>{{"0", 1, 0},
                                         {"-0", 2, -0.0},
                                         {"1", 1, 1},
                                         {"-12.25", 6, -12.25},
                                         {".5", 2, 0.5},
                                         {"-.5", 3, -0.5},
                                         {"5.", 2, 5},
                                         {"5.e1", 4, 50},
                                         {"1e5", 3, 1e5},
                                         {"1E+5", 4, 1e5},
                                         {"1e-5", 4, 1e-5},
                                         {"1e", 1, 1},
                                         {"1e+", 1, 1},
                                         {"1e-x", 1, 1},
                                         {"1ex", 1, 1},
                                         {"1..5", 2, 1},
                                         {"1,5", 1, 1},
                                         {"1 5", 1, 1},
                                         {"0x10", 1, 0},
                                         {"0000012.50000", 13, 12.5},
                                         {"0.000125", 8, 0.000125},
                                         {"0e99999999999999999999", 22, 0},
                                         {"0.00e-99999999999999999999", 26, 0},
                                         {"inf", 3, infinity},
                                         {"-inf", 4, -infinity},
                                         {"INFinity", 8, infinity},
                                         {"infinit", 3, infinity},
                                         {"infx", 3, infinity}}) {
    CAPTURE(c.text);
    CHECK(by_c<double>(c.text) == Reading{c.bytes, std::errc(), bits_of(c.value)});
    CHECK(by_c<double>(c.text) == by_library<double>(c.text));
    CHECK(by_c<float>(c.text) == by_library<float>(c.text));
  }
  for (const char* text :
       {"nan", "NaN", "-nan", "nan(12_aZ)", "nan()", "nan(12", "nan(-)", "nano"}) {
    CAPTURE(text);
    CHECK(by_c<double>(text) == by_library<double>(text));
    CHECK(by_c<float>(text) == by_library<float>(text));
    CHECK(by_c<double>(text).error == std::errc());
  }
  for (const char* text : {"", "-", "+1", " 1", "\t1", "\n1", ".", "-.", ".e1", "e5", "--1", "-+1",
                           "i", "in", "na", "x", "- 1"}) {
    CAPTURE(text);
    CHECK(by_c<double>(text) == Reading{0, std::errc::invalid_argument, bits_of(-7.0)});
    CHECK(by_c<double>(text) == by_library<double>(text));
    CHECK(by_c<float>(text) == by_library<float>(text));
  }
}

TEST_CASE("A number beyond the range is read to its end and leaves the value") {
  for (const char* text :
       {"1e309", "-1e309", "1.7976931348623159e308", "1e-324", "-1e-400", "2.4703282292062327e-324",
        "1e99999999999999999999", "1e-99999999999999999999", "1e18446744073709551617",
        "1e-18446744073709551617"}) {
    CAPTURE(text);
    const auto size = static_cast<std::ptrdiff_t>(std::string_view(text).size());
    CHECK(by_c<double>(text) == Reading{size, std::errc::result_out_of_range, bits_of(-7.0)});
    CHECK(by_c<double>(text) == by_library<double>(text));
  }
  for (const char* text : {"3.4028236e38", "-1e39", "1e-46", "7.006492321624085e-46"}) {
    CAPTURE(text);
    const auto size = static_cast<std::ptrdiff_t>(std::string_view(text).size());
    CHECK(by_c<float>(text) == Reading{size, std::errc::result_out_of_range, bits_of(-7.0F)});
    CHECK(by_c<float>(text) == by_library<float>(text));
  }
  using Limits = std::numeric_limits<double>;
  CHECK(number_of("1.7976931348623158e308") == Limits::max());
  CHECK(number_of("2.4703282292062328e-324") == Limits::denorm_min());
  CHECK(number_of("5e-324") == Limits::denorm_min());
  CHECK(number_of("2.2250738585072011e-308") < Limits::min());
  CHECK(number_of<float>("1e-45") == std::numeric_limits<float>::denorm_min());
  const std::string zeros(1000, '0');
  CHECK(number_of(message("1", zeros, "e-1000")) == 1);
  CHECK(number_of(message("0.", zeros, "25e1000")) == 0.25);
  CHECK(number_of(message("0.", zeros, "25e", 1001)) == 2.5);
  errno = 17;
  (void)by_c<double>("1e309");
  CHECK(errno == 17);
}

TEST_CASE("Random numbers are read as their own bits, from short texts and from long ones") {
  Random random(11);
  for (int i = 0; i < 5000; ++i) {
    const auto bits = (std::uint64_t{random()} << 32 | random()) & ~(std::uint64_t{1} << 63);
    const auto value = std::bit_cast<double>(bits);
    if (!std::isfinite(value)) continue;
    CAPTURE(bits);
    for (const int decimals : {0, 3, 20}) {
      const std::string text = fixed(std::fmod(value, 1e9), decimals);
      REQUIRE(by_c<double>(text) == by_library<double>(text));
      REQUIRE(by_c<float>(text) == by_library<float>(text));
    }
    REQUIRE(bits_of(number_of(message(value))) == bits);
    REQUIRE(bits_of(number_of(message(-value))) == (bits | std::uint64_t{1} << 63));
    REQUIRE(bits_of(number_of(scientific(value, 16))) == bits);
    REQUIRE(bits_of(number_of(exact(value))) == bits);
    const auto single = std::bit_cast<float>(static_cast<std::uint32_t>(bits & 0x7FFFFFFF));
    if (std::isfinite(single)) REQUIRE(number_of<float>(message(single)) == single);
  }
}

#if !defined(_WIN32)  // strtod of mingw-w64 rounds some subnormal numbers to 2^-1022
TEST_CASE("The middle of two numbers is the even one, and the least bit beside it decides") {
  Random random(12);
  const auto check = [](double low) {
    const double high = std::nextafter(low, infinity);
    CAPTURE(low, high);
    const std::string text = middle(low, high);
    REQUIRE(number_of(text) == ((bits_of(low) & 1) == 0 ? low : high));
    REQUIRE(by_library<double>(text) == by_c<double>(text));
    REQUIRE(number_of(message(text, std::string(900, '0'), '1')) == high);
    REQUIRE(number_of(just_below(text)) == low);
  };
  for (const double low : {5e-324, 1e-323, 2.2250738585072014e-308, 2.2250738585072009e-308, 1.0,
                           9007199254740993.0, 1e22, 1.7976931348623155e308})
    check(low);
  for (int i = 0; i < 500; ++i) {
    const double low = std::ldexp(random.uniform(1, 2), static_cast<int>(random() % 2090) - 1070);
    if (std::isfinite(low) && std::isfinite(std::nextafter(low, infinity))) check(low);
  }
  for (int i = 0; i < 500; ++i) {  // of floats the middle is a double
    const auto low = static_cast<float>(
        std::ldexp(random.uniform(1, 2), static_cast<int>(random() % 270) - 148));
    const float high = std::nextafter(low, std::numeric_limits<float>::infinity());
    if (!std::isfinite(high)) continue;
    CAPTURE(low, high);
    const std::string text = exact((static_cast<double>(low) + static_cast<double>(high)) / 2);
    REQUIRE(number_of<float>(text) == ((bits_of(low) & 1) == 0 ? low : high));
    REQUIRE(number_of<float>(message(text, '1')) == high);
    REQUIRE(number_of<float>(just_below(text)) == low);
  }
}
#endif

TEST_CASE("A locale with a decimal comma changes no number, read or written") {
  const CommaLocale comma;
  if (!comma.found()) {
    WARN("no locale with a decimal comma, and localedef cannot make one");
    return;
  }
  CHECK(std::strtod("1.5", nullptr) == 1);  // what the C library makes of it now
  CHECK(number_of("1.5") == 1.5);
  CHECK(number_of("-1234567.25e-3") == -1234.56725);
  CHECK(number_of("0.30000000000000004") == 0.30000000000000004);
  CHECK(by_c<double>("1,5").bytes == 1);
  CHECK(parse_number<double>("1.5") == 1.5);
  CHECK_FALSE(parse_number<double>("1,5"));
  CHECK(message(1.5, " ", 1234567.0) == "1.5 1234567");
  CHECK(fixed(0.38612, 4) == "0.3861");
}

}  // namespace read_number_tests
