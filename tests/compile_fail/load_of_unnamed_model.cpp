// load_model() reads a model that has a name and a configuration.
#include <spat/models/checkpoint.hpp>
#include <spat/models/rlinear.hpp>

#include "zero_model.hpp"

#ifdef SPAT_SHOULD_FAIL
using Model = Zero;
#else
using Model = spat::RLinear<float>;
#endif

auto load() { return spat::load_model<Model>("model.safetensors"); }
