// Kernels of one row: layer and batch normalization, their backward functions, and Adam's update,
// against their scalar twins.
#include "guarded.hpp"

#include <tests/kernels/reference.hpp>

#include <algorithm>
#include <vector>

namespace rows_tests {

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;

namespace {

constexpr double number(auto value) { return static_cast<double>(value); }

/// Calls check(size, offset, worst) for every size and offset.
template <class Check>
void for_every_place(Check&& check) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    Worst worst;
    for (std::size_t offset = 0; offset < offsets; ++offset) check(size, offset, worst);
    INFO("size " << size);
    CHECK(worst.ratio <= 1);
  }
}

/// Compares `found` with `expected`, which may differ by allowed(i). Nothing outside may be
/// written.
template <class Scalar, class Allowed>
void compare(const Guarded<Scalar>& found, const Guarded<Scalar>& expected, Worst& worst,
             Allowed&& allowed) {
  for (std::size_t i = 0; i < found.read().size(); ++i)
    worst.see(number(found[i]), number(expected[i]), allowed(i));
  if (!found.intact()) worst.ratio = 1e301;
}

template <class Scalar>
double mean_of_sizes(const Guarded<Scalar>& x) {
  double sum = 0;
  for (const Scalar value : x.read()) sum += std::abs(number(value));
  return sum / number(x.read().size());
}

}  // namespace

TEMPLATE_TEST_CASE("Moments agree with their twins within (n + 8) eps of their terms", "[kernels]",
                   float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> x(size, offset, 1);
    const double bound = number(size + 8) * epsilon<TestType>, mean_size = mean_of_sizes(x);
    const auto found = kernels::moments<TestType>(x.data(), size),
               twin = reference::moments<TestType>(x.data(), size);
    worst.see(number(found.center) + number(found.shift), number(twin.center) + number(twin.shift),
              bound * mean_size);
    worst.see(number(found.variance), number(twin.variance),
              2 * bound * (number(twin.variance) + bound * mean_size * mean_size));
  });
}

TEMPLATE_TEST_CASE(
    "Layer normalization, of x or x + branch, agrees with its twin within (n + 8) eps of its terms",
    "[kernels]", float, double) {
  const auto small = TestType(1e-5);
  for (const bool branches : {false, true})
    for_every_place([=](std::size_t size, std::size_t offset, Worst& worst) {
      const Guarded<TestType> x(size, offset, 1), branch(size, (offset + 7) % offsets, 7),
          gain(size, (offset + 1) % offsets, 2), bias(size, (offset + 5) % offsets, 3);
      Guarded<TestType> u(size, 0, 1), n(size, (offset + 9) % offsets, 4),
          y(size, (offset + 13) % offsets, 5), twin_n(size, 0, 4), twin_y(size, 0, 5),
          alone(size, offset, 6);
      for (std::size_t i = 0; branches && i < size; ++i)
        u.data()[i] += branch[i];  // rounded once in both
      const auto run = [&](auto&& function, TestType* normalized, TestType* to) {
        return number(function(&x[0], branches ? &branch[0] : nullptr, &gain[0], &bias[0], small,
                               size, normalized, to));
      };
      const double bound = number(size + 8) * epsilon<TestType>, mean_size = mean_of_sizes(u);
      const double inverse = run(kernels::layer_norm<TestType>, n.data(), y.data()),
                   twin_inverse =
                       run(reference::layer_norm<TestType>, twin_n.data(), twin_y.data());
      worst.see(inverse, twin_inverse, bound * twin_inverse);
      const auto allowed = [&](std::size_t i) {
        return 2 * bound * (mean_size * twin_inverse + std::abs(number(twin_n[i])));
      };
      compare(n, twin_n, worst, allowed);
      compare(y, twin_y, worst, [&](std::size_t i) {
        return std::abs(number(gain[i])) * allowed(i) +
               2 * epsilon<TestType> * (std::abs(number(twin_y[i])) + std::abs(number(bias[i])));
      });
      run(kernels::layer_norm<TestType>, nullptr,
          alone.data());  // inference keeps no n: the same bytes
      if (!same_bits(alone, y) || !alone.intact()) worst.ratio = 1e302;
    });
}

