// The tool's Crossformer.
#include "../architecture_of.hpp"

#include <spat/models/crossformer.hpp>

static const tool::Registered<spat::Crossformer<float>> crossformer;
