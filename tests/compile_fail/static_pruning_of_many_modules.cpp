// A static model is pruned at run time only among few types, one per mask.
#include <spat/models/itransformer.hpp>
#include <spat/prune/surgery.hpp>

#ifdef SPAT_SHOULD_FAIL
constexpr std::size_t depth = 5;
#else
constexpr std::size_t depth = 1;
#endif
constexpr spat::ITransformerConfig config{
    .channels = 5, .width = 16, .ffn_width = 16, .heads = 4, .depth = depth};
using Model = spat::ITransformer<float, spat::Static<config>>;

auto prune(const Model& model) { return spat::pruned(model, spat::ModuleMask{}); }
