// data. A series made of known components, for demonstrations and tests without a download.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/core/random.hpp>
#include <spat/data/date_time.hpp>
#include <spat/data/series.hpp>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string_view>
#include <utility>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

struct SyntheticChannel {
  std::string_view name;
  double level, scale;             // offset and unit of the column
  double daily, phase, weekly;     // phase in hours
  double trend;                    // per 1000 hours
  std::array<double, 2> weight;    // of the two drivers
  std::array<std::size_t, 2> lag;  // hours
  double noise;
};

inline constexpr std::array<SyntheticChannel, 7> synthetic_channels{{
    {"demand", 50, 8, 1.0, 0, 0.6, 0.05, {0.8, 0.0}, {0, 0}, 0.2},
    {"demand_north", 20, 4, 0.7, 2, 0.4, 0.05, {0.8, 0.0}, {12, 0}, 0.2},
    {"demand_south", 30, 5, 0.5, 3, 0.3, 0.0, {0.9, 0.0}, {36, 0}, 0.2},
    {"temperature", 12, 6, 0.8, 9, 0.0, -0.05, {0.0, 0.9}, {0, 0}, 0.2},
    {"ground_temperature", 10, 3, 0.3, 12, 0.0, -0.05, {0.0, 0.9}, {0, 24}, 0.1},
    {"price", 40, 10, 0.6, 1, 0.8, 0.0, {0.6, -0.6}, {18, 18}, 0.3},
    {"oil_temperature", 25, 7, 0.6, 4, 0.2, 0.08, {0.5, 0.7}, {24, 48}, 0.2},
}};

}  // namespace detail

/// Seven hourly channels starting at 2016-07-01 00:00:00. With hour t, channel c and two hidden
/// drivers u:
///
///     u_k(t) = 0.98 u_k(t-1) + 0.2 e_k(t)
///     day(t) = sin(2 pi t / 24) + 0.4 sin(4 pi t / 24)
///     week(t) = -1 on Saturday and Sunday, 0.4 on other days
///     x_c(t) = level_c + scale_c (daily_c day(t - phase_c) + weekly_c week(t)
///                                 + trend_c t / 1000 + sum_k weight_ck u_k(t - lag_ck)
///                                 + noise_c e_c(t)),   e standard normal.
///
/// Channels 0 and 3 show the drivers at once, the others 12 to 48 hours later. What is new in a
/// late channel appears in another channel first, so attention across channels has something to
/// find. The numbers are a function of the seed alone: a longer series starts with the shorter one.
[[nodiscard]] inline Series synthetic_series(std::size_t rows = 4000, std::uint64_t seed = 1) {
  constexpr std::size_t longest_lag = 48, warm_up = 500;
  std::array<std::vector<double>, 2> drivers;
  for (std::size_t k = 0; k < drivers.size(); ++k) {
    Random random(seed, k);
    double u = 0;
    for (std::size_t t = 0; t < warm_up + longest_lag + rows; ++t) {
      u = multiply_add(0.98, u, 0.2 * random.normal());
      if (t >= warm_up) drivers[k].push_back(u);
    }
  }
  Series series;
  std::vector<Random> noise;
  for (const detail::SyntheticChannel& channel : detail::synthetic_channels) {
    series.names.emplace_back(channel.name);
    noise.emplace_back(seed, drivers.size() + noise.size());
  }
  series.time_index = TimeIndex::date;
  const DateTime start{.year = 2016, .month = 7, .day = 1};
  const auto day = [](double hour) {
    const double angle = 2 * std::numbers::pi * hour / 24;
    return multiply_add(0.4, std::sin(2 * angle), std::sin(angle));
  };
  for (std::size_t t = 0; t < rows; ++t) {
    series.times.push_back(start.seconds() + static_cast<std::int64_t>(t) * 3600);
    const double week = (t / 24 + start.weekday()) % 7 >= 5 ? -1 : 0.4;
    const auto hour = static_cast<double>(t);
    for (std::size_t c = 0; c < series.channels(); ++c) {
      const detail::SyntheticChannel& channel = detail::synthetic_channels[c];
      double x = channel.daily * day(hour - channel.phase);
      x = multiply_add(channel.weekly, week, x);
      x = multiply_add(channel.trend, hour / 1000, x);
      for (std::size_t k = 0; k < drivers.size(); ++k) {
        x = multiply_add(channel.weight[k], drivers[k][t + longest_lag - channel.lag[k]], x);
      }
      x = multiply_add(channel.noise, noise[c].normal(), x);
      series.values.push_back(multiply_add(channel.scale, x, channel.level));
    }
  }
  return series;
}

}  // namespace spat
