// The type of a pruned model keeps only modules that the model has: a pruned one does not come
// back.
#include <spat/models/itransformer.hpp>

constexpr spat::ITransformerConfig config{.channels = 5,
                                          .width = 16,
                                          .ffn_width = 16,
                                          .heads = 4,
                                          .depth = 3,
                                          .kept = spat::ModuleMask{0b011}};
#ifdef SPAT_SHOULD_FAIL
constexpr spat::ModuleMask mask{0b110};
#else
constexpr spat::ModuleMask mask{0b010};
#endif

spat::ITransformer<float, spat::Static<config>>::Pruned<mask> model;
