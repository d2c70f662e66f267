#include <spat/export/c/c_axes.hpp>

#include <tests/support/catch.hpp>

#include <algorithm>
#include <random>

namespace c_axes_tests {

using namespace spat;

namespace {

using Sizes = std::vector<std::size_t>;

std::size_t product(const Sizes& shape) {
  std::size_t size = 1;
  for (const std::size_t extent : shape) size *= extent;
  return size;
}

/// Runs the loops around a call. `call(offsets)` has the offsets of the call's arrays.
template <class Call>
void run(const std::vector<detail::CLoop>& around, const Call& call, std::size_t loop = 0,
         std::array<std::size_t, 3> offsets = {}) {
  if (loop == around.size()) return call(offsets);
  for (std::size_t i = 0; i < around[loop].count; ++i) {
    run(around, call, loop + 1, offsets);
    for (std::size_t k = 0; k < offsets.size(); ++k) offsets[k] += around[loop].steps[k];
  }
}

}  // namespace

TEST_CASE("loops of a sum visit each pair of numbers once, in order") {
  std::mt19937 random(1);
  std::size_t deepest = 0;
  for (int i = 0; i < 3000; ++i) {
    Sizes a(1 + random() % 7);
    for (std::size_t& extent : a) extent = 1 + random() % 3;
    Sizes b(a.end() - static_cast<std::ptrdiff_t>(random() % (a.size() + 1)), a.end());
    for (std::size_t& extent : b)
      if (random() % 2 == 0) extent = 1;
    Sizes right(product(a)), found(product(a), 999999);
    for (std::size_t place = 0; place < right.size(); ++place) {
      std::size_t left = place, step = 1;
      for (std::size_t back = 0; back < a.size(); ++back) {
        const std::size_t extent = a[a.size() - 1 - back], index = left % extent;
        left /= extent;
        if (back >= b.size()) continue;
        if (b[b.size() - 1 - back] > 1) right[place] += index * step;
        step *= b[b.size() - 1 - back];
      }
    }
    const detail::CLoops loops = detail::broadcast_loops(a, b);
    const std::size_t outer = loops.counts[0], middle = loops.counts[1], inner = loops.counts[2];
    std::size_t calls = 0;
    run(loops.around, [&](const std::array<std::size_t, 3>& at) {
      CHECK(at[0] == calls * outer * middle * inner);
      CHECK(at[1] == at[0]);
      ++calls;
      for (std::size_t k = 0; k < outer * middle * inner; ++k)
        found.at(at[0] + k) = at[2] + k / inner % middle;
    });
    deepest = std::max(deepest, loops.around.size());
    REQUIRE(found == right);
  }
  CHECK(deepest >= 4);
}

TEST_CASE("loops of a transpose visit each number once, in the output's order") {
  std::mt19937 random(2);
  std::size_t deepest = 0;
  for (int i = 0; i < 3000; ++i) {
    Sizes x(1 + random() % 7), from(x.size());
    for (std::size_t& extent : x) extent = 1 + random() % 3;
    for (std::size_t axis = 0; axis < from.size(); ++axis) from[axis] = axis;
    for (std::size_t axis = from.size(); axis-- > 1;)
      std::swap(from[axis], from[random() % (axis + 1)]);
    Sizes right(product(x)), found(product(x), 999999);
    for (std::size_t place = 0; place < right.size(); ++place) {
      std::size_t left = place;
      for (std::size_t axis = from.size(); axis-- > 0; left /= x[from[axis]]) {
        const Sizes inner(x.begin() + static_cast<std::ptrdiff_t>(from[axis]) + 1, x.end());
        right[place] += left % x[from[axis]] * product(inner);
      }
    }
    const detail::CLoops loops = detail::transpose_loops(x, from);
    const std::size_t n0 = loops.counts[0], n1 = loops.counts[1], n2 = loops.counts[2];
    run(loops.around, [&](const std::array<std::size_t, 3>& at) {
      for (std::size_t k = 0; k < n0 * n1 * n2; ++k)
        found.at(at[0] + k) = at[1] + k / (n1 * n2) * loops.steps[0] +
                              k / n2 % n1 * loops.steps[1] + k % n2 * loops.steps[2];
    });
    deepest = std::max(deepest, loops.around.size());
    REQUIRE(found == right);
  }
  CHECK(deepest >= 3);
}

}  // namespace c_axes_tests
