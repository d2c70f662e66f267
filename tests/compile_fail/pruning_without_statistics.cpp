// A model with batch statistics is pruned with the windows to estimate them on.
#include <spat/models/patchtst.hpp>
#include <spat/prune/surgery.hpp>

using Model = spat::PatchTST<float>;

auto prune(const Model& model, [[maybe_unused]] const spat::WindowDataset<float>& training) {
#ifdef SPAT_SHOULD_FAIL
  return spat::pruned(model, spat::ModuleMask{});
#else
  return spat::pruned(model, spat::ModuleMask{}, training);
#endif
}