TEMPLATE_TEST_CASE(
    "No branch is a branch of zeros, and a branch is a sum taken before, to the last bit",
    "[kernels]", float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    const Guarded<TestType> x(size, offset, 1), gain(size, 1, 2), bias(size, 5, 3);
    Guarded<TestType> branch(size, (offset + 7) % offsets, 7), sum(size, offset, 1), n(size, 0, 4),
        y(size, 0, 5), n2(size, (offset + 3) % offsets, 4), y2(size, (offset + 9) % offsets, 5);
    const auto same = [&](const Guarded<TestType>& alone) {
      const auto small = TestType(1e-5);
      const TestType one = kernels::layer_norm(&alone[0], static_cast<const TestType*>(nullptr),
                                               &gain[0], &bias[0], small, size, n.data(), y.data());
      const TestType two = kernels::layer_norm<TestType>(&x[0], &branch[0], &gain[0], &bias[0],
                                                         small, size, n2.data(), y2.data());
      return one == two && same_bits(n, n2) && same_bits(y, y2) && n2.intact() && y2.intact();
    };
    for (std::size_t i = 0; i < size; ++i) sum.data()[i] += branch[i];
    if (!same(sum)) worst.ratio = 1e302;
    std::ranges::fill(branch.span(), TestType(0));
    if (!same(x)) worst.ratio = 1e303;
  });
}

TEMPLATE_TEST_CASE("A far mean does not spoil the variance of a row", "[kernels]", float, double) {
  Guarded<TestType> x(67, 3, 1);
  const Guarded<TestType> near(67, 3, 1);
  for (TestType& value : x.span())
    value = TestType(1024) + std::round(value * 64) / 64;  // exact in both types
  std::vector<TestType> moved;
  for (const TestType value : x.span()) moved.push_back(value - TestType(1024));
  const auto far = kernels::moments<TestType>(x.data(), 67),
             close = kernels::moments<TestType>(moved.data(), 67);
  CHECK(std::abs(number(far.variance - close.variance)) <=
        1e3 * epsilon<TestType> * number(close.variance));
}

TEMPLATE_TEST_CASE(
    "Layer normalization backward agrees with its twin within (n + 8) eps of its terms",
    "[kernels]", float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> n(size, offset, 1), gain(size, (offset + 1) % offsets, 2),
        dy(size, (offset + 5) % offsets, 3), found(size, (offset + 9) % offsets, 4),
        expected(size, 0, 4);
    const auto inverse = TestType(1.7);
    kernels::layer_norm_backward<TestType>(n.data(), gain.data(), inverse, dy.data(), size,
                                           found.data());
    reference::layer_norm_backward<TestType>(n.data(), gain.data(), inverse, dy.data(), size,
                                             expected.data());
    double sum = 0, along = 0;
    for (std::size_t i = 0; i < size; ++i) {
      sum += std::abs(number(gain[i] * dy[i])) / number(size);
      along += std::abs(number(gain[i] * dy[i] * n[i])) / number(size);
    }
    compare(found, expected, worst, [&](std::size_t i) {
      return number(size + 8) * epsilon<TestType> * number(inverse) *
             (std::abs(number(gain[i] * dy[i])) + sum + std::abs(number(n[i])) * along);
    });
  });
}

TEMPLATE_TEST_CASE(
    "Batch normalization agrees with its twin within 4 eps of its terms, and keeps n only where "
    "asked",
    "[kernels]", float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    const Guarded<TestType> x(size, offset, 1), mean(size, (offset + 1) % offsets, 2),
        inverse(size, (offset + 5) % offsets, 3), gain(size, (offset + 7) % offsets, 4),
        bias(size, 3, 5);
    Guarded<TestType> n(size, (offset + 9) % offsets, 6), y(size, (offset + 13) % offsets, 7),
        twin_n(size, 0, 6), twin_y(size, 0, 7), alone(size, offset, 8);
    const auto run = [&](auto&& function, TestType* normalized, TestType* to) {
      function(&x[0], &mean[0], &inverse[0], &gain[0], &bias[0], size, normalized, to);
    };
    run(kernels::batch_norm<TestType>, n.data(), y.data());
    run(reference::batch_norm<TestType>, twin_n.data(), twin_y.data());
    const auto allowed = [&](std::size_t i) {
      return 4 * epsilon<TestType> * (std::abs(number(x[i])) + std::abs(number(mean[i]))) *
             std::abs(number(inverse[i]));
    };
    compare(n, twin_n, worst, allowed);
    compare(y, twin_y, worst, [&](std::size_t i) {
      return std::abs(number(gain[i])) * allowed(i) +
             4 * epsilon<TestType> * std::abs(number(bias[i]));
    });
    run(kernels::batch_norm<TestType>, nullptr, alone.data());
    if (!same_bits(alone, y) || !alone.intact()) worst.ratio = 1e302;
  });
}

