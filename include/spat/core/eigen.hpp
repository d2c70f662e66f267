// core. Eigen at the door: spat's views as Eigen matrices and back, without a copy. Not in
// spat.hpp: include it where needed.
#pragma once

#include <spat/core/view.hpp>

#include <Eigen/Core>

namespace spat::inline SPAT_ABI {

/// Row-major, as spat stores; static extents stay static.
template <class Scalar, std::size_t RowCount = dynamic, std::size_t ColCount = dynamic>
using EigenMatrix = Eigen::Matrix<std::remove_const_t<Scalar>,
                                  RowCount == dynamic ? Eigen::Dynamic : static_cast<int>(RowCount),
                                  ColCount == dynamic ? Eigen::Dynamic : static_cast<int>(ColCount),
                                  ColCount == 1 ? 0 : Eigen::RowMajor>;

/// The view's numbers as an Eigen matrix [rows x cols]; writable where the view is.
template <class Scalar, std::size_t RowCount, std::size_t ColCount>
[[nodiscard]] auto as_eigen(View<Scalar, RowCount, ColCount> view) {
  using Matrix = EigenMatrix<Scalar, RowCount, ColCount>;
  using Map = Eigen::Map<std::conditional_t<std::is_const_v<Scalar>, const Matrix, Matrix>>;
  return Map(view.data(), static_cast<Eigen::Index>(view.rows()),
             static_cast<Eigen::Index>(view.cols()));
}

/// A row-major Eigen matrix as a view; it must outlive the view. For other layouts copy into an
/// EigenMatrix first.
template <class Derived>
  requires(bool(Derived::IsRowMajor))
[[nodiscard]] Rows<const typename Derived::Scalar> as_view(
    const Eigen::PlainObjectBase<Derived>& matrix) {
  return {matrix.data(), static_cast<std::size_t>(matrix.rows()),
          static_cast<std::size_t>(matrix.cols())};
}

}  // namespace spat
