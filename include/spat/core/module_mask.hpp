// core. Which of a model's prunable modules are kept: a set of module numbers with its algebra.
#pragma once

#include <spat/core/error.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spat::inline SPAT_ABI {

/// The most prunable modules that a model can have.
inline constexpr std::size_t most_modules = 64;

/// A set of modules, numbered in forward order by the unpruned architecture. Bit i stands for
/// module i.
///
/// A structural type, so that a mask can be a template argument. Every operation is a set
/// operation: `a & b` is the intersection, `a - b` the difference, and `slice` renumbers a range
/// from 0.
struct ModuleMask {
  std::uint64_t bits = 0;

  /// All modules that any model can have.
  [[nodiscard]] static constexpr ModuleMask all() { return first(most_modules); }
  /// Modules 0 .. count - 1. Throws ConfigError for more than most_modules.
  [[nodiscard]] static constexpr ModuleMask first(std::size_t count) {
    if (count > most_modules) refuse_module(count - 1);
    return {count == most_modules ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1};
  }
  /// Module i alone. Throws ConfigError for a number that no module can have.
  [[nodiscard]] static constexpr ModuleMask only(std::size_t i) {
    if (i >= most_modules) refuse_module(i);
    return {std::uint64_t{1} << i};
  }

  /// Modules `from`, from + 2, from + 4, ... If every block has two modules, 0 selects each block's
  /// first and 1 its second.
  [[nodiscard]] static constexpr ModuleMask every_other(std::size_t from) {
    if (from >= most_modules) refuse_module(from);
    return {std::uint64_t{0x5555'5555'5555'5555} << from};
  }

  [[nodiscard]] constexpr bool keeps(std::size_t i) const {
    return i < most_modules && (bits >> i & 1);
  }
  [[nodiscard]] constexpr std::size_t count() const {
    return static_cast<std::size_t>(std::popcount(bits));
  }
  [[nodiscard]] constexpr bool empty() const { return bits == 0; }
  [[nodiscard]] constexpr bool is_subset_of(ModuleMask other) const {
    return (*this - other).empty();
  }

  [[nodiscard]] constexpr ModuleMask with(std::size_t i) const { return {bits | only(i).bits}; }
  [[nodiscard]] constexpr ModuleMask without(std::size_t i) const { return *this - only(i); }
  /// Modules first_module .. first_module + count - 1, renumbered from 0.
  [[nodiscard]] constexpr ModuleMask slice(std::size_t first_module, std::size_t count) const {
    return ModuleMask{first_module < most_modules ? bits >> first_module : 0} &
           first(count < most_modules ? count : most_modules);
  }

  friend constexpr ModuleMask operator&(ModuleMask a, ModuleMask b) { return {a.bits & b.bits}; }
  friend constexpr ModuleMask operator-(ModuleMask a, ModuleMask b) { return {a.bits & ~b.bits}; }
  friend constexpr bool operator==(ModuleMask, ModuleMask) = default;
  /// A fixed order of masks, so that they can be keys.
  friend constexpr auto operator<=>(ModuleMask, ModuleMask) = default;

 private:
  [[noreturn]] static void refuse_module(std::size_t i) {
    throw ConfigError(message("modules are numbered from 0 to ", most_modules - 1, ", found ", i));
  }
};

/// Whether `mask` names only modules that a model of `modules` modules has. The bits beyond may
/// also be all set, as in ModuleMask::all() and ModuleMask::all().without(i).
[[nodiscard]] constexpr bool fits(ModuleMask mask, std::size_t modules) {
  const ModuleMask beyond = ModuleMask::all() - ModuleMask::first(modules);
  return (mask & beyond).empty() || (mask & beyond) == beyond;
}

/// Whether `kept` contains a module of `guard`, at least one of which must stay. True if `guard` is
/// empty.
[[nodiscard]] constexpr bool satisfies(ModuleMask kept, ModuleMask guard) {
  return guard.empty() || !(kept & guard).empty();
}

/// Whether module i is in `kept` and can be removed: it must not be the last remaining module of
/// `guard`, at least one of which must stay.
[[nodiscard]] constexpr bool may_remove(ModuleMask kept, std::size_t i, ModuleMask guard = {}) {
  return kept.keeps(i) && (!satisfies(kept, guard) || satisfies(kept.without(i), guard));
}

/// Subset number `index` of `kept`, 0 <= index < 2^count. Bit k of the index stands for the k-th
/// module of `kept`.
[[nodiscard]] constexpr ModuleMask subset(ModuleMask kept, std::uint64_t index) {
  ModuleMask chosen;
  for (std::size_t i = 0; i < most_modules; ++i)
    if (kept.keeps(i)) {
      if (index & 1) chosen = chosen.with(i);
      index >>= 1;
    }
  return chosen;
}

/// One digit per module, module 0 first: "101" keeps the first and the third of three.
[[nodiscard]] inline std::string to_string(ModuleMask mask, std::size_t modules) {
  std::string text;
  for (std::size_t i = 0; i < modules; ++i) text.push_back(mask.keeps(i) ? '1' : '0');
  return text;
}

/// The mask that to_string() writes as `digits`. Returns nothing unless there are exactly `modules`
/// digits, each 0 or 1.
[[nodiscard]] constexpr std::optional<ModuleMask> parse_module_mask(std::string_view digits,
                                                                    std::size_t modules) {
  if (digits.size() != modules || modules > most_modules) return std::nullopt;
  ModuleMask mask;
  for (std::size_t i = 0; i < modules; ++i) {
    if (digits[i] != '0' && digits[i] != '1') return std::nullopt;
    if (digits[i] == '1') mask = mask.with(i);
  }
  return mask;
}

/// The modules of `mask` that a model of `modules` modules has. Throws ConfigError unless fits().
[[nodiscard]] inline ModuleMask within(ModuleMask mask, std::size_t modules) {
  if (fits(mask, modules)) return mask & ModuleMask::first(modules);
  const auto last = static_cast<std::size_t>(std::bit_width(mask.bits)) - 1;
  throw ConfigError(
      message("a mask names module ", last, ", the model has ", modules, " modules, from 0 on"));
}

/// The numbers of the modules that `mask` keeps: "6, 9, 12".
[[nodiscard]] inline std::string module_numbers(ModuleMask mask) {
  std::string text;
  for (std::size_t i = 0; i < most_modules; ++i)
    if (mask.keeps(i)) text.append(text.empty() ? "" : ", ").append(std::to_string(i));
  return text;
}

}  // namespace spat
