// core. Enumerations by name: one table per enumeration, read in both directions.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/text.hpp>

#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// One row of a table of names. A value may have several names; the first one is its own.
template <class Value>
struct Named {
  std::string_view name;
  Value value;
};

/// Returns the value that `table`, a range of Named, calls `name`. Throws ConfigError for any
/// other name, with the `kind` of thing it should have been and all the names there are:
///
///     unknown averaging "mean"; expected none, ema or swa
template <class Table>
[[nodiscard]] auto parse_name(std::string_view kind, std::string_view name, const Table& table) {
  std::string known;
  std::size_t left = std::size(table);
  for (const auto& one : table) {
    if (one.name == name) return one.value;
    --left;
    known.append(known.empty() ? "" : left == 0 ? " or " : ", ").append(one.name);
  }
  throw ConfigError(message("unknown ", kind, " ", in_quotes(name), "; expected ", known));
}

/// Returns the first name that `table` has for `value`, which must be in it.
template <class Table, class Value>
[[nodiscard]] constexpr std::string_view name_of(const Table& table, Value value) {
  for (const auto& one : table)
    if (one.value == value) return one.name;
  return {};
}

}  // namespace spat
