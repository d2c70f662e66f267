// kernels. The vector that all kernels compute with: one register of numbers of the instruction set
// that this unit is compiled for.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/kernels/one_lane.hpp>
#include <spat/kernels/xsimd.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace spat::inline SPAT_ABI {
namespace kernels {

namespace detail {

/// The unsigned integer of the same size as Scalar.
template <std::floating_point Scalar>
using Bits =
    std::conditional_t<sizeof(Scalar) == sizeof(std::uint32_t), std::uint32_t, std::uint64_t>;

}  // namespace detail

/// A vector of Scalars with + - *, and comparisons by < <= > >= == that are false for a NaN.
/// Kernels use neither its own / (see divide()) nor !=, whose result for a NaN depends on the
/// version of xsimd.
#if defined(SPAT_SCALAR)
template <std::floating_point Scalar>
using Pack = OneLane<Scalar>;
#else
template <std::floating_point Scalar>
using Pack = detail::Vector<Scalar>;
#endif

/// The result of comparing two Packs; combined by &&, || and !.
template <std::floating_point Scalar>
using Mask = decltype(std::declval<Pack<Scalar>>() < std::declval<Pack<Scalar>>());

/// Numbers per Pack.
template <std::floating_point Scalar>
inline constexpr std::size_t lanes = Pack<Scalar>::size;

/// Loads one vector from any address.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> load(const Scalar* from) {
  return Pack<Scalar>::load_unaligned(from);
}
/// Stores one vector to any address.
template <std::floating_point Scalar>
inline void store(Scalar* to, const Pack<Scalar>& values) {
  values.store_unaligned(to);
}

}  // namespace kernels
}  // namespace spat
