// train. Learning rates by epoch.
#pragma once

#include <spat/core/error.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// Rate of epoch e = 1, 2, ... of E, from the initial rate r (names and rules of the
/// Time-Series-Library):
///   constant  r
///   type1     r for e <= 2, then halved each epoch: r 0.5^(e-2)
///   type3     r for e <= 3, then r 0.9^(e-4)
///   cosine    r (1 + cos(pi (e-1) / E)) / 2
enum class RateSchedule { constant, type1, type3, cosine };

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

/// Throws ConfigError for another name.
[[nodiscard]] inline RateSchedule parse_rate_schedule(std::string_view name) {
  if (name == "constant") return RateSchedule::constant;
  if (name == "type1") return RateSchedule::type1;
  if (name == "type3") return RateSchedule::type3;
  if (name == "cosine") return RateSchedule::cosine;
  throw ConfigError(
      message("unknown schedule \"", name, "\"; expected constant, type1, type3 or cosine"));
}

}  // namespace spat
