// Slots for modules that are kept, pruned, or decided at run time.
#include <spat/core/slot.hpp>
#include <tests/support/catch.hpp>

#include <optional>

namespace slot_tests {

using spat::Absent;
using spat::BlockMask;
using spat::Presence;
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

// A pruned part leaves nothing: its type is not even named, and it takes no memory.
static_assert(std::is_same_v<Slot<Part, Presence::always>, Part>);
static_assert(std::is_same_v<Slot<Part, Presence::never>, Absent> && std::is_empty_v<Absent>);
static_assert(std::is_same_v<Slot<Part, Presence::at_run_time>, std::optional<Part>>);
static_assert(std::is_same_v<spat::CacheOf<Part>, Part::Cache>);
static_assert(std::is_same_v<spat::CacheOf<Absent>, Absent>);
static_assert(std::is_same_v<spat::CacheOf<std::optional<Part>>, std::optional<Part::Cache>>);

static_assert(BlockMask{}.presence(3) == Presence::at_run_time);
static_assert(BlockMask{false, {0b101}}.presence(0) == Presence::always);
static_assert(BlockMask{false, {0b101}}.presence(1) == Presence::never);
static_assert(BlockMask{false, {0b101}}.slice(1, 2).presence(1) == Presence::always);
static_assert(BlockMask{}.slice(1, 2).at_run_time);

TEST_CASE("A slot constructs its layer from the arguments if the layer is kept", "[core]") {
  CHECK(spat::make_slot<Part, Presence::always>(true, 3).number == 3);
  CHECK(spat::make_slot<Part, Presence::at_run_time>(true, 4)->number == 4);
  CHECK_FALSE(spat::make_slot<Part, Presence::at_run_time>(false, 4).has_value());
  static_assert(std::is_same_v<decltype(spat::make_slot<Part, Presence::never>(false, 1)), Absent>);
}

TEST_CASE("The cache of a slot is present exactly if its layer is", "[core]") {
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

TEST_CASE(
    "if_kept hands over all parts where the first is there, and compiles nothing where it cannot "
    "be",
    "[core]") {
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

}  // namespace slot_tests
