// data. Splits a series into training, validation and test rows, in time order.
#pragma once

#include <spat/core/names.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace spat::inline SPAT_ABI {

/// The rows [begin, end) of one part.
struct Split {
  std::size_t begin = 0, end = 0;

  [[nodiscard]] constexpr std::size_t size() const { return end - begin; }
  friend constexpr bool operator==(Split, Split) = default;
};

/// The parts of a series. Validation and test start `lookback` rows early, so that their first
/// forecast row is the first row of their part.
struct Splits {
  Split train, validation, test;
};

/// How the published results split their data sets (github.com/thuml/Time-Series-Library,
/// data_provider):
///
///   ett_hourly  12, 4 and 4 months of 30 days of hours: [0, 8640), [8640, 11520),
///               [11520, 14400); the rest is unused
///   ett_minute  the same in quarters of an hour: 4 times as many rows
///   custom      the first floor(0.7 n), the last floor(0.2 n), and the rows between for validation
enum class Protocol { ett_hourly, ett_minute, custom };

/// The names of the protocols.
inline constexpr std::array<Named<Protocol>, 4> protocols{{{"ett-hourly", Protocol::ett_hourly},
                                                           {"ett-minute", Protocol::ett_minute},
                                                           {"ett-minutely", Protocol::ett_minute},
                                                           {"custom", Protocol::custom}}};
/// The protocol of this name. Throws ConfigError for a name that is not in `protocols`.
[[nodiscard]] inline Protocol parse_protocol(std::string_view name) {
  return parse_name("protocol", name, protocols);
}
/// The name that parse_protocol() reads.
[[nodiscard]] constexpr std::string_view protocol_name(Protocol protocol) {
  return name_of(protocols, protocol);
}

/// The shares of the custom protocol. What training and test leave is for validation.
struct SplitRatios {
  double train = 0.7, test = 0.2;
};

/// Splits `rows` rows. Throws ConfigError for an empty window or ratios that leave nothing for
/// validation, and DataError, with the rows needed and found, if the protocol or one window of any
/// part needs more rows.
[[nodiscard]] inline Splits split_rows(Protocol protocol, std::size_t rows, std::size_t lookback,
                                       std::size_t horizon, SplitRatios ratios = {}) {
  if (lookback == 0 || horizon == 0) throw ConfigError("lookback and horizon must be at least 1");
  std::size_t train = 0, validation_end = 0, test_end = rows;
  if (protocol == Protocol::custom) {
    const bool possible = ratios.train > 0 && ratios.test > 0 && ratios.train + ratios.test < 1;
    if (!possible)
      throw ConfigError(
          message("ratios ", ratios.train, " and ", ratios.test, " do not leave three parts"));
    train = static_cast<std::size_t>(static_cast<double>(rows) * ratios.train);
    validation_end = rows - static_cast<std::size_t>(static_cast<double>(rows) * ratios.test);
  } else {
    const std::size_t month = std::size_t{30} * 24 * (protocol == Protocol::ett_minute ? 4 : 1);
    train = 12 * month;
    validation_end = 16 * month;
    test_end = 20 * month;
    if (rows < test_end) {
      throw DataError(message("protocol ", protocol_name(protocol), " needs ", test_end,
                              " rows, found ", rows));
    }
  }
  const std::array<std::pair<std::string_view, std::size_t>, 3> parts{
      {{"training", train < lookback ? 0 : train - lookback},
       {"validation", validation_end - train},
       {"test", test_end - validation_end}}};
  for (const auto& [name, forecast_rows] : parts) {
    if (forecast_rows >= horizon) continue;
    throw DataError(message("the ", name, " part needs ", horizon,
                            " rows to forecast after a lookback of ", lookback, ", found ",
                            forecast_rows, " (protocol ", protocol_name(protocol), ", ", rows,
                            " rows in all)"));
  }
  return {.train = {0, train},
          .validation = {train - lookback, validation_end},
          .test = {validation_end - lookback, test_end}};
}

}  // namespace spat
