// Kernels of one row: softmax, layer normalization, their backwards, and Adam's update, against their scalar twins.
#include "guarded.hpp"

#include <spat/kernels/reference.hpp>
#include <spat/kernels/softmax.hpp>

#include <vector>

namespace kernels = spat::kernels;
namespace reference = spat::kernels::reference;

namespace {

template <class Scalar>
inline constexpr Scalar infinity = std::numeric_limits<Scalar>::infinity();

constexpr double number(auto value) { return static_cast<double>(value); }

/// check(size, offset, worst) for every size and place.
template <class Check>
void for_every_place(Check&& check) {
  for (std::size_t size = 1; size <= largest_size; ++size) {
    Worst worst;
    for (std::size_t offset = 0; offset < offsets; ++offset) check(size, offset, worst);
    INFO("size " << size);
    CHECK(worst.ratio <= 1);
  }
}

/// The numbers of `found` against those of `expected`, allowed(i) apart; both untouched outside.
template <class Scalar, class Allowed>
void compare(const Guarded<Scalar>& found, const Guarded<Scalar>& expected, Worst& worst, Allowed&& allowed) {
  for (std::size_t i = 0; i < found.read().size(); ++i) worst.see(number(found[i]), number(expected[i]), allowed(i));
  if (!found.intact()) worst.ratio = 1e301;
}

}  // namespace

TEMPLATE_TEST_CASE("Softmax agrees with its twin within (n + 16) eps of each value", "[kernels]", float, double) {
  constexpr double tiny = number(std::numeric_limits<TestType>::min());
  for_every_place([&](std::size_t size, std::size_t offset, Worst& worst) {
    for (const TestType spread : {TestType(1), TestType(20), TestType(1000)}) {
      const std::size_t valid = offset % 3 == 0 ? size : offset % 3 == 1 ? size / 2 : size - 1;
      Guarded<TestType> found(size, offset, 1), expected(size, offset, 1);
      for (TestType& logit : found.span()) logit *= spread;
      for (TestType& logit : expected.span()) logit *= spread;
      kernels::softmax(found.data(), valid, size);
      reference::softmax(expected.data(), valid, size);
      compare(found, expected, worst,
              [&](std::size_t i) { return number(size + 16) * epsilon<TestType> * number(expected[i]) + tiny; });
      for (std::size_t i = valid; i < size; ++i)
        if (found[i] != 0) worst.ratio = 1e302;
    }
  });
}

TEMPLATE_TEST_CASE("Softmax gives hidden entries exactly zero and a row of hidden entries zeros", "[kernels]", float,
                   double) {
  for (std::size_t size = 1; size <= largest_size; ++size)
    for (const std::size_t seen : {std::size_t{0}, size / 2, size - 1}) {
      Guarded<TestType> row(size, size % offsets, 1), pair(size, 0, 1), none(size, 1, 1);
      for (std::size_t i = 0; i < size; ++i) {
        none.data()[i] = -infinity<TestType>;
        if (i != seen) row.data()[i] = -infinity<TestType>;
        if (i != seen && i != 0) pair.data()[i] = -infinity<TestType>;
      }
      Guarded<TestType> expected(size, 0, 1);
      std::copy(pair.read().begin(), pair.read().end(), expected.data());
      kernels::softmax(row.data(), size, size);
      kernels::softmax(none.data(), size, size);
      kernels::softmax(pair.data(), size, size);
      reference::softmax(expected.data(), size, size);
      bool right = row.intact() && none.intact() && pair.intact();
      for (std::size_t i = 0; i < size; ++i) {
        right = right && none[i] == 0 && row[i] == TestType(i == seen) && (pair[i] == 0) == (i != seen && i != 0);
        right = right && std::abs(pair[i] - expected[i]) <= 16 * std::numeric_limits<TestType>::epsilon();
      }
      INFO("size " << size << ", seen " << seen);
      CHECK(right);
    }
  Guarded<TestType> untouched(5, 0, 1);
  kernels::softmax(untouched.data(), 0, 5);
  for (const TestType value : untouched.span()) CHECK(value == 0);
}

