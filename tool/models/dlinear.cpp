// The tool's DLinear.
#include "../architecture_of.hpp"

#include <spat/models/dlinear.hpp>

static const tool::Registered<spat::DLinear<float>> dlinear(
    {.source = "Zeng et al., AAAI 2023",
     .without_attention = "it never had any: two linear maps shared by the variates"});
