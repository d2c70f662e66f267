// data. The rules for cells without a number, by name.
#pragma once

#include <spat/core/names.hpp>

#include <array>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// What takes the place of a cell without a number, at row r of its column:
///
///   error        nothing: a series with such a cell is refused
///   previous     the value before; at the start, the first one that there is
///   linear       the line between the values before and after, by rows; at the ends, the nearest
///   seasonal     the value one season before; in the first season the first one that there is,
///                whole seasons later; as previous, if there is none
///   drop_window  as previous, but windows that hold the cell are left out
///
/// A filled cell counts in no scaler, loss, metric and interval.
enum class MissingRule { error, previous, linear, seasonal, drop_window };

/// The names of the rules.
inline constexpr std::array<Named<MissingRule>, 5> missing_rules{
    {{"error", MissingRule::error},
     {"previous", MissingRule::previous},
     {"linear", MissingRule::linear},
     {"seasonal", MissingRule::seasonal},
     {"drop-window", MissingRule::drop_window}}};
/// The rule of this name. Throws ConfigError for a name that is not in missing_rules.
[[nodiscard]] inline MissingRule parse_missing_rule(std::string_view name) {
  return parse_name("missing rule", name, missing_rules);
}

}  // namespace spat
