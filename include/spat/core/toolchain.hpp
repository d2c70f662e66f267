// core. What the library cannot keep its promises with: each is the first error of a build, with
// its reason and a way out.
#pragma once

#if defined(_MSVC_LANG)
#define SPAT_STANDARD _MSVC_LANG
#else
#define SPAT_STANDARD __cplusplus
#endif
#if SPAT_STANDARD < 202002L
#error "spat: needs C++20, and this is an earlier standard; build with -std=c++20 (/std:c++20)"
#endif

#if defined(__clang__)
#if __clang_major__ < 14
#error "spat: needs clang 14 or newer, and this is an older one"
#endif
#elif defined(__GNUC__) && __GNUC__ < 12
#error "spat: needs g++ 12 or newer, and this is an older one"
#endif

#if !defined(__cpp_exceptions) && !defined(_CPPUNWIND)
#error \
    "spat: reports every error by an exception, and they are switched off; \
build without -fno-exceptions (with /EHsc)"
#endif

#if defined(__FAST_MATH__) || defined(_M_FP_FAST)
#error \
    "spat: -ffast-math removes the NaN checks and the bit identity this library promises; \
build without it (without -Ofast, with /fp:precise)"
#elif defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__
#error "spat: -ffinite-math-only removes the NaN checks this library promises; build without it"
#elif defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) || \
    defined(__NO_SIGNED_ZEROS__) || (defined(__GCC_IEC_559) && __GCC_IEC_559 == 0)
// Only g++ tells. clang says nothing of these flags.
#error \
    "spat: needs arithmetic by IEEE 754, and a flag allows less; build without \
-funsafe-math-optimizations, -fassociative-math, -freciprocal-math, -fno-signed-zeros and \
-fsingle-precision-constant"
#endif

#if (defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0) || \
    (defined(_M_IX86_FP) && _M_IX86_FP < 2)
#error \
    "spat: this target computes with more digits than a float has (x87), so results would depend \
on the compiler's choices; build with -msse2 -mfpmath=sse (/arch:SSE2)"
#endif

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "spat: this target is big endian, and files of models and numbers are little endian"
#endif

#if defined(min) || defined(max)
#error \
    "spat: min or max is a macro, as <windows.h> defines them; define NOMINMAX before its include"
#endif

#include <version>

#if defined(_LIBCPP_VERSION) && _LIBCPP_VERSION < 160000
#error \
    "spat: needs libc++ 16 or newer, and this is an older one without std::ranges; \
build with a newer one or with libstdc++"
#endif
