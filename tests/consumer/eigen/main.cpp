// A user's program that goes through the door to Eigen.
#include <spat/core/eigen.hpp>
#include <spat/core/tensor.hpp>

int main() {
  const spat::Tensor<float> tensor(2, 3);
  return spat::as_eigen(tensor.view()).size() == 6 ? 0 : 1;
}
