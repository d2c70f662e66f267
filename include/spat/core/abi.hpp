// core. The inline namespace tag: major version and instruction set. Objects built for different
// instruction sets fail to link instead of mixing silently.
#pragma once

#include <spat/core/toolchain.hpp>
#include <spat/version.hpp>

// SPAT_FMA: an instruction of the target computes a * b + c, and compilers use it where they like.
// g++ says so for every target.
#if (defined(__FP_FAST_FMA) && defined(__FP_FAST_FMAF)) || defined(__FMA__) || \
    defined(__FMA4__) || defined(__ARM_FEATURE_FMA) ||                         \
    (defined(__riscv_flen) && __riscv_flen >= 64) ||                           \
    (defined(_MSC_VER) && (defined(__AVX2__) || defined(_M_ARM64)))
#define SPAT_FMA
#endif

// The vectors: SPAT_AVX512 (64 bytes), SPAT_AVX (32), SPAT_SSE and SPAT_NEON (16), or SPAT_SCALAR
// (one lane, no xsimd), which is given by the user, or set here if the target has no vectors of
// both float and double. What changes a result or a type asks for these and SPAT_FMA, which are in
// the tag, never for a macro of the compiler. MSVC names neither the SSE2 of x64 nor FMA.
#if defined(SPAT_SCALAR)
#elif defined(__AVX512F__) && defined(__AVX512DQ__)
#define SPAT_AVX512
#elif defined(__AVX__)
#define SPAT_AVX
#elif defined(__SSE2__) || defined(_M_X64) || (defined(_M_IX86_FP) && _M_IX86_FP >= 2)
#define SPAT_SSE
#elif (defined(__ARM_NEON) && defined(__aarch64__)) || defined(_M_ARM64)
#define SPAT_NEON
#else
#define SPAT_SCALAR
#endif

#if defined(SPAT_AVX) && defined(SPAT_FMA) && !defined(__FMA__) && !defined(_MSC_VER)
#error \
    "spat: this target fuses a * b + c by FMA4 or by AVX-512 without DQ, which the vectors here \
do not use, so results would depend on the compiler's choices; build with -mfma, or without those"
#endif

#if defined(SPAT_AVX512)
#define SPAT_INSTRUCTION_SET avx512
#elif defined(SPAT_AVX) && defined(SPAT_FMA) && defined(__AVX2__)
#define SPAT_INSTRUCTION_SET avx2
#elif defined(SPAT_AVX) && defined(SPAT_FMA)
#define SPAT_INSTRUCTION_SET avx_fma
#elif defined(SPAT_AVX)
#define SPAT_INSTRUCTION_SET avx
#elif defined(SPAT_SSE) && defined(__SSE4_1__)
#define SPAT_INSTRUCTION_SET sse4
#elif defined(SPAT_SSE)
#define SPAT_INSTRUCTION_SET sse2
#elif defined(SPAT_NEON)
#define SPAT_INSTRUCTION_SET neon
#elif defined(SPAT_FMA)
#define SPAT_INSTRUCTION_SET scalar_fma
#else
#define SPAT_INSTRUCTION_SET scalar
#endif

#define SPAT_JOIN_3(a, b, c) a##b##_##c
#define SPAT_JOIN(a, b, c) SPAT_JOIN_3(a, b, c)
#define SPAT_ABI SPAT_JOIN(v, SPAT_VERSION_MAJOR, SPAT_INSTRUCTION_SET)

#define SPAT_TEXT_2(x) #x
#define SPAT_TEXT(x) SPAT_TEXT_2(x)

namespace spat::inline SPAT_ABI {

/// The instruction set this translation unit was compiled for: "avx512", "avx2", "sse2", ...
inline constexpr const char* instruction_set = SPAT_TEXT(SPAT_INSTRUCTION_SET);

}  // namespace spat
