// Which modules a budget drops.
#include <spat/prune/budget.hpp>

#include <tests/catch.hpp>
#include <tests/errors.hpp>

#include <limits>

using namespace spat;

namespace {

constexpr ModuleMask<> four = ModuleMask<>::first(4);
const std::vector<double> scores{0.3, 0.1, 0.4, 0.2};

std::string kept_by(const Budget& budget, const std::vector<double>& of = scores, ModuleMask<> from = four) {
  return to_string(choose(from, of, budget), of.size());
}
std::string refused_by(const Budget& budget, const std::vector<double>& of = scores, ModuleMask<> from = four) {
  return message_of<ConfigError>([&] { (void)choose(from, of, budget); });
}
bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the lowest scores go first") {
  CHECK(kept_by(DropLowest{0}) == "1111");
  CHECK(kept_by(DropLowest{1}) == "1011");
  CHECK(kept_by(DropLowest{2}) == "1010");
  CHECK(kept_by(DropLowest{3}) == "0010");
  CHECK(kept_by(DropLowest{4}) == "0000");
}

TEST_CASE("a ratio is rounded to whole modules, halves up") {
  CHECK(kept_by(DropRatio{0}) == "1111");
  CHECK(kept_by(DropRatio{0.12}) == "1111");
  CHECK(kept_by(DropRatio{0.125}) == "1011");
  CHECK(kept_by(DropRatio{0.37}) == "1011");
  CHECK(kept_by(DropRatio{0.375}) == "1010");
  CHECK(kept_by(DropRatio{0.5}) == "1010");
  CHECK(kept_by(DropRatio{1}) == "0000");
}

TEST_CASE("a threshold drops what lies below it, and not what lies on it") {
  CHECK(kept_by(DropBelow{0.1}) == "1111");
  CHECK(kept_by(DropBelow{0.2}) == "1011");
  CHECK(kept_by(DropBelow{0.25}) == "1010");
  CHECK(kept_by(DropBelow{9}) == "0000");
  CHECK(kept_by(DropBelow{-1}) == "1111");
}

TEST_CASE("of equal scores the deeper module goes first") {
  CHECK(kept_by(DropLowest{1}, {0.2, 0.2, 0.2, 0.2}) == "1110");
  CHECK(kept_by(DropLowest{2}, {0.2, 0.2, 0.9, 0.2}) == "1010");
  CHECK(kept_by(DropLowest{3}, {0.2, 0.2, 0.9, 0.2}) == "0010");
}

TEST_CASE("modules that are gone neither count nor come back") {
  const double nan = std::nan("");
  const ModuleMask<> three{0b1011};
  CHECK(kept_by(DropLowest{1}, {0.3, 0.4, nan, 0.2}, three) == "1100");
  CHECK(kept_by(DropRatio{0.5}, {0.3, 0.4, nan, 0.2}, three) == "0100");  // round(1.5) of three
  CHECK(kept_by(DropBelow{9}, {0.3, 0.4, nan, 0.2}, three) == "0000");
  CHECK(contains(refused_by(DropLowest{4}, {0.3, 0.4, nan, 0.2}, three), "4 modules: the model has 3"));
}

TEST_CASE("a budget that cannot be met, or scores that are none, are errors") {
  CHECK(contains(refused_by(DropLowest{5}), "cannot drop 5"));
  for (const double ratio : {-0.01, 1.01, std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK(contains(refused_by(DropRatio{ratio}), "[0, 1]"));
  for (const double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    CHECK(contains(message_of<NumericError>([&] {
                     (void)choose(four, {0.1, 0.2, bad, 0.3}, DropLowest{1});
                   }),
                   "module 2"));
}
