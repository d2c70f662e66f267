// The tool's RLinear.
#include "../architecture_of.hpp"

#include <spat/models/rlinear.hpp>

static const tool::Registered<spat::RLinear<float>> rlinear;
