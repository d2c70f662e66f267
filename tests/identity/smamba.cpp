// S-Mamba's identity, every mask of three modules.
#include <spat/models/smamba.hpp>

#include "identity.hpp"

int main() {
  constexpr spat::SMambaConfig dense{.channels = 5,
                                     .marks = 2,
                                     .lookback = 36,
                                     .horizon = 12,
                                     .width = 20,
                                     .ffn_width = 40,
                                     .depth = 3,
                                     .state = 6,
                                     .convolution = 2,
                                     .expand = 2,
                                     .kept = spat::ModuleMask{0b111}};
  return identity::check_all_masks<spat::SMamba, dense>();
}
