// One of two units that include everything and must link.
#include <spat/spat.hpp>

int other(const spat::Tensor<float>& tensor);

int main() { return other(spat::Tensor<float>(2, 3)) == 6 ? 0 : 1; }
