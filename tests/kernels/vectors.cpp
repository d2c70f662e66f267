// What the kernels ask of a vector beyond plain numbers: NaNs, zeros with a sign, and one rounding
// of a multiply-add, on every instruction set and with every version of xsimd.
#include "guarded.hpp"

#include <spat/kernels/simd.hpp>

#include <algorithm>
#include <cstring>
#include <string>

namespace vectors_tests {

namespace kernels = spat::kernels;

namespace {

/// Calls use(a, b) for all pairs of numbers whose comparisons differ from each other in some way.
template <class Scalar, class Use>
void for_each_pair(Use&& use) {
  using Limits = std::numeric_limits<Scalar>;
  const Scalar numbers[] = {0,
                            Scalar(-0.0),
                            1,
                            -1,
                            Limits::denorm_min(),
                            Limits::infinity(),
                            -Limits::infinity(),
                            Limits::quiet_NaN(),
                            -Limits::quiet_NaN()};
  for (const Scalar a : numbers)
    for (const Scalar b : numbers) use(a, b);
}

/// Whether all lanes have the bits of `expected`.
template <class Scalar>
bool all_lanes_are(const kernels::Pack<Scalar>& found, Scalar expected) {
  Scalar lanes[kernels::lanes<Scalar>];
  kernels::store(lanes, found);
  return std::ranges::all_of(
      lanes, [&](const Scalar& lane) { return !std::memcmp(&lane, &expected, sizeof lane); });
}

}  // namespace

TEMPLATE_TEST_CASE("max is a > b ? a : b and min is a < b ? a : b, of NaNs and zeros, too",
                   "[kernels]", float, double) {
  using P = kernels::Pack<TestType>;
  for_each_pair<TestType>([](TestType a, TestType b) {
    INFO(a << ", " << b);
    CHECK(all_lanes_are<TestType>(kernels::max<TestType>(P(a), P(b)), a > b ? a : b));
    CHECK(all_lanes_are<TestType>(kernels::min<TestType>(P(a), P(b)), a < b ? a : b));
  });
}

TEMPLATE_TEST_CASE("Comparisons of vectors and && || ! are those of single numbers, also of NaNs",
                   "[kernels]", float, double) {
  using P = kernels::Pack<TestType>;
  const auto is = [](const kernels::Mask<TestType>& mask, bool expected) {
    return all_lanes_are<TestType>(kernels::select<TestType>(mask, P(TestType(1)), P(TestType(2))),
                                   expected ? 1 : 2);
  };
  for_each_pair<TestType>([&](TestType a, TestType b) {
    INFO(a << ", " << b);
    const P x(a), y(b);
    CHECK(is(x < y, a < b));
    CHECK(is(x <= y, a <= b));
    CHECK(is(x > y, a > b));
    CHECK(is(x >= y, a >= b));
    CHECK(is(x == y, a == b));
    CHECK(is(!(x < y), !(a < b)));
    CHECK(is(x < y || x == y, a <= b));
    CHECK(is(x <= y && x >= y, a == b));
  });
}

TEMPLATE_TEST_CASE("A selected or an absolute number keeps its other bits, also of NaNs and zeros",
                   "[kernels]", float, double) {
  using P = kernels::Pack<TestType>;
  for_each_pair<TestType>([](TestType a, TestType b) {
    INFO(a << ", " << b);
    const P one(TestType(1)), zero(TestType(0));
    CHECK(all_lanes_are<TestType>(kernels::select<TestType>(zero < one, P(a), P(b)), a));
    CHECK(all_lanes_are<TestType>(kernels::select<TestType>(one < zero, P(a), P(b)), b));
    CHECK(all_lanes_are<TestType>(kernels::abs(P(a)), std::abs(a)));
  });
}

TEMPLATE_TEST_CASE("multiply_add of vectors rounds as often as that of single numbers", "[kernels]",
                   float, double) {
  using P = kernels::Pack<TestType>;
  const TestType e = std::numeric_limits<TestType>::epsilon();
  volatile TestType more = 1 + e, less = 1 - e;  // their product is 1 - e^2
  const TestType a = more, b = less;
  CHECK(all_lanes_are<TestType>(kernels::multiply_add<TestType>(P(a), P(b), P(TestType(-1))),
                                spat::multiply_add(a, b, TestType(-1))));
}

TEST_CASE("The vectors are as wide as those of the instruction set", "[kernels]") {
  const std::string set = spat::instruction_set;
  const std::size_t bytes = set == "avx512"             ? 64
                            : set.starts_with("avx")    ? 32
                            : set.starts_with("scalar") ? sizeof(float)
                                                        : 16;
  CHECK(kernels::lanes<float> == bytes / sizeof(float));
  CHECK(kernels::lanes<double> == std::max(bytes / sizeof(double), std::size_t{1}));
}

}  // namespace vectors_tests