TEMPLATE_TEST_CASE("A NaN or a positive infinity makes the seen part of a softmax row NaN", "[kernels]", float,
                   double) {
  for (const TestType bad : {std::numeric_limits<TestType>::quiet_NaN(), infinity<TestType>})
    for (const bool others_hidden : {false, true})
      for (const std::size_t size : Sizes{1, 2, 5, 16, 17, 40, 67})
        for (std::size_t at = 0; at < size; ++at) {
          Guarded<TestType> row(size, 0, 1), expected(size, 0, 1);
          for (std::size_t i = 0; i < size && others_hidden; ++i)
            row.data()[i] = expected.data()[i] = -infinity<TestType>;
          row.data()[at] = expected.data()[at] = bad;
          kernels::softmax(row.data(), size, size);
          reference::softmax(expected.data(), size, size);
          bool right = true;
          for (std::size_t i = 0; i < size; ++i) {
            const bool hidden = bad == infinity<TestType> && others_hidden && i != at;  // exactly 0 before the division
            right = right && (hidden || (row[i] != row[i] && expected[i] != expected[i]));
          }
          if (!right) {
            INFO("size " << size << ", at " << at << ", others hidden " << others_hidden << ", bad " << bad);
            CHECK(right);
          }
        }
}

TEMPLATE_TEST_CASE("Softmax backward agrees with its twin within (n + 4) eps of its terms", "[kernels]", float,
                   double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> a(size, offset, 1), da(size, (offset + 3) % offsets, 2), found(size, (offset + 7) % offsets, 3),
        expected(size, 0, 3);
    kernels::softmax_backward<TestType>(a.data(), da.data(), size, found.data());
    reference::softmax_backward<TestType>(a.data(), da.data(), size, expected.data());
    double terms = 0;
    for (std::size_t i = 0; i < size; ++i) terms += std::abs(number(a[i] * da[i]));
    compare(found, expected, worst, [&](std::size_t i) {
      return number(size + 4) * epsilon<TestType> * std::abs(number(a[i])) * (terms + std::abs(number(da[i])));
    });
    kernels::softmax_backward<TestType>(a.data(), da.data(), size,
                                        da.data());  // in place, as attention under dropout does
    if (!same_bits(da, found)) worst.ratio = 1e302;
  });
}

TEMPLATE_TEST_CASE("Moments and layer normalization agree with their twins within (n + 8) eps of their terms",
                   "[kernels]", float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    const TestType small = TestType(1e-5);
    Guarded<TestType> x(size, offset, 1), gain(size, (offset + 1) % offsets, 2), bias(size, (offset + 5) % offsets, 3),
        n(size, (offset + 9) % offsets, 4), y(size, (offset + 13) % offsets, 5), twin_n(size, 0, 4), twin_y(size, 0, 5);
    const double bound = number(size + 8) * epsilon<TestType>;
    double mean_size = 0;
    for (const TestType value : x.span()) mean_size += std::abs(number(value)) / number(size);

    const auto found = kernels::moments<TestType>(x.data(), size), twin = reference::moments<TestType>(x.data(), size);
    worst.see(number(found.mean), number(twin.mean), bound * mean_size);
    worst.see(number(found.variance), number(twin.variance),
              2 * bound * (number(twin.variance) + bound * mean_size * mean_size));

    const double inverse =
        number(kernels::layer_norm<TestType>(x.data(), gain.data(), bias.data(), small, size, n.data(), y.data()));
    const double twin_inverse = number(
        reference::layer_norm<TestType>(x.data(), gain.data(), bias.data(), small, size, twin_n.data(), twin_y.data()));
    worst.see(inverse, twin_inverse, bound * twin_inverse);
    const auto allowed = [&](std::size_t i) {
      return 2 * bound * (mean_size * twin_inverse + std::abs(number(twin_n[i])));
    };
    compare(n, twin_n, worst, allowed);
    compare(y, twin_y, worst, [&](std::size_t i) {
      return std::abs(number(gain[i])) * allowed(i) +
             2 * epsilon<TestType> * (std::abs(number(twin_y[i])) + std::abs(number(bias[i])));
    });

    Guarded<TestType> alone(size, offset, 6);  // inference keeps no n: same bytes
    kernels::layer_norm<TestType>(x.data(), gain.data(), bias.data(), small, size, nullptr, alone.data());
    if (!same_bits(alone, y) || !alone.intact()) worst.ratio = 1e302;
  });
}

