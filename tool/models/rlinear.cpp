// The tool's RLinear.
#include "../architecture_of.hpp"

#include <spat/models/rlinear.hpp>

static const tool::Registered<spat::RLinear<float>> rlinear(
    {.source = "Li et al., 2023",
     .without_attention = "it never had any: a linear map shared by the variates"});
