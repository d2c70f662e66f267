// models. Intervals around forecasts, in a model's file and in the units of a series.
#pragma once

#include <spat/data/scaler.hpp>
#include <spat/data/series.hpp>
#include <spat/io/fields.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Metadata key of the intervals in a model file.
inline constexpr const char* intervals_key = "spat.intervals";

/// Intervals [y - r, y + r] around forecasts y, in scaled units. With n windows that the model was
/// not trained on, and their absolute errors e_1 <= ... <= e_n at one step of one channel,
///
///     r = e_k,  k = ceil((n + 1) level)
///
/// which covers a new error with a probability of at least `level`, and at most level + 1 / (n + 1)
/// if no two are equal, provided that it is exchangeable with them (Lei et al., "Distribution-free
/// predictive inference for regression", JASA 2018). Errors of overlapping windows and of years to
/// come are not: measure the coverage (coverage_of()). r is infinite if k > n.
struct ConformalIntervals {
  std::vector<double> levels = {};  // rising
  std::size_t horizon = 0, channels = 0, windows = 0;
  std::vector<double> radii = {};  // [level][step][channel], row-major

  /// The place of a level. Throws ConfigError, with those that there are, for another one.
  [[nodiscard]] std::size_t find(double level) const {
    const auto found = std::ranges::find(levels, level);
    if (found == levels.end()) {
      std::string known;
      for (const double one : levels)
        known.append(message(known.empty() ? "" : ", ", percent_of(one)));
      throw ConfigError(message("no intervals of ", percent_of(level),
                                " %; the model has those of ", known.empty() ? "none" : known));
    }
    return static_cast<std::size_t>(found - levels.begin());
  }
  /// A level in percent, without the digits that no decimal has.
  [[nodiscard]] static double percent_of(double level) { return std::round(level * 1e6) / 1e4; }
  [[nodiscard]] double radius(std::size_t level, std::size_t step, std::size_t channel) const {
    return radii[(level * horizon + step) * channels + channel];
  }
};

/// The intervals as one line of JSON. Radii are rounded up to five digits; -1 is infinite.
[[nodiscard]] inline std::string to_json(const ConformalIntervals& intervals) {
  std::vector<double> radii;
  for (const double radius : intervals.radii) {
    if (!std::isfinite(radius) || radius <= 0) {
      radii.push_back(radius == 0 ? 0 : -1);
      continue;
    }
    const double unit = std::pow(10, std::floor(std::log10(radius)) - 4);
    // printed with five digits and read again, so that the text is short
    radii.push_back(
        *parse_number<double>(message(static_cast<float>(std::ceil(radius / unit) * unit))));
  }
  Fields fields;
  fields.set("levels", intervals.levels);
  fields.set("horizon", intervals.horizon);
  fields.set("channels", intervals.channels);
  fields.set("windows", intervals.windows);
  fields.set("radii", radii);
  return to_json(fields);
}

/// Reads what to_json() wrote. Throws FileError, starting with `origin`, for fields that are
/// missing or of the wrong kind, and ShapeError for another number of radii.
[[nodiscard]] inline ConformalIntervals intervals_from_json(std::string_view text,
                                                            std::string_view origin) {
  const Fields fields = fields_from_json(text, origin);
  ConformalIntervals found{.levels = fields.get<std::vector<double>>("levels"),
                           .horizon = fields.get<std::size_t>("horizon"),
                           .channels = fields.get<std::size_t>("channels"),
                           .windows = fields.get<std::size_t>("windows"),
                           .radii = fields.get<std::vector<double>>("radii")};
  const std::size_t levels = std::max<std::size_t>(found.levels.size(), 1);
  if (found.horizon == 0 || found.channels == 0 || found.radii.size() % found.channels != 0 ||
      found.radii.size() / found.channels % levels != 0 ||
      found.radii.size() / found.channels / levels != found.horizon)
    throw ShapeError(message(origin, ": ", found.radii.size(), " radii of intervals for ",
                             found.levels.size(), " levels, ", found.horizon, " steps and ",
                             found.channels, " channels"));
  for (double& radius : found.radii)
    if (radius < 0) radius = std::numeric_limits<double>::infinity();
  return found;
}

/// A forecast with the ends of its intervals: for each channel "load" and level .8 the columns
/// "load_80_low" and "load_80_high" behind all forecasts. `scaler` has the forecast's channels as
/// its last ones. Throws ConfigError for a level that there is not, or whose intervals are
/// infinite, and ShapeError for a forecast of another shape.
[[nodiscard]] inline Series with_intervals(const Series& forecast, const StandardScaler& scaler,
                                           const ConformalIntervals& intervals,
                                           std::span<const double> levels) {
  const std::size_t channels = forecast.channels();
  if (forecast.rows() != intervals.horizon || channels != intervals.channels ||
      scaler.channels() < channels)
    throw ShapeError(message("intervals of ", intervals.horizon, " steps and ", intervals.channels,
                             " channels, found a forecast of ", forecast.rows(), " and ",
                             channels));
  Series result = forecast;
  result.values.clear();
  std::vector<std::size_t> places;
  for (const double level : levels) {
    places.push_back(intervals.find(level));
    for (const std::string& name : forecast.names)
      for (const char* const end : {"_low", "_high"})
        result.names.push_back(message(name, "_", ConformalIntervals::percent_of(level), end));
  }
  for (std::size_t t = 0; t < forecast.rows(); ++t) {
    const double* const row = forecast.view().row(t);
    result.values.insert(result.values.end(), row, row + channels);
    for (const std::size_t place : places)
      for (std::size_t c = 0; c < channels; ++c) {
        const double scaled = intervals.radius(place, t, c);
        if (!std::isfinite(scaled))
          throw ConfigError(message("intervals of ", intervals.levels[place] * 100,
                                    " % need more than ", intervals.windows,
                                    " windows of validation data"));
        const double radius = scaled * scaler.deviation()[scaler.channels() - channels + c];
        result.values.insert(result.values.end(), {row[c] - radius, row[c] + radius});
      }
  }
  return result;
}

}  // namespace spat
