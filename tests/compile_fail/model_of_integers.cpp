// A model's scalar is float or double.
#include <spat/models/rlinear.hpp>

#ifdef SPAT_SHOULD_FAIL
using Scalar = int;
#else
using Scalar = float;
#endif

spat::RLinear<Scalar> model(spat::Dynamic<spat::RLinearConfig>{{.channels = 5}});
