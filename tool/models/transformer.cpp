// The tool's Transformer, an encoder and a decoder.
#include "../architecture_of.hpp"

#include <spat/models/transformer.hpp>

static const tool::Registered<spat::Transformer<float>> transformer(
    {.source = "Vaswani et al., 2017, as in the Time-Series-Library",
     .without_attention = "a perceptron of each step's time marks and position"});
