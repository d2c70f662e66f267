// iTransformer's identity, every mask of three modules.
#include <spat/models/itransformer.hpp>

#include "identity.hpp"

#ifndef SPAT_TEST_WIDTH
#define SPAT_TEST_WIDTH 24
#endif

int main() {
  constexpr spat::ITransformerConfig dense{.channels = 5,
                                           .marks = 4,
                                           .lookback = 36,
                                           .horizon = 12,
                                           .width = SPAT_TEST_WIDTH,
                                           .ffn_width = 40,
                                           .heads = 4,
                                           .depth = 3,
                                           .kept = spat::ModuleMask{0b111}};
  return identity::check_all_masks<spat::ITransformer, dense>();
}
