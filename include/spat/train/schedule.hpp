// train. Learning rates by epoch.
#pragma once

#include <spat/core/error.hpp>

#include <cmath>
#include <numbers>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// Rate of epoch e = 1, 2, ... of E, from the initial rate r (names and rules of the Time-Series-Library):
///   constant  r
///   type1     r for e <= 2, then halved each epoch: r 0.5^(e-2)
///   type3     r for e <= 3, then r 0.9^(e-4)
///   cosine    r (1 + cos(pi (e-1) / E)) / 2
enum class Schedule { constant, type1, type3, cosine };

[[nodiscard]] inline double rate_of_epoch(Schedule schedule, double rate, std::size_t epoch, std::size_t epochs) {
  const double e = static_cast<double>(epoch);
  switch (schedule) {
    case Schedule::type1:
      return epoch <= 2 ? rate : rate * std::pow(0.5, e - 2);
    case Schedule::type3:
      return epoch <= 3 ? rate : rate * std::pow(0.9, e - 4);
    case Schedule::cosine:
      return rate * (1 + std::cos(std::numbers::pi * (e - 1) / static_cast<double>(epochs))) / 2;
    case Schedule::constant:
      break;
  }
  return rate;
}

/// Throws ConfigError for another name.
[[nodiscard]] inline Schedule parse_schedule(std::string_view name) {
  if (name == "constant") return Schedule::constant;
  if (name == "type1") return Schedule::type1;
  if (name == "type3") return Schedule::type3;
  if (name == "cosine") return Schedule::cosine;
  throw ConfigError(detail::message("unknown schedule \"", name, "\"; expected constant, type1, type3 or cosine"));
}

}  // namespace spat
