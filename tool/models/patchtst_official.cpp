// The tool's PatchTST, of its authors.
#include "../architecture_of.hpp"

#include <spat/models/patchtst_official.hpp>

static const tool::Registered<spat::OfficialPatchTST<float>> patchtst_official;
