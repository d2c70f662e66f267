// kernels. The only code that uses xsimd: vectors of the instruction set this unit is compiled for,
// and masked row ends.
#pragma once

#include <spat/core/abi.hpp>
#include <spat/core/aligned_buffer.hpp>
#include <spat/core/arithmetic.hpp>

#if !defined(SPAT_SCALAR)
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wmaybe-uninitialized"  // g++ 12 warns falsely inside its own AVX-512 intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif

#include <algorithm>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
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

#if defined(SPAT_SCALAR)
/// A vector of one lane; a comparison gives a bool.
template <std::floating_point Scalar>
struct Pack {
  static constexpr std::size_t size = 1;
  Scalar value;

  Pack() = default;
  Pack(Scalar number) : value(number) {}

  [[nodiscard]] static Pack load_unaligned(const Scalar* from) { return *from; }
  [[nodiscard]] static Pack load_aligned(const Scalar* from) { return *from; }
  void store_unaligned(Scalar* to) const { *to = value; }
  void store_aligned(Scalar* to) const { *to = value; }

  Pack& operator+=(const Pack& b) { return value += b.value, *this; }
  Pack& operator-=(const Pack& b) { return value -= b.value, *this; }
  Pack& operator*=(const Pack& b) { return value *= b.value, *this; }
  Pack& operator/=(const Pack& b) { return value /= b.value, *this; }
  Pack operator-() const { return -value; }
  friend Pack operator+(const Pack& a, const Pack& b) { return a.value + b.value; }
  friend Pack operator-(const Pack& a, const Pack& b) { return a.value - b.value; }
  friend Pack operator*(const Pack& a, const Pack& b) { return a.value * b.value; }
  friend Pack operator/(const Pack& a, const Pack& b) { return a.value / b.value; }
  friend bool operator==(const Pack& a, const Pack& b) { return a.value == b.value; }
  friend bool operator!=(const Pack& a, const Pack& b) { return a.value != b.value; }
  friend bool operator<(const Pack& a, const Pack& b) { return a.value < b.value; }
  friend bool operator<=(const Pack& a, const Pack& b) { return a.value <= b.value; }
  friend bool operator>(const Pack& a, const Pack& b) { return a.value > b.value; }
  friend bool operator>=(const Pack& a, const Pack& b) { return a.value >= b.value; }
};
#else
/// One vector register of Scalars.
template <std::floating_point Scalar>
using Pack = xsimd::batch<Scalar>;
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

#if !defined(SPAT_SCALAR) && defined(__AVX512F__)
namespace detail {

/// The first `count` lanes.
template <std::floating_point Scalar>
[[nodiscard]] inline auto first_lanes(std::size_t count) {
  return static_cast<std::conditional_t<std::is_same_v<Scalar, float>, __mmask16, __mmask8>>(
      (1u << count) - 1);
}

}  // namespace detail
#elif !defined(SPAT_SCALAR) && defined(__AVX__)
namespace detail {

/// A mask of the first `count` lanes, by a comparison of floating-point numbers: plain AVX has no
/// other.
template <std::floating_point Scalar>
[[nodiscard]] inline auto first_lanes(std::size_t count) {
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm256_cmp_ps(_mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7),
                         _mm256_set1_ps(static_cast<float>(count)), _CMP_LT_OQ);
  else
    return _mm256_cmp_pd(_mm256_setr_pd(0, 1, 2, 3), _mm256_set1_pd(static_cast<double>(count)),
                         _CMP_LT_OQ);
}

}  // namespace detail
#endif

