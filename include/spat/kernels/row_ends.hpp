// kernels. Masked ends of rows: the last numbers of a row go through the same instructions as a
// full vector.
#pragma once

#include <spat/kernels/pack.hpp>

#include <algorithm>

namespace spat::inline SPAT_ABI {
namespace kernels {

#if defined(SPAT_AVX512)
namespace detail {

/// The first `count` lanes.
template <std::floating_point Scalar>
[[nodiscard]] inline auto first_lanes(std::size_t count) {
  return static_cast<std::conditional_t<std::is_same_v<Scalar, float>, __mmask16, __mmask8>>(
      (1u << count) - 1);
}

}  // namespace detail
#elif defined(SPAT_AVX)
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
#if defined(SPAT_AVX512)
  if constexpr (std::is_same_v<Scalar, float>)
    return _mm512_mask_loadu_ps(Pack<Scalar>(fill), detail::first_lanes<Scalar>(count), from);
  else
    return _mm512_mask_loadu_pd(Pack<Scalar>(fill), detail::first_lanes<Scalar>(count), from);
#elif defined(SPAT_AVX)
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
#if defined(SPAT_AVX512)
  if constexpr (std::is_same_v<Scalar, float>)
    _mm512_mask_storeu_ps(to, detail::first_lanes<Scalar>(count), values);
  else
    _mm512_mask_storeu_pd(to, detail::first_lanes<Scalar>(count), values);
#elif defined(SPAT_AVX)
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
