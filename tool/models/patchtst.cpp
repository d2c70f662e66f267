// The tool's PatchTST, of the Time-Series-Library.
#include "../architecture_of.hpp"

#include <spat/models/patchtst.hpp>

static const tool::Registered<spat::PatchTST<float>> patchtst;
