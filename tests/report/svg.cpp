// Escaped text, ticks and axes.
#include <spat/report/svg.hpp>

#include <tests/support/catch.hpp>

#include <limits>

namespace svg_tests {

using namespace spat;

namespace {

void check_ticks(const std::vector<double>& ticks, const std::vector<double>& expected) {
  CAPTURE(ticks, expected);
  REQUIRE(ticks.size() == expected.size());
  for (std::size_t i = 0; i < ticks.size(); ++i)
    CHECK(ticks[i] == Approx(expected[i]).margin(1e-12));
}

}  // namespace

TEST_CASE("names are escaped, whatever bytes they hold") {
  CHECK(detail::escaped("<a href=\"x\">&'</a>") ==
        "&lt;a href=&quot;x&quot;&gt;&amp;&#39;&lt;/a&gt;");
  CHECK(detail::escaped("température, 96 → 96") == "température, 96 → 96");
  CHECK(detail::escaped("temp\xE9rature") == "température");  // Latin-1
  CHECK(detail::escaped(std::string("a\0b\x1B\x7F\n", 6)) == "a\uFFFDb\uFFFD\uFFFD\n");
}

TEST_CASE("coordinates have a decimal, or none") {
  CHECK(detail::pixels(12.46) == "12.5");
  CHECK(detail::pixels(12.04) == "12");
  CHECK(detail::pixels(-0.01) == "0");
}

TEST_CASE("a step is 1, 2 or 5 times a power of ten, at least what was asked") {
  CHECK(detail::round_step(1) == 1);
  CHECK(detail::round_step(1.1) == 2);
  CHECK(detail::round_step(2) == 2);
  CHECK(detail::round_step(3) == 5);
  CHECK(detail::round_step(6) == 10);
  CHECK(detail::round_step(0.0068) == Approx(0.01));
  CHECK(detail::round_step(3.4e7) == Approx(5e7));
}

TEST_CASE("linear ticks are the round numbers in the range") {
  check_ticks(Axis{.low = 0, .high = 10}.ticks(5), {0, 2, 4, 6, 8, 10});
  check_ticks(Axis{.low = 0.371, .high = 0.405}.ticks(5), {0.38, 0.39, 0.40});
  check_ticks(Axis{.low = -95, .high = 96}.ticks(5), {-50, 0, 50});
  check_ticks(Axis{.low = -0.1, .high = 0.3}.ticks(4), {-0.1, 0, 0.1, 0.2, 0.3});
  check_ticks(Axis{.low = 2e-6, .high = 9e-6}.ticks(4), {2e-6, 4e-6, 6e-6, 8e-6});
  check_ticks(Axis{.low = 3, .high = 3}.ticks(4), {3});
}

TEST_CASE("a whole axis has no ticks between integers") {
  check_ticks(Axis{.low = 1, .high = 3, .whole = true}.ticks(10), {1, 2, 3});
  check_ticks(Axis{.low = 1, .high = 8, .whole = true}.ticks(4), {2, 4, 6, 8});
  const Axis one = Axis{.whole = true}.over({1});
  check_ticks(one.ticks(10), {1});
  CHECK(one.labels({1}) == std::vector<std::string>{"1"});
}

TEST_CASE(
    "logarithmic ticks are powers of ten, with their double and fivefold where those are few") {
  check_ticks(Axis{.low = 1, .high = 1000, .logarithmic = true}.ticks(4), {1, 10, 100, 1000});
  check_ticks(Axis{.low = 0.9, .high = 25, .logarithmic = true}.ticks(6), {1, 2, 5, 10, 20});
  check_ticks(Axis{.low = 3, .high = 4.5, .logarithmic = true}.ticks(4), {3, 3.5, 4, 4.5});
  const Axis axis{.low = 1, .high = 100, .logarithmic = true};
  CHECK(axis.place(10) == Approx(0.5));
  CHECK(axis.labels({0.0001, 0.5, 20, 100000}) ==
        std::vector<std::string>{"1e−04", "0.5", "20", "1e+05"});
}

TEST_CASE("labels of an axis share their decimals and their power of ten") {
  const auto labels = [](const Axis& axis, double most) { return axis.labels(axis.ticks(most)); };
  using Texts = std::vector<std::string>;
  CHECK(labels({.low = -0.5, .high = 0.5}, 2) == Texts{"−0.5", "0.0", "0.5"});
  CHECK(labels({.low = 0.371, .high = 0.405}, 5) == Texts{"0.38", "0.39", "0.40"});
  CHECK(labels({.low = 0, .high = 100}, 2) == Texts{"0", "50", "100"});
  const Axis scores{.title = "score", .low = 2e-6, .high = 9e-6};
  CHECK(labels(scores, 4) == Texts{"2", "4", "6", "8"});
  CHECK(scores.full_title() == "score in 10⁻⁶");
}

TEST_CASE("an axis holds each finite value, and is wider than nothing") {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const auto check = [](const Axis& axis, double low, double high) {
    CHECK(axis.low == Approx(low).margin(1e-12));
    CHECK(axis.high == Approx(high).margin(1e-12));
  };
  check(Axis().over({3, nan, 1, infinity, 2}), 1, 3);
  check(Axis().over({1, 3}, 0.1), 0.8, 3.2);
  check(Axis().over({5, 5, 5}), 4.5, 5.5);
  check(Axis().over({-5}), -5.5, -4.5);
  check(Axis().over({0, 0}), -1, 1);
  check(Axis().over({}), 0, 1);
  check(Axis().over({nan}), 0, 1);
  check(Axis{.logarithmic = true}.over({0.1, 10, 0, -3}), 0.1, 10);
  check(Axis{.logarithmic = true}.over({0.1, 10}, 0.5), 0.01, 100);
  check(Axis{.logarithmic = true}.over({4}), 2, 8);
  check(Axis{.logarithmic = true}.over({-1}), 1, 10);
  for (const double value : {0.0, 1e-300, 1e300, -7.0}) {
    const Axis axis = Axis().over({value, value});
    CHECK(axis.place(value) == Approx(0.5));
    CHECK(axis.ticks(5).size() < 12);
  }
}

}  // namespace svg_tests
