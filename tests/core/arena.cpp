// The memory of a workspace: measured, then handed out.
#include <spat/core/arena.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <new>

namespace arena_tests {

using spat::Arena;
using spat::Purpose;
using spat::Rows;

namespace {

bool aligned(const void* p) { return reinterpret_cast<std::uintptr_t>(p) % spat::alignment == 0; }

}  // namespace

TEST_CASE(
    "An arena runs its layout twice: to measure with nothing in hand, then to hand out aligned "
    "pieces",
    "[core]") {
  Arena arena;
  Rows<double> a;
  Rows<float, 5> b;
  std::span<unsigned char> c;
  std::span<double> d;
  int runs = 0;
  arena.prepare(Purpose::training, [&](Arena& from) {
    ++runs;
    from.take(a, 3, 7), from.take(b, 2, 5), from.take(c, 3), from.take(d, 9);
    CHECK((a.data() == nullptr) == (runs == 1));
    CHECK(c.empty() == (runs == 1));
  });
  CHECK(runs == 2);
  CHECK((aligned(a.data()) && aligned(b.data()) && aligned(c.data()) && aligned(d.data())));
  CHECK(a.rows() == 3);
  CHECK(a.cols() == 7);
  CHECK(b.size() == 10);
  CHECK(d.size() == 9);
  CHECK(arena.size_bytes() == 192 + 64 + 64 + 128);
  std::ranges::fill(a.flat(), 1.0), std::ranges::fill(b.flat(), 2.0f), std::ranges::fill(c, '3'),
      std::ranges::fill(d, 4.0);
  CHECK(std::ranges::all_of(a.flat(),
                            [](double value) { return value == 1; }));  // pieces do not overlap
  CHECK(std::ranges::all_of(b.flat(), [](float value) { return value == 2; }));
  CHECK(std::ranges::all_of(c, [](unsigned char value) { return value == '3'; }));
}

TEST_CASE("Temporary memory is reused in inference and kept in training", "[core]") {
  Arena arena;
  Rows<double> kept, one, two, inner, after;
  const auto lay_out = [&](Arena& from) {
    from.take(kept, 1, 8);
    from.temporarily([&] {
      from.take(one, 1, 8);
      from.temporarily([&] { from.take(inner, 1, 16); });
    });
    from.temporarily([&] { from.take(two, 1, 8); });
    from.take(after, 1, 8);
  };
  arena.prepare(Purpose::inference, lay_out);
  CHECK(one.data() == two.data());
  CHECK(after.data() == two.data());
  CHECK(kept.data() + 8 == one.data());
  CHECK(one.data() + 8 == inner.data());
  CHECK(arena.size_bytes() == 64 * 4);  // at the peak: kept, one, inner
  CHECK_FALSE(arena.training());

  arena.prepare(Purpose::training, lay_out);
  CHECK(arena.training());
  CHECK(arena.size_bytes() == 64 * 6);
  const std::array<double*, 5> pieces{kept.data(), one.data(), inner.data(), two.data(),
                                      after.data()};
  for (std::size_t i = 1; i < pieces.size(); ++i)
    CHECK(pieces[i] == pieces[i - 1] + (i == 3 ? 16 : 8));
}

TEST_CASE("An arena allocates only when it must grow", "[core]") {
  Arena arena;
  std::span<double> values;
  const auto prepare = [&](std::size_t count) {
    arena.prepare(Purpose::training, [&](Arena& from) { from.take(values, count); });
    return values.data();
  };
  const double* const large = prepare(1000);
  const std::size_t bytes = arena.size_bytes();
  CHECK(prepare(10) == large);
  CHECK(prepare(1000) == large);
  CHECK(arena.size_bytes() == bytes);
  CHECK(values.size() == 1000);
  prepare(2000);
  CHECK(arena.size_bytes() == 16'000);
}

TEST_CASE("An empty layout takes nothing, and an arena's views survive its move", "[core]") {
  Arena arena;
  arena.prepare(Purpose::inference, [](Arena&) {});
  CHECK(arena.size_bytes() == 0);
  std::span<int> values;
  arena.prepare(Purpose::training, [&](Arena& from) { from.take(values, 4); });
  values[3] = 5;
  const Arena moved = std::move(arena);
  CHECK(moved.size_bytes() == 64);
  CHECK(values[3] == 5);
}

TEST_CASE("A layout of more bytes than a program can hold is refused, not wrapped around",
          "[core]") {
  Arena arena;
  Rows<double> a, b;
  constexpr std::size_t half = std::numeric_limits<std::size_t>::max() / 4 / sizeof(double);
  CHECK_THROWS_AS(arena.prepare(Purpose::training,
                                [&](Arena& from) { from.take(a, half, 1), from.take(b, 2, half); }),
                  std::bad_alloc);
  if constexpr (sizeof(std::size_t) < 8) {  // the product of the extents overflows
    CHECK_THROWS_AS(arena.prepare(Purpose::training,
                                  [&](Arena& from) { from.take(a, 1 << 16, (1 << 16) + 1); }),
                    std::bad_alloc);
    CHECK_THROWS_AS(
        arena.prepare(Purpose::training, [&](Arena& from) { from.take(a, 1, (1u << 29) + 1); }),
        std::bad_alloc);
  }
  CHECK(arena.size_bytes() == 0);
}

}  // namespace arena_tests
