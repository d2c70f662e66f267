// The tool's TimeXer.
#include "../architecture_of.hpp"

#include <spat/models/timexer.hpp>

static const tool::Registered<spat::TimeXer<float>> timexer;
