// The tool's TSMixer.
#include "../architecture_of.hpp"

#include <spat/models/tsmixer.hpp>

static const tool::Registered<spat::TSMixer<float>> tsmixer(
    {.source = "Chen et al., TMLR 2023, as in the Time-Series-Library",
     .without_attention = "it never had any: perceptrons along time and across the variates"});
