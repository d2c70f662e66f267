// Takes a spat type from a unit that may be compiled for another instruction set.
#include <spat/core/tensor.hpp>

int other(const spat::Tensor<float>& tensor);

int other(const spat::Tensor<float>& tensor) { return static_cast<int>(tensor.flat().size()); }
