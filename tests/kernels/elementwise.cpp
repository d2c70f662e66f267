// Elementwise kernels and sums over rows against their scalar twins; the accuracy of exp, erf and
// GELU.
#include "guarded.hpp"

#include <spat/kernels/elementwise.hpp>
#include <spat/kernels/reduce.hpp>
#include <tests/kernels/reference.hpp>

#include <numbers>
#include <vector>

namespace elementwise_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;

namespace {

/// The type that a result is compared in: double for float, long double for double.
template <class Scalar>
using Wide = std::conditional_t<std::is_same_v<Scalar, float>, double, long double>;

template <class Scalar>
std::vector<Scalar> grid(double low, double high, std::size_t count) {
  std::vector<Scalar> points(count);
  for (std::size_t i = 0; i < count; ++i)
    points[i] = static_cast<Scalar>(low + (high - low) * static_cast<double>(i) /
                                              static_cast<double>(count - 1));
  return points;
}

/// max |found - exact(x)| / (eps unit(x)).
template <class Scalar, class Exact, class Unit>
double worst_error(const std::vector<Scalar>& x, const std::vector<Scalar>& found, Exact&& exact,
                   Unit&& unit) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Wide<Scalar> wide = x[i];
    const auto difference =
        static_cast<double>(std::abs(static_cast<Wide<Scalar>>(found[i]) - exact(wide)));
    const double ratio = difference / (epsilon<Scalar> * static_cast<double>(unit(wide)));
    if (ratio > worst || ratio != ratio) worst = ratio;  // a NaN stays
  }
  return worst;
}

}  // namespace

TEMPLATE_TEST_CASE("exp is within 4 eps where a softmax needs it", "[kernels]", float, double) {
  const bool is_float = std::is_same_v<TestType, float>;
  const auto x = grid<TestType>(is_float ? -87.0 : -707.0, 0, 400'001);
  const auto y = map(x, [](auto v) { return kernels::exp<TestType>(v); });
  const auto exact = [](auto v) { return std::exp(v); };
  const double worst = worst_error(x, y, exact, exact);
  INFO("worst exp: " << worst << " eps");
  CHECK(worst <= 4);
  const std::vector<TestType> ends{0, TestType(-2000), -std::numeric_limits<TestType>::infinity()};
  CHECK(map(ends, [](auto v) { return kernels::exp<TestType>(v); }) ==
        std::vector<TestType>{1, 0, 0});
}

TEMPLATE_TEST_CASE("erf is within 4 eps", "[kernels]", float, double) {
  const auto exact = [](auto v) { return std::erf(v); };
  const auto unit = [](auto v) {
    return std::max(std::abs(std::erf(v)), static_cast<decltype(v)>(1e-30));
  };
  for (const double end : {0.01, 1.0, 7.0, 30.0}) {
    const auto x = grid<TestType>(-end, end, 400'001);
    const auto y = map(x, [](auto v) { return kernels::erf<TestType>(v); });
    const double worst = worst_error(x, y, exact, unit);
    INFO("worst erf up to " << end << ": " << worst << " eps");
    CHECK(worst <= 4);
  }
}

TEMPLATE_TEST_CASE(
    "GELU is within 4 eps |x| and its derivative within 8 eps in float, 5 and 3 times that in "
    "double",
    "[kernels]", float, double) {
  const bool is_float = std::is_same_v<TestType, float>;
  for (const double end : {0.01, 1.0, 8.0, 40.0}) {
    const auto x = grid<TestType>(-end, end, 400'001);
    std::vector<TestType> y(x.size()), dy(x.size(), 1), dx(x.size());
    kernels::gelu<TestType>(x, y);
    kernels::gelu_backward<TestType>(x, dy, dx);
    const auto distribution = [](auto v) {
      return std::erfc(-v / std::numbers::sqrt2_v<decltype(v)>) / 2;
    };
    const auto exact = [&](auto v) { return v * distribution(v); };
    const auto slope = [&](auto v) {
      using W = decltype(v);
      return distribution(v) +
             v * std::exp(-v * v / 2) * std::numbers::inv_sqrtpi_v<W> / std::numbers::sqrt2_v<W>;
    };
    const double worst = worst_error(
        x, y, exact, [](auto v) { return std::max(std::abs(v), static_cast<decltype(v)>(1e-30)); });
    const double worst_slope = worst_error(x, dx, slope, [](auto) { return 1; });
    INFO("up to " << end << ": worst GELU " << worst << " eps |x|, worst derivative " << worst_slope
                  << " eps");
    CHECK(worst <= (is_float ? 4 : 20));
    CHECK(worst_slope <= (is_float ? 8 : 24));
  }
}

TEMPLATE_TEST_CASE("GELU keeps NaN and goes to x and to zero far out", "[kernels]", float, double) {
  const std::vector<TestType> x{std::numeric_limits<TestType>::quiet_NaN(), TestType(1e30),
                                TestType(-1e30), 0, std::numeric_limits<TestType>::infinity()};
  std::vector<TestType> y(5), dy(5, 1), dx(5);
  kernels::gelu<TestType>(x, y);
  kernels::gelu_backward<TestType>(x, dy, dx);
  CHECK(y[0] != y[0]);
  CHECK(dx[0] != dx[0]);
  CHECK(y[1] == x[1]);
  CHECK(y[4] == x[4]);
  CHECK(dx[1] == 1);
  CHECK(y[2] == 0);
  CHECK(dx[2] == 0);
  CHECK(y[3] == 0);
  CHECK(dx[3] == TestType(0.5));
}

TEMPLATE_TEST_CASE(
    "GELU agrees with its twin at every size and place, within 24 eps |x|, and backward within 32 "
    "eps |dy|",
    "[kernels]", float, double) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    Worst worst;
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Guarded<TestType> x(size, offset, 1), dy(size, (offset + 3) % offsets, 2),
          y(size, (offset + 7) % offsets, 3), dx(size, (offset + 9) % offsets, 4),
          twin_y(size, 0, 3), twin_dx(size, 0, 4);
      kernels::gelu<TestType>(x.read(), y.span());
      kernels::gelu_backward<TestType>(x.read(), dy.read(), dx.span());
      reference::gelu<TestType>(x.read(), twin_y.span());
      reference::gelu_backward<TestType>(x.read(), dy.read(), twin_dx.span());
      for (std::size_t i = 0; i < size; ++i) {
        worst.see(static_cast<double>(y[i]), static_cast<double>(twin_y[i]),
                  24 * epsilon<TestType> * std::abs(static_cast<double>(x[i])));
        worst.see(static_cast<double>(dx[i]), static_cast<double>(twin_dx[i]),
                  32 * epsilon<TestType> * std::abs(static_cast<double>(dy[i])));
      }
      if (!y.intact() || !dx.intact()) worst.ratio = 1e301;
    }
    INFO("size " << size);
    CHECK(worst.ratio <= 1);
  }
}

