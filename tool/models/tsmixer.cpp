// The tool's TSMixer.
#include "../architecture_of.hpp"

#include <spat/models/tsmixer.hpp>

static const tool::Registered<spat::TSMixer<float>> tsmixer;
