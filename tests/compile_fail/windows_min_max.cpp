// min and max as <windows.h> of MSVC defines them without NOMINMAX: the failing twin.
#if defined(SPAT_SHOULD_FAIL)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#endif
#include <spat/core/abi.hpp>
