// The tool's S-Mamba.
#include "../architecture_of.hpp"

#include <spat/models/smamba.hpp>

static const tool::Registered<spat::SMamba<float>> smamba(
    {.source = "Wang et al., 2024",
     .without_attention = "a perceptron shared by the variates, which never meet"});
