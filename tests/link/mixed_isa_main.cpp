// Hands a spat type to a unit that may be compiled for another instruction set.
#include <spat/core/tensor.hpp>

int other(const spat::Tensor<float>& tensor);

int main() { return other(spat::Tensor<float>(2, 3)) == 6 ? 0 : 1; }
