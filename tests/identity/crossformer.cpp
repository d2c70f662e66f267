// Crossformer's identity: two hundred random masks of its eighteen modules, and three static forms,
// because those take long to compile.
#include <spat/models/crossformer.hpp>

#include "identity.hpp"

int main() {
  constexpr spat::CrossformerConfig dense{.channels = 3,
                                          .lookback = 20,
                                          .horizon = 10,
                                          .width = 24,
                                          .ffn_width = 40,
                                          .heads = 4,
                                          .depth = 3,
                                          .segment = 4,
                                          .window = 2,
                                          .routers = 2,
                                          .kept = spat::ModuleMask::first(18)};
  return identity::check_some_masks<spat::Crossformer, dense, 0b100'110'011'101'10'01'11,
                                    0b000'000'001'000'00'00'00, 0>(200);
}
