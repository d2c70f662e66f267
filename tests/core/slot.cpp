// Slots for parts that are kept, pruned or decided at run time, and walks over stacks.
#include <spat/core/slot.hpp>
#include <tests/catch.hpp>

#include <string>
#include <vector>

using spat::Absent;
using spat::Kept;
using spat::KeptModules;
using spat::Slot;

namespace {

struct Part {
  explicit Part(int n) : number(n) {}
  int number;
  struct Cache {
    int seen = 0;
  };
};

}  // namespace

// A pruned part is nothing: its type is not even named, and it takes no room.
static_assert(std::is_same_v<Slot<Part, Kept::always>, Part>);
static_assert(std::is_same_v<Slot<Part, Kept::never>, Absent> && std::is_empty_v<Absent>);
static_assert(std::is_same_v<Slot<Part, Kept::at_run_time>, std::optional<Part>>);
static_assert(std::is_same_v<spat::CacheOf<Part>, Part::Cache>);
static_assert(std::is_same_v<spat::CacheOf<Absent>, Absent>);
static_assert(std::is_same_v<spat::CacheOf<std::optional<Part>>, std::optional<Part::Cache>>);

static_assert(KeptModules{}.slot(3) == Kept::at_run_time);
static_assert(KeptModules{false, 0b101}.slot(0) == Kept::always && KeptModules{false, 0b101}.slot(1) == Kept::never &&
              KeptModules{false, 0b101}.slot(2) == Kept::always);

TEST_CASE("A slot is made of its arguments where it is kept", "[core]") {
  CHECK(spat::make_slot<Part, Kept::always>(true, 3).number == 3);
  CHECK(spat::make_slot<Part, Kept::at_run_time>(true, 4)->number == 4);
  CHECK_FALSE(spat::make_slot<Part, Kept::at_run_time>(false, 4).has_value());
  static_assert(std::is_same_v<decltype(spat::make_slot<Part, Kept::never>(false, 1)), Absent>);
}

TEST_CASE("The memory of a slot follows its layer, back and forth", "[core]") {
  std::optional<Part> layer;
  std::optional<Part::Cache> cache = Part::Cache{7};
  spat::match_slot(layer, cache);
  CHECK_FALSE(cache.has_value());
  layer.emplace(1);
  spat::match_slot(layer, cache);
  REQUIRE(cache.has_value());
  CHECK(cache->seen == 0);
  Absent nothing, no_memory;
  spat::match_slot(nothing, no_memory);  // compiles
}

TEST_CASE("if_kept hands over all parts where the first is there, and compiles nothing where it cannot be", "[core]") {
  int calls = 0;
  const auto use = [&](auto& part, auto& cache) { ++calls, cache.seen = part.number; };

  Part always(3);
  Part::Cache memory;
  spat::if_kept(use, always, memory);
  CHECK(calls == 1);
  CHECK(memory.seen == 3);

  std::optional<Part> maybe;
  std::optional<Part::Cache> maybe_memory;
  spat::if_kept(use, maybe, maybe_memory);
  CHECK(calls == 1);
  maybe.emplace(5), maybe_memory.emplace();
  spat::if_kept(use, maybe, maybe_memory);
  CHECK(calls == 2);
  CHECK(maybe_memory->seen == 5);

  const std::optional<Part> constant = maybe;
  spat::if_kept(use, constant, maybe_memory);
  CHECK(calls == 3);

  Absent nothing, no_memory;
  spat::if_kept(use, nothing, no_memory);  // `part.number` would not compile
  const Absent constant_nothing;
  spat::if_kept(use, constant_nothing, no_memory);
  CHECK(calls == 3);
}

TEST_CASE("upward and downward walk tuples and vectors in the same order, several side by side", "[core]") {
  std::tuple<int, std::string, double> blocks{1, "two", 3.0};
  std::tuple<int, int, int> marks{0, 0, 0};
  std::vector<std::size_t> order;
  int next = 0;
  spat::upward([&](std::size_t i, auto&, int& mark) { order.push_back(i), mark = ++next; }, blocks, marks);
  spat::downward([&](std::size_t i, auto&) { order.push_back(i); }, blocks);
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 2, 1, 0});
  CHECK(marks == std::tuple{1, 2, 3});

  order.clear();
  std::vector<int> list{4, 5, 6}, copies(3);
  spat::upward([&](std::size_t i, int value, int& copy) { order.push_back(i), copy = value; }, list, copies);
  spat::downward(
      [&](std::size_t i, int value) {
        order.push_back(i);
        CHECK(value == copies[i]);
      },
      std::as_const(list));
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 2, 1, 0});
  CHECK(copies == list);

  const std::tuple<int, int> constant{7, 8};
  int sum = 0;
  spat::upward([&](std::size_t, const int& value) { sum += value; }, constant);
  CHECK(sum == 15);

  std::tuple<> none;
  std::vector<int> empty;
  spat::upward([](std::size_t, auto&) { FAIL("no block"); }, none);
  spat::downward([](std::size_t, auto&) { FAIL("no block"); }, empty);
}
