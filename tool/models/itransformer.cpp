// The tool's iTransformer.
#include "../architecture_of.hpp"

#include <spat/models/itransformer.hpp>

static const tool::Registered<spat::ITransformer<float>> itransformer;