TEMPLATE_TEST_CASE(
    "A value of GELU or Adam does not depend on its place: any piece gives the bytes of the whole",
    "[kernels]", float, double) {
  const std::size_t size = 67;
  Guarded<TestType> x(size, 0, 1), dy(size, 0, 2), y(size, 0, 3), dx(size, 0, 4), m(size, 0, 5),
      v(size, 0, 6), w(size, 0, 7);
  for (TestType& value : x.span()) value *= 3;  // reaches every branch of erf
  for (TestType& value : v.span()) value = std::abs(value);
  const kernels::AdamStep<TestType> step{TestType(1e-2),
                                         TestType(0.9),
                                         TestType(0.999),
                                         TestType(1e-8),
                                         TestType(0.2),
                                         TestType(0.05),
                                         1};
  const Guarded<TestType> m_before = m, v_before = v, w_before = w;
  kernels::gelu<TestType>(x.read(), y.span());
  kernels::gelu_backward<TestType>(x.read(), dy.read(), dx.span());
  kernels::adam<TestType>(step, dy.data(), m.data(), v.data(), w.data(), size);
  std::size_t wrong = 0;
  for (std::size_t first = 0; first < size; ++first)
    for (std::size_t count = 1; first + count <= size; count = count < 9 ? count + 1 : count + 7) {
      Guarded<TestType> piece(count, first % offsets, 8), slope(count, first % offsets, 9);
      kernels::gelu<TestType>(x.read().subspan(first, count), piece.span());
      kernels::gelu_backward<TestType>(x.read().subspan(first, count),
                                       dy.read().subspan(first, count), slope.span());
      Guarded<TestType> m2 = m_before, v2 = v_before, w2 = w_before;
      kernels::adam<TestType>(step, dy.data() + first, m2.data() + first, v2.data() + first,
                              w2.data() + first, count);
      wrong += !same_bits(piece.read(), y.read().subspan(first, count)) ||
               !same_bits(slope.read(), dx.read().subspan(first, count));
      wrong += !same_bits(m2.read().subspan(first, count), m.read().subspan(first, count)) ||
               !same_bits(v2.read().subspan(first, count), v.read().subspan(first, count)) ||
               !same_bits(w2.read().subspan(first, count), w.read().subspan(first, count));
    }
  CHECK(wrong == 0);
}

