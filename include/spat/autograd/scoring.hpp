// autograd. What attention tells a criterion: the events of one module and one block of samples, as views.
#pragma once

#include <spat/autograd/run.hpp>
#include <spat/core/view.hpp>

namespace spat::inline SPAT_ABI {

/// Sizes and place of the module's call; H heads, Lq query rows, Lk key columns.
struct AttentionCall {
  std::size_t module = 0;        // numbered by the unpruned architecture
  std::size_t first_sample = 0;  // of this block, in the whole batch
  std::size_t samples = 0, heads = 0, query_tokens = 0, memory_tokens = 0;
  bool causal = false;
  Batch<const unsigned char> key_mask;  // [samples x Lk], 0 = hidden; empty: all are seen

  /// Whether query row i of a sample sees key j.
  [[nodiscard]] bool sees(std::size_t sample, std::size_t i, std::size_t j) const {
    return (!causal || j <= i) && (key_mask.size() == 0 || key_mask.row(sample)[j] != 0);
  }
};

/// Rows of a are (sample, head, query): [samples * H * Lq x Lk].
template <class Scalar>
struct ForwardEvent : AttentionCall {
  Batch<const Scalar> a;       // softmax output, before dropout
  Batch<const Scalar> o;       // A V, heads side by side [samples * Lq x D]
  Batch<const Scalar> input;   // of the block, [samples * Lq x D]
  Batch<const Scalar> output;  // of the branch, [samples * Lq x D]
};

/// da = dL/dA where A enters the mixing. Attention dropout is left out of both, so that a score does not carry its noise.
template <class Scalar>
struct BackwardEvent : ForwardEvent<Scalar> {
  Batch<const Scalar> da;   // as a
  Batch<const Scalar> d_o;  // dL/dO
};

}  // namespace spat
