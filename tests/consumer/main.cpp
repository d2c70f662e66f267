// A user's program: one include, nothing to link by hand. If only the build matters, the headers
// that need something of others, xsimd and threads, are enough.
#ifdef CONSUMER_TAKES_ALL
#include <spat/spat.hpp>
#else
#include <spat/core/team.hpp>
#include <spat/core/tensor.hpp>
#include <spat/kernels/simd.hpp>
#include <spat/version.hpp>
#endif

#if defined(CONSUMER_XSIMD) && !defined(USERS_XSIMD)
#error "spat did not take the xsimd of the user's project"
#endif

#include <cstdio>

int main() {
  const spat::Tensor<float> tensor(2, 3);
  std::printf("spat %s for %s, %zu numbers\n", SPAT_VERSION, spat::instruction_set,
              tensor.flat().size());
  return tensor.flat().size() == 6 ? 0 : 1;
}
