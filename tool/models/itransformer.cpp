// The tool's iTransformer.
#include "../architecture_of.hpp"

#include <spat/models/itransformer.hpp>

static const tool::Registered<spat::ITransformer<float>> itransformer(
    {.source = "Liu et al., ICLR 2024",
     .without_attention = "a perceptron shared by the variates, which never meet"});
