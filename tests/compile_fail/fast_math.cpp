// -ffast-math, which the failing twin has, would break what the library promises.
#include <spat/core/abi.hpp>
