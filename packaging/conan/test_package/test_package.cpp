// A user's program. The headers of all models would take long to compile and show no more.
#include <spat/kernels/simd.hpp>
#include <spat/version.hpp>
#if defined(WITH_EIGEN)
#include <spat/core/eigen.hpp>
#endif

#include <cstdio>

int main() { std::printf("spat %s for %s\n", SPAT_VERSION, spat::instruction_set); }
