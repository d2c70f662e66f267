// The other of two units that include everything and must link; this one comes after <windows.h>.
#include <tests/support/windows_macros.hpp>

#include <spat/spat.hpp>

int other(const spat::Tensor<float>& tensor);

int other(const spat::Tensor<float>& tensor) { return static_cast<int>(tensor.flat().size()); }
