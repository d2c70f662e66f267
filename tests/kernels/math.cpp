// exp, expm1 and erf against long double, the masked ends of rows, and the other vector operations
// against their scalar meaning.
#include "guarded.hpp"

#include <spat/kernels/math.hpp>

#include <algorithm>
#include <vector>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#include <unistd.h>
#endif

namespace math_tests {

namespace kernels = spat::kernels;

namespace {

template <class Scalar>
using Limits = std::numeric_limits<Scalar>;

/// |found - exact| in units of the last place of `exact`. Infinity counts as the number after the
/// largest one.
template <class Scalar>
double ulps(Scalar found, long double exact) {
  if (std::isnan(found) || std::isnan(exact))
    return std::isnan(found) && std::isnan(exact) ? 0 : 1e300;
  const long double end = std::ldexp(1.0L, Limits<Scalar>::max_exponent);
  const auto within = [=](long double value) { return std::clamp(value, -end, end); };
  int exponent = 0;
  std::frexp(within(exact), &exponent);
  exponent = std::clamp(exponent, Limits<Scalar>::min_exponent, Limits<Scalar>::max_exponent);
  const long double place = std::ldexp(1.0L, exponent - Limits<Scalar>::digits);
  return static_cast<double>(std::abs(within(found) - within(exact)) / place);
}

/// Every exponent, subnormal ones included, with `few` mantissas and both signs; the middle
/// exponents with `many`.
template <class Scalar>
std::vector<Scalar> all_magnitudes(std::size_t few, std::size_t many) {
  spat::Random random(7, 1);
  std::vector<Scalar> x{0, Scalar(-0.0)};
  for (int exponent = Limits<Scalar>::min_exponent - Limits<Scalar>::digits;
       exponent < Limits<Scalar>::max_exponent; ++exponent)
    for (std::size_t i = 0; i < (exponent > -8 && exponent < 11 ? many : few); ++i) {
      const Scalar mantissa = i == 0   ? Scalar(1)
                              : i == 1 ? Scalar(2) - Limits<Scalar>::epsilon()
                                       : static_cast<Scalar>(random.uniform(1, 2));
      x.push_back(std::ldexp(mantissa, exponent));
      x.push_back(-x.back());
    }
  return x;
}

template <class Scalar>
std::vector<Scalar> exp(const std::vector<Scalar>& x) {
  return map(x, [](const auto& v) { return kernels::exp<Scalar>(v); });
}
template <class Scalar>
std::vector<Scalar> expm1(const std::vector<Scalar>& x) {
  return map(x, [](const auto& v) { return kernels::expm1<Scalar>(v); });
}
template <class Scalar>
std::vector<Scalar> erf(const std::vector<Scalar>& x) {
  return map(x, [](const auto& v) { return kernels::erf<Scalar>(v); });
}

template <class Scalar, class Exact>
void check_ulps(const char* name, const std::vector<Scalar>& x, const std::vector<Scalar>& y,
                double allowed, Exact&& exact) {
  double worst = 0;
  Scalar where = 0;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (const double here = ulps(y[i], exact(static_cast<long double>(x[i]))); here > worst)
      worst = here, where = x[i];
  INFO(name << " for " << spat::instruction_set << ": worst " << worst << " ulp, at " << where);
  CHECK(worst <= allowed);
}

/// Equal to the last bit, except that all NaNs are equal.
template <class Scalar>
bool same(Scalar a, Scalar b) {
  return a == b ? std::signbit(a) == std::signbit(b) : std::isnan(a) && std::isnan(b);
}
template <class Scalar>
bool same(const std::vector<Scalar>& a, const std::vector<Scalar>& b) {
  return std::ranges::equal(a, b, [](Scalar left, Scalar right) { return same(left, right); });
}

}  // namespace

TEMPLATE_TEST_CASE("exp is within 2 ulp, expm1 within 3 and erf within 2, of any number there is",
                   "[kernels]", float, double) {
  const auto x = all_magnitudes<TestType>(24, 4000);
  check_ulps("exp", x, exp(x), 2, [](long double v) { return std::exp(v); });
  check_ulps("expm1", x, expm1(x), 3, [](long double v) { return std::expm1(v); });
  check_ulps("erf", x, erf(x), 2, [](long double v) { return std::erf(v); });
}

TEMPLATE_TEST_CASE(
    "exp and erf are as near where they change: underflow, overflow, and between two polynomials",
    "[kernels]", float, double) {
  const auto around = [](double middle, double width) {
    std::vector<TestType> x;
    for (int i = -20'000; i <= 20'000; ++i)
      x.push_back(static_cast<TestType>(middle + width * i / 20'000));
    return x;
  };
  const double top = std::log(static_cast<double>(Limits<TestType>::max()));
  const double bottom = std::log(static_cast<double>(Limits<TestType>::denorm_min()));
  for (const auto& x : {around(top, 2), around(top, 1e-4), around(bottom, 2),
                        around(bottom + 10, 20), around(0, 1)}) {
    check_ulps("exp", x, exp(x), 2, [](long double v) { return std::exp(v); });
    check_ulps("expm1", x, expm1(x), 3, [](long double v) { return std::expm1(v); });
  }
  for (const auto& x :
       {around(1, 0.1), around(-1, 1e-5), around(4, 0.5), around(-6, 0.5), around(0, 7)})
    check_ulps("erf", x, erf(x), 2, [](long double v) { return std::erf(v); });
}

TEMPLATE_TEST_CASE("exp, expm1 and erf of zeros, infinities and NaN", "[kernels]", float, double) {
  const TestType infinity = Limits<TestType>::infinity(), nan = Limits<TestType>::quiet_NaN(),
                 zero = TestType(-0.0), most = Limits<TestType>::max(),
                 least = Limits<TestType>::denorm_min();
  const std::vector<TestType> x{0,    zero, infinity, -infinity, nan,
                                -nan, most, -most,    least,     -least};
  CHECK(same(exp(x), {1, 1, infinity, 0, nan, nan, infinity, 0, 1, 1}));
  CHECK(same(expm1(x), {0, zero, infinity, -1, nan, nan, infinity, -1, least, -least}));
  CHECK(same(erf(x), {0, zero, 1, -1, nan, nan, 1, -1, least, -least}));
}

TEMPLATE_TEST_CASE("The exp(-x^2) that comes with erf is within (2 + x^2 / 2) eps", "[kernels]",
                   float, double) {
  std::vector<TestType> x;
  for (int i = -40'000; i <= 40'000; ++i) x.push_back(static_cast<TestType>(i) / 5000);
  const auto bell = map(x, [](const auto& v) { return kernels::erf_and_exp<TestType>(v).exp; });
  Worst worst;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double square = static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const auto exact = std::exp(-static_cast<long double>(x[i]) * static_cast<long double>(x[i]));
    const double allowed = (2 + square / 2) * epsilon<TestType>;
    worst.see(static_cast<double>(bell[i] / exact), 1, allowed);
  }
  CHECK(worst.ratio <= 1);
  const TestType infinity = Limits<TestType>::infinity();
  const std::vector<TestType> ends{infinity, -infinity, 0, Limits<TestType>::quiet_NaN()};
  CHECK(same(map(ends, [](const auto& v) { return kernels::erf_and_exp<TestType>(v).exp; }),
             {0, 0, 1, ends[3]}));
}

TEMPLATE_TEST_CASE("A value of exp, expm1 or erf does not depend on its lane or on its neighbours",
                   "[kernels]", float, double) {
  auto x = all_magnitudes<TestType>(2, 20);
  for (const TestType special : {Limits<TestType>::infinity(), Limits<TestType>::quiet_NaN()})
    for (std::size_t i = 3; i < x.size(); i += 37) x[i] = i % 2 ? special : -special;
  const auto exps = exp(x), expm1s = expm1(x), erfs = erf(x);
  std::size_t wrong = 0;
  for (std::size_t shift = 1; shift <= kernels::lanes<TestType>; ++shift) {
    const auto turned = [=](std::vector<TestType> values) {
      std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(shift),
                  values.end());
      return values;
    };
    const auto moved = turned(x);
    wrong += !same(exp(moved), turned(exps)) || !same(expm1(moved), turned(expm1s)) ||
             !same(erf(moved), turned(erfs));
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const kernels::Pack<TestType> alone(x[i]);
    TestType lanes[kernels::lanes<TestType>];
    const auto differs = [&](const kernels::Pack<TestType>& found, TestType expected) {
      kernels::store(lanes, found);
      return !std::ranges::all_of(lanes, [=](TestType value) { return same(value, expected); });
    };
    wrong += differs(kernels::exp<TestType>(alone), exps[i]) ||
             differs(kernels::erf<TestType>(alone), erfs[i]);
  }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("A part of a vector is loaded with its filling and stored without a neighbour",
                   "[kernels]", float, double) {
  constexpr std::size_t width = kernels::lanes<TestType>;
  std::size_t wrong = 0;
  for (std::size_t count = 0; count <= width; ++count)
    for (std::size_t offset = 0; offset < offsets; ++offset)
      for (const TestType fill : {TestType(0), TestType(-7.5), -Limits<TestType>::infinity()}) {
        const Guarded<TestType> from(count, offset, 1);
        Guarded<TestType> to(count, (offset + 5) % offsets, 2);
        const auto loaded = kernels::load_part<TestType>(from.read().data(), count, fill);
        TestType lanes[width];
        kernels::store(lanes, loaded);
        for (std::size_t i = 0; i < width; ++i) wrong += lanes[i] != (i < count ? from[i] : fill);
        kernels::store_part<TestType>(to.data(), loaded, count);
        wrong += !same_bits(from, to) || !to.intact();
      }
  CHECK(wrong == 0);
}

#if __has_include(<sys/mman.h>)
TEMPLATE_TEST_CASE("Loading or storing a part of a vector does not touch the next page",
                   "[kernels]", float, double) {
  const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
  void* const pages =
      mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(pages != MAP_FAILED);
  auto* const end = reinterpret_cast<TestType*>(static_cast<char*>(pages) + page);
  REQUIRE(mprotect(end, page, PROT_NONE) == 0);
  for (std::size_t count = 0; count <= kernels::lanes<TestType>; ++count) {
    std::fill(end - count, end, TestType(count));
    const auto loaded = kernels::load_part<TestType>(end - count, count, TestType(1));
    kernels::store_part<TestType>(end - count, loaded + loaded, count);
    CHECK(std::count(end - count, end, TestType(2 * count)) == static_cast<std::ptrdiff_t>(count));
  }
  munmap(pages, 2 * page);
}
#endif

TEMPLATE_TEST_CASE("Vector functions act lane by lane as on single numbers", "[kernels]", float,
                   double) {
  constexpr std::size_t width = kernels::lanes<TestType>;
  const TestType infinity = Limits<TestType>::infinity(), nan = Limits<TestType>::quiet_NaN();
  std::size_t wrong = 0;
  for (std::size_t turn = 0; turn < 500; ++turn) {
    Guarded<TestType> x(width, 0, 2 * turn), y(width, 0, 2 * turn + 1);
    if (turn % 5 == 0) x.data()[turn % width] = infinity, y.data()[turn % width] = -infinity;
    const auto a = kernels::load(x.data()), b = kernels::load(y.data());
    const auto differs = [&](const kernels::Pack<TestType>& found, auto&& function) {
      TestType lanes[width];
      kernels::store(lanes, found);
      for (std::size_t i = 0; i < width; ++i)
        if (!same(lanes[i], TestType(function(x[i], y[i])))) return true;
      return false;
    };
    wrong += differs(kernels::max<TestType>(a, b), [](auto p, auto q) { return std::max(p, q); });
    wrong += differs(kernels::min<TestType>(a, b), [](auto p, auto q) { return std::min(p, q); });
    wrong += differs(kernels::abs<TestType>(a), [](auto p, auto) { return std::abs(p); });
    wrong += differs(kernels::divide<TestType>(a, b), [](auto p, auto q) { return p / q; });
    wrong += differs(kernels::sqrt<TestType>(kernels::abs<TestType>(a)),
                     [](auto p, auto) { return std::sqrt(std::abs(p)); });
    wrong += differs(kernels::select<TestType>(a < b, a, b),
                     [](auto p, auto q) { return p < q ? p : q; });
    wrong += differs(kernels::select<TestType>((a < b) || !(b >= kernels::Pack<TestType>(0)), a, b),
                     [](auto p, auto q) { return p < q || q < 0 ? p : q; });
    const int power = static_cast<int>(turn) - 250;  // beyond both ends of the range of float
    const kernels::Pack<TestType> powers(static_cast<TestType>(power)), half(TestType(0.5));
    wrong +=
        differs(kernels::times_power_of_two<TestType>(kernels::abs<TestType>(a) + half, powers),
                [=](auto p, auto) { return std::ldexp(std::abs(p) + TestType(0.5), power); });
  }
  CHECK(wrong == 0);
  const kernels::Pack<TestType> number(TestType(1)), spoiled(nan);
  CHECK(std::isnan(kernels::sum_of_lanes(kernels::max<TestType>(number, spoiled))));
  CHECK(std::isnan(kernels::sum_of_lanes(kernels::min<TestType>(number, spoiled))));
}

}  // namespace math_tests
