// The tool's Transformer, an encoder and a decoder.
#include "../architecture_of.hpp"

#include <spat/models/transformer.hpp>

static const tool::Registered<spat::Transformer<float>> transformer;