TEMPLATE_TEST_CASE("Sums, selection and transposition equal their twins to the last bit",
                   "[kernels]", float, double) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    std::size_t wrong = 0;
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Guarded<TestType> a(size, offset, 1), b(size, (offset + 3) % offsets, 2),
          y(size, (offset + 5) % offsets, 3), twin(size, 0, 3);
      kernels::add<TestType>(a.read(), b.read(), y.span());
      reference::add<TestType>(a.read(), b.read(), twin.span());
      wrong += !same_bits(y, twin) || !y.intact();

      std::vector<unsigned char> keep(size);
      kernels::dropout<unsigned char>({0.4, 7, 1, 2, offset}, 0, 1, 0, keep);
      kernels::select_scaled<TestType>(a.read(), keep, TestType(1.7), y.span());
      reference::select_scaled<TestType>(a.read(), keep, TestType(1.7), twin.span());
      wrong += !same_bits(y, twin) || !y.intact();

      // (a + b) + c, in this order; c may be y.
      const Guarded<TestType> c(size, (offset + 7) % offsets, 4);
      kernels::add<TestType>(a.read(), b.read(), c.read(), y.span());
      for (std::size_t i = 0; i < size; ++i) {
        const TestType sum = a[i] + b[i];
        wrong += y[i] != sum + c[i];
      }
      reference::add<TestType>(a.read(), b.read(), c.read(), twin.span());
      wrong += !same_bits(y, twin) || !y.intact();
      kernels::add<TestType>(a.read(), b.read(), y.read(), y.span());
      reference::add<TestType>(a.read(), b.read(), twin.read(), twin.span());
      wrong += !same_bits(y, twin) || !y.intact();
    }
    for (const std::size_t rows : Sizes{1, 2, 9, 33}) {
      Guarded<TestType> x(rows * size, rows % offsets, 1), other(rows * size, 1, 2),
          y(rows * size, 3, 3), twin(rows * size, 0, 3);
      kernels::transpose(x.data(), rows, size, y.data());
      reference::transpose(x.data(), rows, size, twin.data());
      wrong += !same_bits(y, twin) || !y.intact();

      const std::size_t cols = size - size / 3;  // strided: a part of each row
      const kernels::Strided<const TestType> left(x.data(), rows, cols, size),
          right(other.data(), rows, cols, size);
      Guarded<TestType> sums(cols, 5, 4), twin_sums(cols, 0, 4);
      kernels::add_rows<TestType>(left, sums.data());
      reference::add_rows<TestType>(left, twin_sums.data());
      wrong += !same_bits(sums, twin_sums) || !sums.intact();
      kernels::add_products<TestType>(left, right, sums.data());
      reference::add_products<TestType>(left, right, twin_sums.data());
      wrong += !same_bits(sums, twin_sums) || !sums.intact();
      Guarded<TestType> squares(cols, 3, 2), twin_squares(cols, 0, 2);
      kernels::add_deviations<TestType>(left, other.data(), sums.data(), squares.data());
      reference::add_deviations<TestType>(left, other.data(), twin_sums.data(),
                                          twin_squares.data());
      wrong += !same_bits(sums, twin_sums) || !sums.intact();
      wrong += !same_bits(squares, twin_squares) || !squares.intact();
    }
    INFO("size " << size);
    CHECK(wrong == 0);
  }
}

TEMPLATE_TEST_CASE("A dropped value is +0, whatever it was", "[kernels]", float, double) {
  const std::vector<TestType> x{-1, std::numeric_limits<TestType>::infinity(),
                                std::numeric_limits<TestType>::quiet_NaN(), -3};
  const std::vector<unsigned char> keep{0, 0, 0, 1};
  std::vector<TestType> y(4, 9);
  kernels::select_scaled<TestType>(x, keep, 2, y);
  CHECK(y == std::vector<TestType>{0, 0, 0, -6});
  CHECK(!std::signbit(y[0]));
}

}  // namespace elementwise_tests
