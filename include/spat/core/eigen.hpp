// core. Conversions between views and Eigen matrices, without a copy. Not part of spat.hpp: include
// it where you need it.
#pragma once

#include <spat/core/view.hpp>

#include <Eigen/Core>

namespace spat::inline SPAT_ABI {

/// The Eigen matrix type of a view: row-major, as spat stores numbers. Static extents stay static.
template <class Scalar, std::size_t RowCount = dynamic, std::size_t ColCount = dynamic>
using EigenMatrix = Eigen::Matrix<std::remove_const_t<Scalar>,
                                  RowCount == dynamic ? Eigen::Dynamic : static_cast<int>(RowCount),
                                  ColCount == dynamic ? Eigen::Dynamic : static_cast<int>(ColCount),
                                  ColCount == 1 ? 0 : Eigen::RowMajor>;

/// The view's numbers as an Eigen matrix [rows x cols]; writable if the view is.
template <class Scalar, std::size_t RowCount, std::size_t ColCount>
[[nodiscard]] auto as_eigen(View<Scalar, RowCount, ColCount> view) {
  using Matrix = EigenMatrix<Scalar, RowCount, ColCount>;
  using Map = Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const Matrix, Matrix>>;
  return Map(view.data(), static_cast<Eigen::Index>(view.rows()),
             static_cast<Eigen::Index>(view.cols()));
}

/// A row-major Eigen matrix as a view. The matrix must outlive the view. Copy matrices of other
/// layouts into an EigenMatrix first.
template <class Derived>
  requires(bool(Derived::IsRowMajor))
[[nodiscard]] Rows<const typename Derived::Scalar> as_view(
    const Eigen::PlainObjectBase<Derived>& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.rows()),
          static_cast<std::size_t>(matrix.cols())};
}

}  // namespace spat
