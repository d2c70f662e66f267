// The tool's DLinear.
#include "../architecture_of.hpp"

#include <spat/models/dlinear.hpp>

static const tool::Registered<spat::DLinear<float>> dlinear;