TEMPLATE_TEST_CASE("A far mean does not spoil the variance of a row", "[kernels]", float, double) {
  Guarded<TestType> x(67, 3, 1);
  const Guarded<TestType> near(67, 3, 1);
  for (TestType& value : x.span()) value = TestType(1024) + std::round(value * 64) / 64;  // exact in both types
  std::vector<TestType> moved;
  for (const TestType value : x.span()) moved.push_back(value - TestType(1024));
  const auto far = kernels::moments<TestType>(x.data(), 67), close = kernels::moments<TestType>(moved.data(), 67);
  CHECK(std::abs(number(far.variance - close.variance)) <= 1e3 * epsilon<TestType> * number(close.variance));
}

TEMPLATE_TEST_CASE("Layer normalization backward agrees with its twin within (n + 8) eps of its terms", "[kernels]",
                   float, double) {
  for_every_place([](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> n(size, offset, 1), gain(size, (offset + 1) % offsets, 2), dy(size, (offset + 5) % offsets, 3),
        found(size, (offset + 9) % offsets, 4), expected(size, 0, 4);
    const auto inverse = TestType(1.7);
    kernels::layer_norm_backward<TestType>(n.data(), gain.data(), inverse, dy.data(), size, found.data());
    reference::layer_norm_backward<TestType>(n.data(), gain.data(), inverse, dy.data(), size, expected.data());
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

TEMPLATE_TEST_CASE("An Adam update agrees with its twin within 8 eps", "[kernels]", float, double) {
  const kernels::AdamStep<TestType> step{TestType(1e-2),  TestType(0.9),    TestType(0.999), TestType(1e-8),
                                         TestType(0.271), TestType(0.0547), TestType(0.7)};
  for_every_place([&](std::size_t size, std::size_t offset, Worst& worst) {
    Guarded<TestType> g(size, offset, 1), m(size, offset, 2), v(size, (offset + 3) % offsets, 3),
        w(size, (offset + 5) % offsets, 4), twin_m(size, 0, 2), twin_v(size, 0, 3), twin_w(size, 0, 4);
    for (std::size_t i = 0; i < size; ++i) v.data()[i] = twin_v.data()[i] = std::abs(v[i]);
    const Guarded<TestType> before(size, 0, 4);
    kernels::adam<TestType>(step, g.data(), m.data(), v.data(), w.data(), size);
    reference::adam<TestType>(step, g.data(), twin_m.data(), twin_v.data(), twin_w.data(), size);
    compare(m, twin_m, worst, [](std::size_t) { return 8 * epsilon<TestType>; });
    compare(v, twin_v, worst, [&](std::size_t i) { return 8 * epsilon<TestType> * number(twin_v[i]); });
    compare(w, twin_w, worst, [&](std::size_t i) {
      const double moved = std::abs(number(twin_w[i]) - number(before[i])), m_here = std::abs(number(twin_m[i])) + 1e-3;
      return 8 * epsilon<TestType> * (std::abs(number(before[i])) + moved + moved / m_here);
    });
  });
}

TEMPLATE_TEST_CASE("The place of a row in memory changes no bit", "[kernels]", float, double) {
  for (const std::size_t size : Sizes{1, 3, 8, 15, 16, 31, 33, 50, 67})
    for (std::size_t offset = 0; offset < offsets; ++offset) {
      Guarded<TestType> x(size, 0, 1), gain(size, 0, 2), bias(size, 0, 3), y(size, 0, 4), n(size, 0, 5);
      Guarded<TestType> x2(size, offset, 1), gain2(size, offset, 2), bias2(size, offset, 3), y2(size, offset, 4),
          n2(size, offset, 5);
      const auto small = TestType(1e-5);
      bool same =
          kernels::layer_norm<TestType>(x.data(), gain.data(), bias.data(), small, size, n.data(), y.data()) ==
          kernels::layer_norm<TestType>(x2.data(), gain2.data(), bias2.data(), small, size, n2.data(), y2.data());
      same = same && same_bits(y, y2) && same_bits(n, n2);
      kernels::layer_norm_backward<TestType>(n.data(), gain.data(), small, x.data(), size, y.data());
      kernels::layer_norm_backward<TestType>(n2.data(), gain2.data(), small, x2.data(), size, y2.data());
      same = same && same_bits(y, y2);
      kernels::softmax_backward<TestType>(n.data(), gain.data(), size, y.data());
      kernels::softmax_backward<TestType>(n2.data(), gain2.data(), size, y2.data());
      same = same && same_bits(y, y2);
      kernels::softmax(x.data(), size, size);
      kernels::softmax(x2.data(), size, size);
      same = same && same_bits(x, x2);
      INFO("size " << size << ", offset " << offset);
      CHECK(same);
    }
}
