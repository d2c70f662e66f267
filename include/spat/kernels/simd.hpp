// kernels. The one shim over xsimd: vectors of the instruction set this unit is compiled for, and masked ends of rows.
#pragma once

#include <spat/core/abi.hpp>
#include <spat/core/aligned_buffer.hpp>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // g++ 12 warns falsely inside its own AVX-512 intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <type_traits>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// One vector register of Scalars.
template <std::floating_point Scalar>
using Pack = xsimd::batch<Scalar>;

template <std::floating_point Scalar>
inline constexpr std::size_t lanes = Pack<Scalar>::size;

template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> load(const Scalar* from) {
  return Pack<Scalar>::load_unaligned(from);
}
template <std::floating_point Scalar>
inline void store(Scalar* to, const Pack<Scalar>& values) {
  values.store_unaligned(to);
}

/// The first `count` numbers, the other lanes filled: so that a tail runs through the same instructions as a full vector.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> load_part(const Scalar* from, std::size_t count, Scalar fill = 0) {
  alignas(alignment) Scalar lane[lanes<Scalar>];
  std::fill(lane, lane + lanes<Scalar>, fill);
  std::copy(from, from + count, lane);
  return Pack<Scalar>::load_aligned(lane);
}
template <std::floating_point Scalar>
inline void store_part(Scalar* to, const Pack<Scalar>& values, std::size_t count) {
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  std::copy(lane, lane + count, to);
}

/// a * b + c with one rounding where the target has it.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> multiply_add(const Pack<Scalar>& a, const Pack<Scalar>& b, const Pack<Scalar>& c) {
#if defined(__AVX512F__)  // xsimd 8.1 writes a * b + c here, which clang does not fuse
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_fmadd_ps(a, b, c);
  else
    return _mm512_fmadd_pd(a, b, c);
#else
  return xsimd::fma(a, b, c);
#endif
}

/// Sum and maximum of the lanes, always in the same order: pairwise, halves first.
template <std::floating_point Scalar>
[[nodiscard]] inline Scalar sum_of_lanes(const Pack<Scalar>& values) {
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  for (std::size_t half = lanes<Scalar> / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
}
template <std::floating_point Scalar>
[[nodiscard]] inline Scalar largest_lane(const Pack<Scalar>& values) {
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  return *std::max_element(lane, lane + lanes<Scalar>);
}

/// Calls body(offset, load, store) over [0, size) a vector at a time; `load(p)` and `store(p, v)` mask the last, short one.
/// `fill` stands in the lanes past the end.
template <std::floating_point Scalar, class Body>
inline void for_each_pack(std::size_t size, Scalar fill, Body&& body) {
  constexpr std::size_t width = lanes<Scalar>;
  std::size_t i = 0;
  for (; i + width <= size; i += width)
    body(
        i, [](const Scalar* p) { return kernels::load(p); },
        [](Scalar* p, const Pack<Scalar>& v) { kernels::store(p, v); });
  if (const std::size_t rest = size - i)
    body(
        i, [=](const Scalar* p) { return load_part(p, rest, fill); },
        [=](Scalar* p, const Pack<Scalar>& v) { store_part(p, v, rest); });
}

}  // namespace kernels
}  // namespace spat
