// A user's program: one include, nothing to link by hand.
#include <spat/spat.hpp>

#include <cstdio>

int main() {
  const spat::Tensor<float> tensor(2, 3);
  std::printf("spat %s for %s, %zu numbers\n", SPAT_VERSION, spat::instruction_set,
              tensor.flat().size());
  return tensor.flat().size() == 6 ? 0 : 1;
}
