// The tool's S-Mamba.
#include "../architecture_of.hpp"

#include <spat/models/smamba.hpp>

static const tool::Registered<spat::SMamba<float>> smamba;