/// Loads the first `count` numbers and sets the other lanes to `fill`, so that a row end goes
/// through the same instructions as a full vector. Memory after them is not touched.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> load_part(const Scalar* from, std::size_t count,
                                            Scalar fill = 0) {
#if !defined(SPAT_SCALAR) && defined(__AVX512F__)
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_mask_loadu_ps(Pack<Scalar>(fill), detail::first_lanes<Scalar>(count), from);
  else
    return _mm512_mask_loadu_pd(Pack<Scalar>(fill), detail::first_lanes<Scalar>(count), from);
#elif !defined(SPAT_SCALAR) && defined(__AVX__)
  const auto mask = detail::first_lanes<Scalar>(count);
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm256_blendv_ps(Pack<Scalar>(fill), _mm256_maskload_ps(from, _mm256_castps_si256(mask)),
                            mask);
  else
    return _mm256_blendv_pd(Pack<Scalar>(fill), _mm256_maskload_pd(from, _mm256_castpd_si256(mask)),
                            mask);
#else
  alignas(alignment) Scalar lane[lanes<Scalar>];
  std::fill(lane, lane + lanes<Scalar>, fill);
  std::copy(from, from + count, lane);
  return Pack<Scalar>::load_aligned(lane);
#endif
}
/// Stores the first `count` lanes. Memory after them is not touched.
template <std::floating_point Scalar>
inline void store_part(Scalar* to, const Pack<Scalar>& values, std::size_t count) {
#if !defined(SPAT_SCALAR) && defined(__AVX512F__)
  if constexpr (std::is_same_v<Scalar, float>)
    _mm512_mask_storeu_ps(to, detail::first_lanes<Scalar>(count), values);
  else
    _mm512_mask_storeu_pd(to, detail::first_lanes<Scalar>(count), values);
#elif !defined(SPAT_SCALAR) && defined(__AVX__)
  if constexpr (std::is_same_v<Scalar, float>)
    _mm256_maskstore_ps(to, _mm256_castps_si256(detail::first_lanes<Scalar>(count)), values);
  else
    _mm256_maskstore_pd(to, _mm256_castpd_si256(detail::first_lanes<Scalar>(count)), values);
#else
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  std::copy(lane, lane + count, to);
#endif
}

/// a * b + c, rounded once if the target can.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> multiply_add(const Pack<Scalar>& a, const Pack<Scalar>& b,
                                               const Pack<Scalar>& c) {
#if defined(SPAT_SCALAR)
  return spat::multiply_add(a.value, b.value, c.value);
#elif defined(__AVX512F__)  // xsimd 8.1 writes a * b + c here, which clang does not fuse
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_fmadd_ps(a, b, c);
  else
    return _mm512_fmadd_pd(a, b, c);
#else
  return xsimd::fma(a, b, c);
#endif
}

/// The larger number, lane by lane. If b is a NaN, so is the result; if only a is, the result is b
/// or a NaN.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> max(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_SCALAR)
  return a > b ? a : b;
#else
  return xsimd::max(a, b);
#endif
}
/// The smaller number, lane by lane; NaNs as in max().
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> min(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if defined(SPAT_SCALAR)
  return a < b ? a : b;
#else
  return xsimd::min(a, b);
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

/// a / b, correctly rounded. For floats on NEON, xsimd 8.1 only approximates division and square
/// root, even for a bare a / b.
template <std::floating_point Scalar>
[[nodiscard]] inline Pack<Scalar> divide(const Pack<Scalar>& a, const Pack<Scalar>& b) {
#if !defined(SPAT_SCALAR) && defined(__aarch64__)
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
#if defined(__aarch64__)
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
#if !defined(SPAT_SCALAR) && defined(__AVX512F__)
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
  const auto both = xsimd::bitwise_cast<xsimd::batch<Bits>>(sum);
  const auto half = both >> 1;
  return x * xsimd::bitwise_cast<Pack<Scalar>>(half << mantissa) *
         xsimd::bitwise_cast<Pack<Scalar>>((both - half) << mantissa);
#endif
#endif
}

#if !defined(SPAT_SCALAR) && defined(__AVX__)
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
#if defined(__AVX512F__)  // the forms without a mask make g++ 12 warn
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
#if !defined(SPAT_SCALAR) && defined(__AVX__)
  return detail::sum_by_halves(values);
#else
  alignas(alignment) Scalar lane[lanes<Scalar>];
  values.store_aligned(lane);
  for (std::size_t half = lanes<Scalar> / 2; half > 0; half /= 2)
    for (std::size_t i = 0; i < half; ++i) lane[i] += lane[i + half];
  return lane[0];
#endif
}

/// Calls body(offset, load, store) over [0, size), one vector at a time. `load(p)` and `store(p,
/// v)` mask the last vector if it is short. Lanes past the end are `fill`.
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
