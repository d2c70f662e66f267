// Conversions between views and Eigen matrices, with Eigen's product as an independent oracle.
#include <spat/core/eigen.hpp>
#include <spat/core/random.hpp>
#include <spat/core/tensor.hpp>
#include <spat/kernels/gemm.hpp>

#include <tests/support/catch.hpp>

namespace eigen_tests {

using namespace spat;

TEST_CASE("a view and its Eigen map share their numbers, row after row") {
  Tensor<float, dynamic, 3> tensor(2, 3);
  as_eigen(tensor.view())(1, 2) = 5;
  CHECK(tensor.view().row(1)[2] == 5);
  const EigenMatrix<double> matrix = EigenMatrix<double>::Random(4, 3);
  const auto view = as_view(matrix);
  CHECK(view.rows() == 4);
  CHECK(view.row(3)[1] == matrix(3, 1));
}

TEST_CASE("the packed product agrees with Eigen's") {
  Random random(3);
  Tensor<double> x(13, 37), weight(29, 37), y(13, 29);
  for (double& value : x.flat()) value = random.normal();
  for (double& value : weight.flat()) value = random.normal();
  kernels::PackedWeight<double> packed;
  packed.pack(weight.view());
  kernels::multiply_packed<double>(x.view(), packed, y.view(), nullptr, 0, 29);
  const EigenMatrix<double> expected = as_eigen(x.view()) * as_eigen(weight.view()).transpose();
  CHECK((as_eigen(y.view()) - expected).cwiseAbs().maxCoeff() < 1e-12);
}

}  // namespace eigen_tests
