// nn. The events that attention reports to a listener: views of one module's call for one
// micro-batch.
#pragma once

#include <spat/autograd/pass.hpp>
#include <spat/core/view.hpp>
#include <spat/kernels/strided.hpp>

namespace spat::inline SPAT_ABI {

/// Sizes and position of a module's call, shared by the events below: H heads, Lq query rows, Lk
/// key columns.
struct AttentionCall {
  std::size_t module = 0;  // numbered by the unpruned architecture
  std::size_t part = 0;  // index in a module of several attentions; 0: its output leaves the module
  std::size_t first_sample = 0;   // of this micro-batch, in the whole batch
  std::size_t batch_samples = 1;  // of the whole batch
  std::size_t loss_terms = 1;     // number of terms whose mean is the loss
  std::size_t samples = 0, heads = 0, query_tokens = 0, memory_tokens = 0;
  bool causal = false;
  Rows<const unsigned char> key_mask;  // [samples x Lk], 0 = hidden; empty: all are seen

  /// Whether query row i of a sample sees key j.
  [[nodiscard]] bool sees(std::size_t sample, std::size_t i, std::size_t j) const {
    return (!causal || j <= i) && (key_mask.size() == 0 || key_mask.row(sample)[j] != 0);
  }
};

/// Reported at the end of a module's forward.
template <class Scalar>
struct ForwardEvent : AttentionCall {
  Rows<const Scalar> o;       // A V, heads side by side [samples * Lq x D]
  Rows<const Scalar> input;   // the query tokens, [samples * Lq x D]
  Rows<const Scalar> output;  // of the branch, [samples * Lq x D]
};

/// Reported at the end of the forward of the network block that holds a module: the block's input
/// and output tokens, [rows x D] both. A block of several modules reports one event per module,
/// except for modules that LayerDrop leaves out of the step.
template <class Scalar>
struct BlockEvent {
  static constexpr std::size_t part = 0;  // a block is reported once, not per attention
  std::size_t module = 0;
  Rows<const Scalar> input, output;
};

/// Reports a network block that holds `modules` modules. `pass` is the pass at the first of them.
template <class Scalar, class PassType>
void report_block([[maybe_unused]] const PassType& pass, [[maybe_unused]] std::size_t modules,
                  [[maybe_unused]] std::type_identity_t<Rows<const Scalar>> input,
                  [[maybe_unused]] std::type_identity_t<Rows<const Scalar>> output) {
  if constexpr (reports<PassType, BlockEvent<Scalar>>)
    for (std::size_t i = pass.module; i < pass.module + modules; ++i)
      if (!pass.at(i).skips_module()) pass.listener.hear(BlockEvent<Scalar>{i, input, output});
}

/// Reported in a module's backward, before its tiles. It repeats the members of ForwardEvent but
/// does not derive from it: a criterion of forward passes must not receive it.
template <class Scalar>
struct BackwardEvent : AttentionCall {
  Rows<const Scalar> o, input, output;  // as in ForwardEvent
  Rows<const Scalar> d_o;               // dL/dO, as o
};

/// Reported in a module's backward: probabilities and slopes of some neighbouring queries of one
/// sample and head, while they are in the cache. They are transposed: row j is key j, column i is
/// query first_query + i; keys after the last row are hidden from all of them. da = dL/dA where A
/// enters the mixing. Attention dropout is left out of both, so that a score does not carry its
/// noise.
///
/// The tiles of one head come in the order of samples and queries; those of other heads may come at
/// the same time.
template <class Scalar>
struct TileEvent {
  std::size_t module = 0, part = 0;                   // as in the module's AttentionCall
  std::size_t sample = 0, head = 0, first_query = 0;  // the sample counts from the call's first
  kernels::Strided<const Scalar> a, da;
};

}  // namespace spat
