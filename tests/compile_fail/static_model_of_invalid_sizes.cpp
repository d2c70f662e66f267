// The sizes in a static model's type fit together: here the heads must divide the width.
#include <spat/models/itransformer.hpp>

#ifdef SPAT_SHOULD_FAIL
constexpr std::size_t heads = 3;
#else
constexpr std::size_t heads = 4;
#endif
constexpr spat::ITransformerConfig config{
    .channels = 5, .width = 16, .ffn_width = 16, .heads = heads, .depth = 2};

spat::ITransformer<float, spat::Static<config>> model;
