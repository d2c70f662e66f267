// The tool's Crossformer.
#include "../architecture_of.hpp"

#include <spat/models/crossformer.hpp>

static const tool::Registered<spat::Crossformer<float>> crossformer(
    {.source = "Zhang and Yan, ICLR 2023, as in the Time-Series-Library",
     .without_attention = "a constant forecast: one cross-attention has to stay"});
