// kernels. A matrix inside a larger one: rows with a stride, as the heads of an attention lie in
// [tokens x width].
#pragma once

#include <spat/core/view.hpp>

namespace spat::inline SPAT_ABI {
namespace kernels {

/// A view of [rows x cols] numbers whose rows lie `stride` numbers apart.
template <class Scalar>
struct Strided {
  Scalar* data = nullptr;
  std::size_t rows = 0, cols = 0, stride = 0;

  Strided() = default;
  Strided(Scalar* first, std::size_t row_count, std::size_t col_count, std::size_t row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {}
  template <class From, std::size_t RowCount, std::size_t ColCount>
    requires(std::is_convertible_v<From (*)[], Scalar (*)[]>)
  Strided(View<From, RowCount, ColCount> view)
      : Strided(view.data(), view.rows(), view.cols(), view.cols()) {}
  template <class From>
    requires(std::is_convertible_v<From (*)[], Scalar (*)[]> && !std::is_same_v<From, Scalar>)
  Strided(const Strided<From>& from) : Strided(from.data, from.rows, from.cols, from.stride) {}

  [[nodiscard]] Scalar* row(std::size_t i) const { return data + i * stride; }
  /// The part [row_count x col_count] that starts at row `top` and column `left`.
  [[nodiscard]] Strided part(std::size_t top, std::size_t row_count, std::size_t left,
                             std::size_t col_count) const {
    assert(top + row_count <= rows && left + col_count <= cols);
    return {data + top * stride + left, row_count, col_count, stride};
  }
};

}  // namespace kernels
}  // namespace spat
