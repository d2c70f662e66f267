// What core/toolchain.hpp, core/abi.hpp and kernels/xsimd.hpp refuse: the flags of the failing
// twins, through the header that SPAT_DOOR names.
#if !defined(SPAT_DOOR)
#define SPAT_DOOR <spat/core/abi.hpp>
#endif
#include SPAT_DOOR
