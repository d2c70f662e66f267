// io. The element types of safetensors files, and the types of the numbers in memory.
#pragma once

#include <spat/io/half.hpp>

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spat::inline SPAT_ABI {

static_assert(std::endian::native == std::endian::little,
              "spat reads and writes little-endian numbers as they are");

/// The types that a tensor can be read as.
template <class T>
concept TensorValue =
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, std::int64_t>;

/// The types that a tensor can be written as: those, and the smaller ones of weights.
template <class T>
concept StoredValue = TensorValue<T> || std::same_as<T, BFloat16> || std::same_as<T, Float16> ||
    std::same_as<T, std::int8_t>;

/// The element types of the format.
enum class Dtype {
  boolean,
  u8,
  i8,
  f8_e4m3,
  f8_e5m2,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64
};

namespace detail {

struct DtypeEntry {
  Dtype dtype;
  std::string_view name;
  std::size_t bytes;
};
inline constexpr std::array<DtypeEntry, 15> dtypes{{
    {Dtype::boolean, "BOOL", 1},
    {Dtype::u8, "U8", 1},
    {Dtype::i8, "I8", 1},
    {Dtype::f8_e4m3, "F8_E4M3", 1},
    {Dtype::f8_e5m2, "F8_E5M2", 1},
    {Dtype::u16, "U16", 2},
    {Dtype::i16, "I16", 2},
    {Dtype::f16, "F16", 2},
    {Dtype::bf16, "BF16", 2},
    {Dtype::u32, "U32", 4},
    {Dtype::i32, "I32", 4},
    {Dtype::f32, "F32", 4},
    {Dtype::u64, "U64", 8},
    {Dtype::i64, "I64", 8},
    {Dtype::f64, "F64", 8},
}};

template <StoredValue T>
inline constexpr Dtype dtype_of = std::same_as<T, float>         ? Dtype::f32
                                  : std::same_as<T, double>      ? Dtype::f64
                                  : std::same_as<T, BFloat16>    ? Dtype::bf16
                                  : std::same_as<T, Float16>     ? Dtype::f16
                                  : std::same_as<T, std::int8_t> ? Dtype::i8
                                                                 : Dtype::i64;

}  // namespace detail

/// The name of a dtype in the format: "F32".
[[nodiscard]] constexpr std::string_view dtype_name(Dtype dtype) {
  return detail::dtypes[static_cast<std::size_t>(dtype)].name;
}
/// Bytes per element.
[[nodiscard]] constexpr std::size_t dtype_size(Dtype dtype) {
  return detail::dtypes[static_cast<std::size_t>(dtype)].bytes;
}

}  // namespace spat
