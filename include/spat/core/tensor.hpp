// core. An owning matrix: extents in the type or in members, numbers always on the heap.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/core/view.hpp>

namespace spat::inline SPAT_ABI {

/// A matrix [rows x cols], row-major, zero at construction.
///
/// Only the handle lies inline, so a static model of 20 MB can be returned by value and held in a
/// std::variant.
template <class Scalar, std::size_t RowCount = dynamic, std::size_t ColCount = dynamic>
class Tensor {
 public:
  using Value = Scalar;

  Tensor() : Tensor(RowCount == dynamic ? 0 : RowCount, ColCount == dynamic ? 0 : ColCount) {}
  Tensor(std::size_t rows, std::size_t cols) : rows_(rows), cols_(cols), values_(rows * cols) {}

  [[nodiscard]] std::size_t rows() const { return rows_.get(); }
  [[nodiscard]] std::size_t cols() const { return cols_.get(); }
  [[nodiscard]] View<Scalar, RowCount, ColCount> view() { return {values_.data(), rows(), cols()}; }
  [[nodiscard]] View<const Scalar, RowCount, ColCount> view() const {
    return {values_.data(), rows(), cols()};
  }
  [[nodiscard]] Scalar* data() { return values_.data(); }
  [[nodiscard]] const Scalar* data() const { return values_.data(); }
  [[nodiscard]] std::span<Scalar> flat() { return values_; }
  [[nodiscard]] std::span<const Scalar> flat() const { return values_; }

  /// Frees the numbers and keeps the extents. Only for an owner that holds them in another form.
  void release() { AlignedBuffer<Scalar>().swap(values_); }

 private:
  [[no_unique_address]] Extent<RowCount> rows_;
  [[no_unique_address]] Extent<ColCount> cols_;
  AlignedBuffer<Scalar> values_;
};

}  // namespace spat
