// The official PatchTST's identity, every mask of three modules: batch statistics in every block,
// scores from block to block.
#include <spat/models/patchtst_official.hpp>

#include "identity.hpp"

int main() {
  constexpr spat::OfficialPatchTSTConfig dense{.channels = 3,
                                               .lookback = 36,
                                               .horizon = 12,
                                               .width = 24,
                                               .ffn_width = 40,
                                               .heads = 4,
                                               .depth = 3,
                                               .patch = 8,
                                               .stride = 4,
                                               .kept = spat::ModuleMask{0b111}};
  return identity::check_all_masks<spat::OfficialPatchTST, dense>();
}
