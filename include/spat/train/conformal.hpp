// train. Intervals around forecasts: split conformal prediction, per step and channel.
#pragma once

#include <spat/models/intervals.hpp>
#include <spat/train/evaluate.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The levels of calibrate() if nobody says others.
inline constexpr std::array<double, 5> usual_levels{0.5, 0.8, 0.9, 0.95, 0.99};

/// The k-th smallest of n errors for a level, k = ceil((n + 1) level), counted from 1. It is beyond
/// n if n errors are too few for the level.
[[nodiscard]] inline std::size_t conformal_rank(std::size_t n, double level) {
  const double exact = (static_cast<double>(n) + 1) * level;
  // 0.8 and 0.95 are no binary fractions: a product that is whole in decimals is
  const double nearest = std::round(exact);
  return static_cast<std::size_t>(std::abs(exact - nearest) < 1e-9 * exact ? nearest
                                                                           : std::ceil(exact));
}

namespace detail {

/// The absolute errors of windows, [step][channel][window]: of all, or of as many in even distances
/// as memory is meant for.
template <class Model>
struct AbsoluteErrors {
  static constexpr float not_counted = -1;  // of a filled cell

  std::size_t horizon = 0, channels = 0, windows = 0;
  std::vector<float> values = {};

  AbsoluteErrors(const Model& model, const WindowDataset<typename Model::Value>& data, Team* team) {
    constexpr std::size_t most_windows = 1000, most_numbers = std::size_t{1} << 26;
    horizon = data.options().horizon;
    channels = data.target_channels();
    const std::size_t most =
        std::clamp(most_numbers / (horizon * channels), std::size_t{1}, most_windows);
    const std::size_t distance = (data.size() + most - 1) / most;
    windows = (data.size() + distance - 1) / distance;
    values.resize(windows * horizon * channels);
    std::size_t window = 0;
    for_each_forecast(model, data, team, 64, [&](const auto& batch, const auto& y) {
      for (std::size_t b = 0; b < batch.samples; ++b, ++window) {
        if (window % distance != 0) continue;
        for (std::size_t t = 0; t < horizon; ++t)
          for (std::size_t c = 0; c < channels; ++c) {
            const std::size_t row = b * horizon + t;
            const double error = std::abs(static_cast<double>(y.row(row)[c]) -
                                          static_cast<double>(batch.target.row(row)[c]));
            if (!std::isfinite(error)) throw NumericError("a forecast is not finite");
            values[(t * channels + c) * windows + window / distance] =
                batch.counts(row * channels + c) ? static_cast<float>(error) : not_counted;
          }
      }
    });
  }
  /// Those that count, in rising order.
  [[nodiscard]] std::span<const float> sorted(std::size_t step, std::size_t channel) {
    const auto all = std::span(values).subspan((step * channels + channel) * windows, windows);
    std::ranges::sort(all);
    return {std::ranges::upper_bound(all, not_counted), all.end()};
  }
};

}  // namespace detail

/// Calibrates intervals on windows that the model was not trained on: the validation part, of which
/// up to a thousand windows count. Throws ConfigError for levels that are not between 0 and 1, and
/// NumericError if a forecast is not finite.
template <Evaluable Model>
[[nodiscard]] ConformalIntervals calibrate(const Model& model,
                                           const WindowDataset<typename Model::Value>& windows,
                                           std::span<const double> levels = usual_levels,
                                           Team* team = nullptr) {
  for (const double level : levels)
    if (!(level > 0 && level < 1))
      throw ConfigError(message("the level of an interval is between 0 and 1, found ", level));
  detail::AbsoluteErrors<Model> errors(model, windows, team);
  ConformalIntervals found{.levels = {levels.begin(), levels.end()},
                           .horizon = errors.horizon,
                           .channels = errors.channels,
                           .windows = errors.windows};
  std::ranges::sort(found.levels);
  found.radii.resize(found.levels.size() * found.horizon * found.channels);
  for (std::size_t t = 0; t < found.horizon; ++t)
    for (std::size_t c = 0; c < found.channels; ++c) {
      const std::span<const float> all = errors.sorted(t, c);
      for (std::size_t l = 0; l < found.levels.size(); ++l) {
        const std::size_t rank = conformal_rank(all.size(), found.levels[l]);
        found.radii[(l * found.horizon + t) * found.channels + c] =
            rank > all.size() ? std::numeric_limits<double>::infinity()
                              : static_cast<double>(all[rank - 1]);
      }
    }
  return found;
}

/// How often intervals hold what came, and how wide they are.
struct Coverage {
  double level = 0;
  double coverage = 0;    // the share of numbers that lie in their intervals
  double mean_width = 0;  // in scaled units
};

/// The coverage of intervals on windows, one entry per level. Throws ShapeError for intervals of
/// another horizon or number of channels.
template <Evaluable Model>
[[nodiscard]] std::vector<Coverage> coverage_of(const Model& model,
                                                const ConformalIntervals& intervals,
                                                const WindowDataset<typename Model::Value>& windows,
                                                Team* team = nullptr) {
  if (intervals.horizon != windows.options().horizon ||
      intervals.channels != windows.target_channels())
    throw ShapeError(message("intervals of ", intervals.horizon, " steps and ", intervals.channels,
                             " channels, found windows of ", windows.options().horizon, " and ",
                             windows.target_channels()));
  std::vector<double> inside(intervals.levels.size(), 0);
  double count = 0;
  for_each_forecast(model, windows, team, 64, [&](const auto& batch, const auto& y) {
    for (std::size_t row = 0; row < y.rows(); ++row)
      for (std::size_t c = 0; c < y.cols(); ++c) {
        if (!batch.counts(row * y.cols() + c)) continue;
        const double error = std::abs(static_cast<double>(y.row(row)[c]) -
                                      static_cast<double>(batch.target.row(row)[c]));
        for (std::size_t l = 0; l < inside.size(); ++l)
          if (error <= intervals.radius(l, row % intervals.horizon, c)) ++inside[l];
        ++count;
      }
  });
  detail::expect_numbers(static_cast<std::size_t>(count));
  std::vector<Coverage> found;
  const std::size_t numbers = intervals.horizon * intervals.channels;
  for (std::size_t l = 0; l < inside.size(); ++l) {
    const auto radii = std::span(intervals.radii).subspan(l * numbers, numbers);
    const double sum = std::accumulate(radii.begin(), radii.end(), 0.0);
    found.push_back(
        {intervals.levels[l], inside[l] / count, 2 * sum / static_cast<double>(numbers)});
  }
  return found;
}

}  // namespace spat
