// kernels. The only header that includes xsimd: its vectors for the instruction set, and the
// operations whose form or meaning depends on its version.
#pragma once

#include <spat/core/abi.hpp>

#if !defined(SPAT_SCALAR)
#include <xsimd/config/xsimd_config.hpp>

#if XSIMD_VERSION_MAJOR < 8 || (XSIMD_VERSION_MAJOR == 8 && XSIMD_VERSION_MINOR < 1)
#error \
    "spat: needs xsimd 8.1 or newer, and this is an older one; put a newer one first on the \
include path, or build with -DSPAT_SCALAR, without vectors"
#elif XSIMD_VERSION_MAJOR > 14 && !defined(SPAT_ANY_XSIMD)
#error \
    "spat: is tested with xsimd 8.1 to 14, and this is a newer one, whose functions may give \
other results; take a tested one, or run the tests of the kernels and build with -DSPAT_ANY_XSIMD"
#endif

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored \
    "-Wmaybe-uninitialized"  // g++ 12 warns falsely inside its own AVX-512 intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <xsimd/xsimd.hpp>

#include <concepts>
#include <cstddef>
#include <type_traits>

namespace spat::inline SPAT_ABI {
namespace kernels::detail {

// Named here, because xsimd's own choice depends on its version and on XSIMD_DEFAULT_ARCH.
#if defined(SPAT_AVX512)
using Architecture = xsimd::avx512dq;
inline constexpr std::size_t vector_bytes = 64;
#elif defined(SPAT_AVX) && defined(__AVX2__)
using Architecture = xsimd::avx2;
inline constexpr std::size_t vector_bytes = 32;
#elif defined(SPAT_AVX)
using Architecture = xsimd::avx;
inline constexpr std::size_t vector_bytes = 32;
#elif defined(__SSE4_1__)
using Architecture = xsimd::sse4_1;
inline constexpr std::size_t vector_bytes = 16;
#elif defined(SPAT_SSE)
using Architecture = xsimd::sse2;
inline constexpr std::size_t vector_bytes = 16;
#else
using Architecture = xsimd::neon64;
inline constexpr std::size_t vector_bytes = 16;
#endif

/// One vector register of Scalars.
template <class Scalar>
using Vector = xsimd::batch<Scalar, Architecture>;

static_assert(
    Architecture::supported() && sizeof(Vector<float>) == vector_bytes &&
        sizeof(Vector<double>) == vector_bytes &&
        Vector<float>::size * sizeof(float) == vector_bytes &&
        Vector<double>::size * sizeof(double) == vector_bytes,
    "xsimd must have the vectors of the instruction set that the compiler is told to use");

/// a > b ? a : b and a < b ? a : b, lane by lane. From version 14 on, xsimd exchanges a and b.
template <std::floating_point Scalar>
[[nodiscard]] inline Vector<Scalar> larger(const Vector<Scalar>& a, const Vector<Scalar>& b) {
  [[maybe_unused]] constexpr bool narrow = std::is_same_v<Scalar, float>;
#if defined(SPAT_AVX512)
  if constexpr (narrow)
    return _mm512_max_ps(a, b);
  else
    return _mm512_max_pd(a, b);
#elif defined(SPAT_AVX)
  if constexpr (narrow)
    return _mm256_max_ps(a, b);
  else
    return _mm256_max_pd(a, b);
#elif defined(SPAT_SSE)
  if constexpr (narrow)
    return _mm_max_ps(a, b);
  else
    return _mm_max_pd(a, b);
#else
  return xsimd::select(a > b, a, b);
#endif
}
template <std::floating_point Scalar>
[[nodiscard]] inline Vector<Scalar> smaller(const Vector<Scalar>& a, const Vector<Scalar>& b) {
  [[maybe_unused]] constexpr bool narrow = std::is_same_v<Scalar, float>;
#if defined(SPAT_AVX512)
  if constexpr (narrow)
    return _mm512_min_ps(a, b);
  else
    return _mm512_min_pd(a, b);
#elif defined(SPAT_AVX)
  if constexpr (narrow)
    return _mm256_min_ps(a, b);
  else
    return _mm256_min_pd(a, b);
#elif defined(SPAT_SSE)
  if constexpr (narrow)
    return _mm_min_ps(a, b);
  else
    return _mm_min_pd(a, b);
#else
  return xsimd::select(a < b, a, b);
#endif
}

/// a * b + c, rounded once if the target can. xsimd 8 writes it out for AVX-512, and clang does not
/// fuse that; MSVC has FMA without a macro that xsimd sees.
template <std::floating_point Scalar>
[[nodiscard]] inline Vector<Scalar> fused(const Vector<Scalar>& a, const Vector<Scalar>& b,
                                          const Vector<Scalar>& c) {
  [[maybe_unused]] constexpr bool narrow = std::is_same_v<Scalar, float>;
#if defined(SPAT_AVX512)
  if constexpr (narrow)
    return _mm512_fmadd_ps(a, b, c);
  else
    return _mm512_fmadd_pd(a, b, c);
#elif defined(SPAT_AVX) && defined(SPAT_FMA)
  if constexpr (narrow)
    return _mm256_fmadd_ps(a, b, c);
  else
    return _mm256_fmadd_pd(a, b, c);
#elif defined(SPAT_NEON)
  if constexpr (narrow)
    return vfmaq_f32(c, a, b);
  else
    return vfmaq_f64(c, a, b);
#else
  return a * b + c;
#endif
}

/// The same bits as numbers of type To. Up to version 10, xsimd asks for a vector type there.
template <class To, class From>
[[nodiscard]] inline Vector<To> reinterpret(const Vector<From>& x) {
  if constexpr (requires {
                  { xsimd::bitwise_cast<To>(x) } -> std::same_as<Vector<To>>;
                })
    return xsimd::bitwise_cast<To>(x);
  else
    return xsimd::bitwise_cast<Vector<To>>(x);
}

}  // namespace kernels::detail
}  // namespace spat

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
