// The Transformer's identity, every mask of two encoder layers and a decoder layer.
#include <spat/models/transformer.hpp>

#include "identity.hpp"

int main() {
  constexpr spat::TransformerConfig dense{.channels = 3,
                                          .marks = 4,
                                          .lookback = 20,
                                          .horizon = 12,
                                          .label = 9,
                                          .width = 24,
                                          .ffn_width = 40,
                                          .heads = 4,
                                          .depth = 2,
                                          .decoder_depth = 1,
                                          .kept = spat::ModuleMask{0b1111}};
  return identity::check_all_masks<spat::Transformer, dense>();
}
