// core. Row-major views that do not own their numbers: [rows x cols], each extent static or
// dynamic.
#pragma once

#include <spat/core/extent.hpp>

#include <type_traits>

namespace spat::inline SPAT_ABI {

/// A view of [rows x cols] numbers, row after row without gaps. Copying copies the view, not the
/// numbers.
template <class Scalar, std::size_t RowCount, std::size_t ColCount>
class View {
 public:
  using Value = std::remove_const_t<Scalar>;

  constexpr View() = default;
  constexpr View(Scalar* data, std::size_t rows, std::size_t cols)
      : data_(data), rows_(rows), cols_(cols) {}

  /// Converts to a read-only view, and from static to dynamic extents. Converting a dynamic extent
  /// to a static one asserts that they are equal.
  template <class From, std::size_t FromRowCount, std::size_t FromColCount>
    requires(std::is_convertible_v<From (*)[], Scalar (*)[]>)
  constexpr View(View<From, FromRowCount, FromColCount> from)
      : View(from.data(), from.rows(), from.cols()) {}

  [[nodiscard]] constexpr Scalar* data() const { return data_; }
  [[nodiscard]] constexpr std::size_t rows() const { return rows_.get(); }
  [[nodiscard]] constexpr std::size_t cols() const { return cols_.get(); }
  [[nodiscard]] constexpr std::size_t size() const { return rows() * cols(); }
  [[nodiscard]] constexpr Scalar* row(std::size_t i) const { return data_ + i * cols(); }
  [[nodiscard]] constexpr std::span<Scalar> flat() const { return {data_, size()}; }

  /// Rows [first, first + count).
  [[nodiscard]] constexpr View<Scalar, dynamic, ColCount> middle_rows(std::size_t first,
                                                                      std::size_t count) const {
    assert(first + count <= rows());
    return {row(first), count, cols()};
  }

 private:
  Scalar* data_ = nullptr;
  [[no_unique_address]] Extent<RowCount> rows_;
  [[no_unique_address]] Extent<ColCount> cols_;
};

/// Activations: rows belong to the batch, columns to the model.
template <class Scalar, std::size_t ColCount = dynamic>
using Rows = View<Scalar, dynamic, ColCount>;

}  // namespace spat
