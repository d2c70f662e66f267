// train. The target of a loss, in which filled cells have no error.
#pragma once

#include <spat/core/aligned_buffer.hpp>
#include <spat/data/window_batch.hpp>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The target with the forecast in the place of filled cells, where a loss is then that of an error
/// of 0; the target itself without such cells. It may lie in `buffer`.
template <class Scalar>
[[nodiscard]] Rows<const Scalar> counted_target(const WindowBatch<Scalar>& batch,
                                                Rows<const Scalar> forecast,
                                                AlignedBuffer<Scalar>& buffer) {
  if (batch.filled.rows() == 0) return batch.target;
  buffer.resize(batch.target.size());
  for (std::size_t i = 0; i < buffer.size(); ++i)
    buffer[i] = batch.counts(i) ? batch.target.data()[i] : forecast.data()[i];
  return {buffer.data(), batch.target.rows(), batch.target.cols()};
}

}  // namespace detail

}  // namespace spat
