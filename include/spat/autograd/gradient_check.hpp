// autograd. Compares analytic gradients with central differences.
#pragma once

#include <spat/autograd/parameters.hpp>

namespace spat::inline SPAT_ABI {

/// Compares d loss / d value[i] with (loss(value + h) - loss(value - h)) / 2h; restores each value
/// afterwards. Returns max_i |difference| / max(max_i |numeric|, floor): where the gradient is
/// analytically zero, the numeric one is what rounding leaves, about 1e-11 of the loss.
///
/// Meant for double. A `stride` > 1 checks every stride-th value. The values it skips enter the
/// maximum of the denominator with their analytic gradients, so the scale is that of the whole
/// tensor.
template <class Loss>
[[nodiscard]] double gradient_error(std::span<double> values, std::span<const double> gradient,
                                    Loss&& loss, std::size_t stride = 1, double h = 1e-5,
                                    double floor = 1e-3) {
  double worst = 0, largest = 0;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    const double kept = values[i];
    values[i] = kept + h;
    const double up = loss();
    values[i] = kept - h;
    const double down = loss();
    values[i] = kept;
    const double numeric = (up - down) / (2 * h);
    const double difference = std::abs(numeric - gradient[i]);
    if (difference > worst || difference != difference) worst = difference;  // a NaN stays
    largest = std::max(largest, std::abs(numeric));
  }
  for (std::size_t i = 0; stride > 1 && i < gradient.size(); ++i)
    largest = std::max(largest, std::abs(gradient[i]));
  return worst / std::max(largest, floor);
}

}  // namespace spat
