// The tool's PatchTST, of the Time-Series-Library.
#include "../architecture_of.hpp"

#include <spat/models/patchtst.hpp>

static const tool::Registered<spat::PatchTST<float>> patchtst(
    {.source = "Nie et al., ICLR 2023, as in the Time-Series-Library",
     .without_attention = "a perceptron of each patch; patches meet in the linear head"});
