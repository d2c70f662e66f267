// The tool's TimeXer.
#include "../architecture_of.hpp"

#include <spat/models/timexer.hpp>

static const tool::Registered<spat::TimeXer<float>> timexer(
    {.source = "Wang et al., NeurIPS 2024, as in the Time-Series-Library",
     .without_attention =
         "a perceptron of each patch and a constant; patches meet in the linear head"});
