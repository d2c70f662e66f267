// models. Which of N prunable modules a model keeps: one integer, short in error messages, usable as a template argument.
#pragma once

#include <spat/core/abi.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>

namespace spat::inline SPAT_ABI {

inline constexpr std::size_t most_modules = 64;

/// Bit i is set when module i, numbered in forward order by the unpruned architecture, is kept.
template <std::size_t N = most_modules>
  requires(N <= most_modules)
struct ModuleMask {
  std::uint64_t bits = 0;

  [[nodiscard]] static constexpr ModuleMask all() { return first(N); }
  /// Modules 0 .. count-1.
  [[nodiscard]] static constexpr ModuleMask first(std::size_t count) {
    return {count == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1};
  }
  [[nodiscard]] constexpr bool keeps(std::size_t i) const { return bits >> i & 1; }
  [[nodiscard]] constexpr std::size_t kept() const { return static_cast<std::size_t>(std::popcount(bits)); }
  [[nodiscard]] constexpr ModuleMask without(std::size_t i) const { return {bits & ~(std::uint64_t{1} << i)}; }
  [[nodiscard]] constexpr bool is_subset_of(ModuleMask other) const { return (bits & ~other.bits) == 0; }
  constexpr operator ModuleMask<most_modules>() const requires(N != most_modules) { return {bits}; }
  friend constexpr bool operator==(ModuleMask, ModuleMask) = default;
};

/// A digit a module, module 0 first: "101" keeps the first and the third of three.
[[nodiscard]] inline std::string to_string(ModuleMask<> mask, std::size_t modules) {
  std::string text;
  for (std::size_t i = 0; i < modules; ++i) text.push_back(mask.keeps(i) ? '1' : '0');
  return text;
}

}  // namespace spat
