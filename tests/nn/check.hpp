// Shared by the layer tests: random inputs, losses, and central differences over every tensor of a
// layer.
#pragma once

#include <spat/autograd/gradient_check.hpp>
#include <spat/autograd/layer.hpp>
#include <spat/core/random.hpp>
#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>

using tests::larger, tests::same_bits, tests::same_parameters;

/// [rows x cols] normal numbers, the same for the same stream.
template <class Scalar = double>
spat::Tensor<Scalar> random_tensor(std::size_t rows, std::size_t cols, std::uint64_t stream) {
  spat::Tensor<Scalar> tensor(rows, cols);
  spat::Random random(99, stream);
  for (Scalar& value : tensor.flat()) value = static_cast<Scalar>(random.normal());
  return tensor;
}

/// Sets every tensor of a layer, gains and biases too, away from zero and one.
template <class Layer>
void randomize(Layer& layer, std::uint64_t stream = 7) {
  spat::Random random(99, stream);
  for (const auto& parameter : spat::parameters(layer))
    for (auto& value : parameter.values)
      value = static_cast<typename Layer::Value>(0.5 * random.normal());
}

/// An arena laid out for one cache.
template <class Cache, class... Arguments>
void prepare(spat::Arena& arena, spat::Purpose purpose, Cache& cache,
             const Arguments&... arguments) {
  arena.prepare(purpose, [&](spat::Arena& a) { cache.lay_out(a, arguments...); });
}

/// <a, b>.
template <class A, class B>
double dot(A a, B b) {
  REQUIRE(a.size() == b.size());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// Mean and biased variance of every stride-th number from the first on, in double.
inline std::pair<double, double> exact_moments(std::span<const float> x, std::size_t count,
                                               std::size_t stride = 1) {
  double mean = 0, variance = 0;
  for (std::size_t i = 0; i < count; ++i) mean += double(x[i * stride]) / double(count);
  for (std::size_t i = 0; i < count; ++i) {
    const double distance = double(x[i * stride]) - mean;
    variance += distance * distance / double(count);
  }
  return {mean, variance};
}

inline constexpr double tolerance =
    1e-6;  // of central differences, relative to the largest gradient of a tensor

/// Compares d loss / d values to central differences. Some gradient must not be zero, so that the
/// check can fail.
template <class Loss>
void check_input(const char* what, std::span<double> values, std::span<const double> gradient,
                 Loss&& loss) {
  INFO("input " << what);
  REQUIRE(values.size() == gradient.size());
  CHECK(spat::gradient_error(values, gradient, loss) < tolerance);
  CHECK(std::ranges::any_of(gradient, [](double g) { return std::abs(g) > 1e-3; }));
}

/// Checks every parameter tensor of a layer.
template <class Layer, class Loss>
void check_parameters(Layer& layer, Layer& gradients, Loss&& loss) {
  const auto values = spat::parameters(layer), found = spat::parameters(gradients);
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("tensor " << values[i].name);
    CHECK(spat::gradient_error(values[i].values, found[i].values, loss) < tolerance);
  }
}
