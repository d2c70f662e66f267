// train. Learning rates by epoch.
#pragma once

#include <spat/core/names.hpp>

#include <array>
#include <cmath>
#include <numbers>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// Learning rate schedules: the rate of epoch e = 1, 2, ... of E, from the initial rate r. Names
/// and rules are those of the Time-Series-Library.
///
///   constant  r
///   type1     r for e <= 2, then halved each epoch: r 0.5^(e-2)
///   type3     r for e <= 3, then r 0.9^(e-4)
///   cosine    r (1 + cos(pi (e-1) / E)) / 2
enum class RateSchedule { constant, type1, type3, cosine };

/// The learning rate of an epoch, which counts from 1, from the initial rate.
[[nodiscard]] inline double rate_of_epoch(RateSchedule schedule, double rate, std::size_t epoch,
                                          std::size_t epochs) {
  const double e = static_cast<double>(epoch);
  switch (schedule) {
    case RateSchedule::type1:
      return epoch <= 2 ? rate : rate * std::pow(0.5, e - 2);
    case RateSchedule::type3:
      return epoch <= 3 ? rate : rate * std::pow(0.9, e - 4);
    case RateSchedule::cosine:
      return rate * (1 + std::cos(std::numbers::pi * (e - 1) / static_cast<double>(epochs))) / 2;
    case RateSchedule::constant:
      break;
  }
  return rate;
}

/// The names of the schedules.
inline constexpr std::array<Named<RateSchedule>, 4> rate_schedules{
    {{"constant", RateSchedule::constant},
     {"type1", RateSchedule::type1},
     {"type3", RateSchedule::type3},
     {"cosine", RateSchedule::cosine}}};
/// The schedule of this name. Throws ConfigError for a name that is not in rate_schedules.
[[nodiscard]] inline RateSchedule parse_rate_schedule(std::string_view name) {
  return parse_name("learning rate schedule", name, rate_schedules);
}

}  // namespace spat
