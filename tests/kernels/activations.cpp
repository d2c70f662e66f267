// ReLU, SiLU, gates and softplus: against their scalar twins, their accuracy, and their treatment
// of infinities.
#include "guarded.hpp"

#include <spat/kernels/elementwise.hpp>
#include <tests/kernels/reference.hpp>

namespace activations_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;

namespace {

/// max |found - exact(x)| / (eps |exact(x)|), exact in double or long double.
template <class Scalar, class Exact>
double worst_error(const std::vector<Scalar>& x, const std::vector<Scalar>& found, Exact&& exact) {
  using Wide = std::conditional_t<std::is_same_v<Scalar, float>, double, long double>;
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Wide expected = exact(Wide(x[i]));
    const auto error =
        static_cast<double>(std::abs((Wide(found[i]) - expected) / expected)) / epsilon<Scalar>;
    if (error > worst || error != error) worst = error;  // a NaN stays
  }
  return worst;
}

template <class Scalar>
std::vector<Scalar> grid(double low, double high) {
  std::vector<Scalar> points(200'001);
  for (std::size_t i = 0; i < points.size(); ++i)
    points[i] = static_cast<Scalar>(low + (high - low) * static_cast<double>(i) / 200'000.0);
  return points;
}

}  // namespace

TEMPLATE_TEST_CASE(
    "ReLU equals its twin to the last bit, the other activations within 16 eps of it, at every "
    "size and place",
    "[kernels]", float, double) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    Worst worst;
    std::size_t wrong = 0;
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Guarded<TestType> x(size, offset, 1), dy(size, (offset + 3) % offsets, 2),
          value(size, (offset + 5) % offsets, 3), y(size, (offset + 7) % offsets, 4),
          dx(size, (offset + 9) % offsets, 5), twin_y(size, 0, 4), twin_dx(size, 0, 5);
      const auto compare = [&](auto&& found, auto&& twin, double eps) {
        found(), twin();
        for (std::size_t i = 0; i < size; ++i) {
          worst.see(static_cast<double>(y[i]), static_cast<double>(twin_y[i]),
                    eps * epsilon<TestType>);
          worst.see(static_cast<double>(dx[i]), static_cast<double>(twin_dx[i]),
                    eps * epsilon<TestType>);
        }
        wrong += !y.intact() || !dx.intact();
        if (eps == 0) wrong += !same_bits(y, twin_y) || !same_bits(dx, twin_dx);
      };
      compare(
          [&] {
            kernels::relu<TestType>(x.read(), y.span()),
                kernels::relu_backward<TestType>(x.read(), dy.read(), dx.span());
          },
          [&] {
            reference::relu<TestType>(x.read(), twin_y.span()),
                reference::relu_backward<TestType>(x.read(), dy.read(), twin_dx.span());
          },
          0);
      compare(
          [&] {
            kernels::silu<TestType>(x.read(), y.span()),
                kernels::silu_backward<TestType>(x.read(), dy.read(), dx.span());
          },
          [&] {
            reference::silu<TestType>(x.read(), twin_y.span()),
                reference::silu_backward<TestType>(x.read(), dy.read(), twin_dx.span());
          },
          16);
      compare([&] { kernels::gate<TestType>(value.read(), x.read(), y.span()); },
              [&] { reference::gate<TestType>(value.read(), x.read(), twin_y.span()); }, 16);
      compare(
          [&] {
            kernels::gate_backward<TestType>(value.read(), x.read(), dy.read(), y.span(),
                                             dx.span());
          },
          [&] {
            reference::gate_backward<TestType>(value.read(), x.read(), dy.read(), twin_y.span(),
                                               twin_dx.span());
          },
          32);
      compare(
          [&] {
            kernels::softplus<TestType>(x.read(), y.span()),
                kernels::softplus_backward<TestType>(y.read(), dy.read(), dx.span());
          },
          [&] {
            reference::softplus<TestType>(x.read(), twin_y.span()),
                reference::softplus_backward<TestType>(twin_y.read(), dy.read(), twin_dx.span());
          },
          16);
    }
    INFO("size " << size);
    CHECK(worst.ratio <= 1);
    CHECK(wrong == 0);
  }
}

TEMPLATE_TEST_CASE("log1p of the unit interval is within 4 eps, softplus and SiLU within 6 eps",
                   "[kernels]", float, double) {
  const auto unit = grid<TestType>(1e-7, 1);
  const auto log1p = map(unit, [](auto v) { return kernels::log1p_of_unit<TestType>(v); });
  const double worst_log = worst_error(unit, log1p, [](auto v) { return std::log1p(v); });
  INFO("worst log1p: " << worst_log << " eps");
  CHECK(worst_log <= 4);
  for (const double end : {0.01, 1.0, 8.0, 80.0}) {
    const auto x = grid<TestType>(-end, end * 1.0001);
    std::vector<TestType> soft(x.size()), gated(x.size());
    kernels::softplus<TestType>(x, soft);
    kernels::silu<TestType>(x, gated);
    const double worst_soft = worst_error(x, soft, [](auto v) {
      return v > 0 ? v + std::log1p(std::exp(-v)) : std::log1p(std::exp(v));
    });
    const double worst_silu = worst_error(x, gated, [](auto v) {
      return v / (1 + std::exp(-v)) + (v == 0 ? decltype(v)(1e-300) : 0);
    });
    INFO("up to " << end << ": worst softplus " << worst_soft << " eps, worst SiLU " << worst_silu
                  << " eps");
    CHECK(worst_soft <= 6);
    CHECK(worst_silu <= 6);
  }
}

TEMPLATE_TEST_CASE("activations keep NaN and have their limits far out", "[kernels]", float,
                   double) {
  const std::vector<TestType> x{std::numeric_limits<TestType>::quiet_NaN(), TestType(1e30),
                                TestType(-1e30), 0};
  std::vector<TestType> y(4);
  kernels::relu<TestType>(x, y);
  CHECK((y[0] != y[0] && y[1] == x[1] && y[2] == 0 && y[3] == 0));
  kernels::silu<TestType>(x, y);
  CHECK((y[0] != y[0] && y[1] == x[1] && y[2] == 0 && y[3] == 0));
  kernels::softplus<TestType>(x, y);
  CHECK((y[0] != y[0] && y[1] == x[1] && y[2] == 0));
  CHECK(y[3] == Approx(std::log(2.0)));
}

}  // namespace activations_tests
