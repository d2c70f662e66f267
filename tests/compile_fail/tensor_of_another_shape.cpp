// A tensor whose shape is in its type takes no tensor of another shape.
#include <spat/core/tensor.hpp>

void assign(spat::Tensor<float, 2, 3>& to) {
#ifdef SPAT_SHOULD_FAIL
  to = spat::Tensor<float, 3, 2>();
#else
  to = spat::Tensor<float, 2, 3>();
#endif
}
