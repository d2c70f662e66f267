// kernels. The functions of whole vectors that all kernels are made of; with it, the vector itself
// and the masked ends of rows.
#pragma once

#include <spat/core/arithmetic.hpp>
#include <spat/kernels/pack.hpp>
#include <spat/kernels/row_ends.hpp>

#include <bit>
#include <cmath>
#include <limits>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// a * b + c, rounded once if the target can.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> multiply_add(const Pack<Scalar>& a, const Pack<Scalar>& b,
                                               const Pack<Scalar>& c) {
#if defined(SPAT_SCALAR)
  return spat::multiply_add(a.value, b.value, c.value);
#else
  return detail::fused<Scalar>(a, b, c);
#endif
}

/// a > b ? a : b, lane by lane: the larger number, and b if one of them is a NaN or both are zeros.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> max(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_SCALAR)
  return a > b ? a : b;
#else
  return detail::larger<Scalar>(a, b);
#endif
}
/// a < b ? a : b, lane by lane: the smaller number, and b if one of them is a NaN or both are
/// zeros.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> min(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_SCALAR)
  return a < b ? a : b;
#else
  return detail::smaller<Scalar>(a, b);
#endif
}

/// The absolute value, lane by lane.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> abs(const Pack<Scalar>& a) {
#if defined(SPAT_SCALAR)
  return std::abs(a.value);
#else
  return xsimd::abs(a);
#endif
}

/// a / b, correctly rounded. For floats on NEON, xsimd only approximates division and square roots,
/// even for a bare a / b.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> divide(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_NEON)
  if constexpr (std::is_same_v<Scalar, float>) return vdivq_f32(a, b);
#endif
  return a / b;
}
/// sqrt(a), correctly rounded; see divide().
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> sqrt(const Pack<Scalar>& a) {
#if defined(SPAT_SCALAR)
  return std::sqrt(a.value);
#else
#if defined(SPAT_NEON)
  if constexpr (std::is_same_v<Scalar, float>) return vsqrtq_f32(a);
#endif
  return xsimd::sqrt(a);
#endif
}

/// where ? a : b, lane by lane.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> select(const std::type_identity_t<Mask<Scalar>>& where,
                                         const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_SCALAR)
  return where ? a : b;
#else
  return xsimd::select(where, a, b);
#endif
}

/// x 2^n for whole n, rounded once for x near 1; |n| <= 252 for float, 2044 for double.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> times_power_of_two(const Pack<Scalar>& x, const Pack<Scalar>& n) {
#if defined(SPAT_AVX512)
  if constexpr (std::is_same_v<Scalar, float>)
    // The form without a mask makes g++ 12 warn.
    return _mm512_mask_scalef_ps(x, static_cast<__mmask16>(0xffff), x, n);
  else
    return _mm512_mask_scalef_pd(x, static_cast<__mmask8>(0xff), x, n);
#else
  // The last bits of 1.5 2^(digits - 1) + m are m. With m = n + 2 bias, its two halves are
  // exponents of 2^a 2^b = 2^n.
  using Bits = detail::Bits<Scalar>;
  constexpr int mantissa = std::numeric_limits<Scalar>::digits - 1;
  constexpr int bias = std::numeric_limits<Scalar>::max_exponent - 1;
  const Pack<Scalar> sum =
      n + Pack<Scalar>(static_cast<Scalar>((Bits{3} << (mantissa - 1)) + 2 * bias));
#if defined(SPAT_SCALAR)
  const Bits both = std::bit_cast<Bits>(sum.value), half = both >> 1;
  return x.value * std::bit_cast<Scalar>(half << mantissa) *
         std::bit_cast<Scalar>((both - half) << mantissa);
#else
  const auto both = detail::reinterpret<Bits>(sum);
  const auto half = both >> 1;
  return x * detail::reinterpret<Scalar>(half << mantissa) *
         detail::reinterpret<Scalar>((both - half) << mantissa);
#endif
#endif
}

#if defined(SPAT_AVX) || defined(SPAT_AVX512)
namespace detail {

/// Sums halves first, in the order of sum_of_lanes().
[[nodiscard]] inline float sum_by_halves(__m256 x) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}
[[nodiscard]] inline double sum_by_halves(__m256d x) {
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}
#if defined(SPAT_AVX512)  // the forms without a mask make g++ 12 warn
[[nodiscard]] inline double sum_by_halves(__m512d x) {
  return sum_by_halves(
      _mm256_add_pd(_mm512_castpd512_pd256(x), _mm512_maskz_extractf64x4_pd(0xff, x, 1)));
}
[[nodiscard]] inline float sum_by_halves(__m512 x) {
  const __m256 upper = _mm256_castpd_ps(_mm512_maskz_extractf64x4_pd(0xff, _mm512_castps_pd(x), 1));
  return sum_by_halves(_mm256_add_ps(_mm512_castps512_ps256(x), upper));
}
#endif

}  // namespace detail
#endif

/// The sum of the lanes, always in the same order: pairwise, halves first.
template <std::floating_point Scalar>
[[nodiscard]] inline Scalar sum_of_lanes(const Pack<Scalar>& values) {
#if defined(SPAT_AVX) || defined(SPAT_AVX512)
  return detail::sum_by_halves(values);
#else
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  for (std::size_t half = lanes<Scalar> / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
#endif
}

}  // namespace kernels
}  // namespace spat
