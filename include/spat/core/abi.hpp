// core. The inline namespace tag: major version and instruction set. Objects built for different
// instruction sets fail to link instead of mixing silently.
#pragma once

#include <spat/version.hpp>

#if defined(__FAST_MATH__)
#error \
    "spat: -ffast-math removes the NaN checks and the bit identity this library promises; build without it"
#endif

// SPAT_SCALAR (one lane, no xsimd) is given by the user, or set here if the target has no vectors
// of both float and double.
#if defined(SPAT_SCALAR)
#define SPAT_INSTRUCTION_SET scalar
#elif defined(__AVX512F__) && defined(__AVX512DQ__)
#define SPAT_INSTRUCTION_SET avx512
#elif defined(__AVX2__) && defined(__FMA__)
#define SPAT_INSTRUCTION_SET avx2
#elif defined(__AVX__)
#define SPAT_INSTRUCTION_SET avx
#elif defined(__SSE4_1__)
#define SPAT_INSTRUCTION_SET sse4
#elif defined(__SSE2__)
#define SPAT_INSTRUCTION_SET sse2
#elif defined(__ARM_NEON) && defined(__aarch64__)
#define SPAT_INSTRUCTION_SET neon
#else
#define SPAT_INSTRUCTION_SET scalar
#define SPAT_SCALAR
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
