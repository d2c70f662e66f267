// The tool's PatchTST, of its authors.
#include "../architecture_of.hpp"

#include <spat/models/patchtst_official.hpp>

static const tool::Registered<spat::OfficialPatchTST<float>> patchtst_official(
    {.source = "Nie et al., ICLR 2023, as in its authors' code",
     .without_attention = "a perceptron of each patch; patches meet in the linear head"});
