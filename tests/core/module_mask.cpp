// The algebra of module masks.
#include <spat/core/module_mask.hpp>

#include <tests/support/catch.hpp>

#include <set>

namespace module_mask_tests {

using spat::may_remove;
using spat::ModuleMask;
using spat::satisfies;

TEST_CASE("a mask names the modules that are kept", "[core]") {
  constexpr ModuleMask mask{0b101};
  static_assert(mask.keeps(0) && !mask.keeps(1) && mask.keeps(2));
  static_assert(mask.count() == 2 && !mask.empty() && ModuleMask{}.empty());
  static_assert(mask.without(2) == ModuleMask{0b001} && mask.with(1) == ModuleMask{0b111});
  static_assert(mask.without(1) == mask && mask.with(0) == mask);
  static_assert(ModuleMask::only(2) == ModuleMask{0b100});
  static_assert(mask.is_subset_of(ModuleMask::first(3)) &&
                !ModuleMask::first(3).is_subset_of(mask));
  static_assert(mask.is_subset_of(mask) && ModuleMask{}.is_subset_of(mask));
  static_assert(ModuleMask::all().count() == spat::most_modules);
  static_assert(ModuleMask::first(64) == ModuleMask::all() && ModuleMask::first(0).empty());
  static_assert(ModuleMask::all().keeps(63) && !ModuleMask::first(63).keeps(63));
  static_assert((ModuleMask::first(5) & ModuleMask::every_other(0)) == ModuleMask{0b10101});
  static_assert((ModuleMask::first(5) & ModuleMask::every_other(1)) == ModuleMask{0b01010});
  CHECK(to_string(mask, 3) == "101");
  CHECK(to_string(ModuleMask{0b01}, 4) == "1000");
  CHECK(to_string(ModuleMask{0b01}, 0).empty());
  CHECK(spat::module_numbers(ModuleMask{0b1010'0100}) == "2, 5, 7");
  CHECK(spat::module_numbers({}).empty());
}

TEST_CASE("masks are sets: intersection, difference and ranges", "[core]") {
  constexpr ModuleMask a{0b1100}, b{0b1010};
  static_assert((a & b) == ModuleMask{0b1000} && a - b == ModuleMask{0b0100} && (a - a).empty());
  static_assert(a.slice(2, 2) == ModuleMask{0b11} && a.slice(1, 2) == ModuleMask{0b10} &&
                a.slice(3, 0).empty());
  static_assert(ModuleMask::all().slice(60, 64).count() == 4 &&
                ModuleMask::all().slice(64, 1).empty());
}

TEST_CASE("the last module of a guard cannot be removed", "[core]") {
  constexpr ModuleMask guard{0b0110};
  static_assert(satisfies({0b0010}, guard) && !satisfies({0b1001}, guard) && satisfies({}, {}));
  static_assert(may_remove({0b0111}, 0, guard) && may_remove({0b0111}, 1, guard) &&
                may_remove({0b0111}, 2, guard));
  static_assert(may_remove({0b0011}, 0, guard) && !may_remove({0b0011}, 1, guard));
  static_assert(!may_remove({0b0011}, 3, guard));  // it is not kept
  static_assert(may_remove({0b1001}, 3, guard));   // the guard is already violated
  static_assert(may_remove({0b0001}, 0) && !may_remove({}, 0));
}

TEST_CASE("subsets of a mask are numbered", "[core]") {
  constexpr ModuleMask kept{0b1001'0010};
  static_assert(subset(kept, 0).empty() && subset(kept, 7) == kept &&
                subset(kept, 5) == ModuleMask{0b1000'0010});
  std::set<ModuleMask> all;
  for (std::uint64_t i = 0; i < 8; ++i) {
    CHECK(subset(kept, i).is_subset_of(kept));
    all.insert(subset(kept, i));
  }
  CHECK(all.size() == 8);
  static_assert(subset(ModuleMask::first(5), 19) == ModuleMask{19});
}

TEST_CASE("a mask is read from the digits it is written as", "[core]") {
  CHECK(spat::parse_module_mask("1010", 4) == ModuleMask{0b0101});
  CHECK(spat::parse_module_mask("", 0) == ModuleMask{});
  CHECK_FALSE(spat::parse_module_mask("101", 4));
  CHECK_FALSE(spat::parse_module_mask("10 1", 4));
  CHECK_FALSE(spat::parse_module_mask("1021", 4));
  CHECK_FALSE(spat::parse_module_mask(std::string(65, '1'), 65));
}

TEST_CASE("a module that no model can have is an error", "[core]") {
  CHECK_THROWS_AS((void)ModuleMask::first(65), spat::ConfigError);
  for (const std::size_t i : {std::size_t{64}, ~std::size_t{0}}) {
    CHECK_THROWS_AS((void)ModuleMask::only(i), spat::ConfigError);
    CHECK_THROWS_AS((void)ModuleMask{}.with(i), spat::ConfigError);
    CHECK_THROWS_AS((void)ModuleMask::all().without(i), spat::ConfigError);
    CHECK(!ModuleMask::all().keeps(i));
  }
}

TEST_CASE("a mask names modules that the model has, or all", "[core]") {
  CHECK(spat::within(ModuleMask::all(), 3) == ModuleMask{0b111});
  CHECK(spat::within(ModuleMask::all().without(1), 3) == ModuleMask{0b101});
  CHECK(spat::within({0b10}, 3) == ModuleMask{0b10});
  CHECK(spat::within(ModuleMask::all(), 64) == ModuleMask::all());
  CHECK(spat::within(ModuleMask::all(), 0).empty());
  for (const std::uint64_t bits : {0b1000u, 0b1011u})
    CHECK_THROWS_WITH((void)spat::within({bits}, 3),
                      "a mask names module 3, the model has 3 modules, from 0 on");
}

}  // namespace module_mask_tests