TEMPLATE_TEST_CASE("Batch normalization backward agrees with its twin within 8 eps of its terms",
                   "[kernels]", float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    const Guarded<TestType> n(size, offset, 1), gain(size, (offset + 1) % offsets, 2),
        inverse(size, (offset + 5) % offsets, 3), mean(size, (offset + 7) % offsets, 4),
        along(size, (offset + 11) % offsets, 5), dy(size, 3, 6);
    Guarded<TestType> found(size, (offset + 9) % offsets, 7), expected(size, 0, 7);
    const auto run = [&](auto&& function, TestType* to) {
      function(&n[0], &gain[0], &inverse[0], &mean[0], &along[0], &dy[0], size, to);
    };
    run(kernels::batch_norm_backward<TestType>, found.data());
    run(reference::batch_norm_backward<TestType>, expected.data());
    compare(found, expected, worst, [&](std::size_t i) {
      return 8 * epsilon<TestType> * std::abs(number(inverse[i])) *
             (std::abs(number(gain[i] * dy[i])) + std::abs(number(mean[i])) +
              std::abs(number(n[i] * along[i])));
    });
  });
}

TEMPLATE_TEST_CASE("An Adam update agrees with its twin within 8 eps", "[kernels]", float, double) {
  const kernels::AdamStep<TestType> step{TestType(1e-2), TestType(0.9),   TestType(0.999),
                                         TestType(1e-8), TestType(0.271), TestType(0.0547),
                                         TestType(0.7)};
  for_every_place([&](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> g(size, offset, 1), m(size, offset, 2), v(size, (offset + 3) % offsets, 3),
        w(size, (offset + 5) % offsets, 4), twin_m(size, 0, 2), twin_v(size, 0, 3),
        twin_w(size, 0, 4);
    for (std::size_t i = 0; i < size; ++i) v.data()[i] = twin_v.data()[i] = std::abs(v[i]);
    const Guarded<TestType> before(size, 0, 4);
    kernels::adam<TestType>(step, g.data(), m.data(), v.data(), w.data(), size);
    reference::adam<TestType>(step, g.data(), twin_m.data(), twin_v.data(), twin_w.data(), size);
    compare(m, twin_m, worst, [](std::size_t) { return 8 * epsilon<TestType>; });
    compare(v, twin_v, worst,
            [&](std::size_t i) { return 8 * epsilon<TestType> * number(twin_v[i]); });
    compare(w, twin_w, worst, [&](std::size_t i) {
      const double moved = std::abs(number(twin_w[i]) - number(before[i])),
                   m_here = std::abs(number(twin_m[i])) + 1e-3;
      return 8 * epsilon<TestType> * (std::abs(number(before[i])) + moved + moved / m_here);
    });
  });
}

TEMPLATE_TEST_CASE("The place of a row in memory changes no bit", "[kernels]", float, double) {
  for (const std::size_t size : Sizes{1, 3, 8, 15, 16, 31, 33, 50, 67})
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Guarded<TestType> x(size, 0, 1), gain(size, 0, 2), bias(size, 0, 3), y(size, 0, 4),
          n(size, 0, 5);
      Guarded<TestType> x2(size, offset, 1), gain2(size, offset, 2), bias2(size, offset, 3),
          y2(size, offset, 4), n2(size, offset, 5);
      const auto small = TestType(1e-5);
      bool same = kernels::layer_norm<TestType>(x.data(), nullptr, gain.data(), bias.data(), small,
                                                size, n.data(), y.data()) ==
                  kernels::layer_norm<TestType>(x2.data(), nullptr, gain2.data(), bias2.data(),
                                                small, size, n2.data(), y2.data());
      same = same && same_bits(y, y2) && same_bits(n, n2);
      kernels::layer_norm_backward<TestType>(n.data(), gain.data(), small, x.data(), size,
                                             y.data());
      kernels::layer_norm_backward<TestType>(n2.data(), gain2.data(), small, x2.data(), size,
                                             y2.data());
      same = same && same_bits(y, y2);
      kernels::batch_norm<TestType>(x.data(), gain.data(), bias.data(), gain.data(), bias.data(),
                                    size, n.data(), y.data());
      kernels::batch_norm<TestType>(x2.data(), gain2.data(), bias2.data(), gain2.data(),
                                    bias2.data(), size, n2.data(), y2.data());
      same = same && same_bits(y, y2) && same_bits(n, n2);
      kernels::batch_norm_backward<TestType>(n.data(), gain.data(), bias.data(), gain.data(),
                                             bias.data(), x.data(), size, y.data());
      kernels::batch_norm_backward<TestType>(n2.data(), gain2.data(), bias2.data(), gain2.data(),
                                             bias2.data(), x2.data(), size, y2.data());
      same = same && same_bits(y, y2);
      INFO("size " << size << ", offset " << offset);
      CHECK(same);
    }
}

}  // namespace rows_tests
