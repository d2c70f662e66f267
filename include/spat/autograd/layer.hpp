// autograd. The contract of a layer: a value that is its parameters, with forward and backward side by side.
#pragma once

#include <spat/autograd/blocks.hpp>
#include <spat/autograd/parameters.hpp>
#include <spat/autograd/run.hpp>
#include <spat/core/arena.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// What differentiation asks of a layer with one input.
///
/// forward and the backwards are const; what they leave for each other lives in the caller's Cache, laid out on an arena.
/// backward_input returns dx; backward_weights *adds* to `gradients`, a second object of the layer's own type, and may run
/// later, for several blocks of samples (Blocks converts from one cache) and cut over workers by a Share: every x and dy a
/// layer was given stays unchanged until then.
template <class L, class X = Batch<const typename L::Value>>
concept Layer = requires(const L& layer, const Run& run, X x, typename L::Cache& cache, L& gradients, Share& share,
                         ParameterCollector<typename L::Value>& list) {
  {layer.forward(run, x, cache)};
  {layer.backward_input(run, layer.forward(run, x, cache), cache)};
  layer.backward_weights(run, cache, gradients, share);
  L::for_each(gradients, std::string{}, list);
};

/// Both halves of backward at once.
template <class L, class RunType, class Dy>
auto backward(const L& layer, const RunType& run, Dy dy, typename L::Cache& cache, L& gradients) {
  const auto dx = layer.backward_input(run, dy, cache);
  Share all;
  layer.backward_weights(run, cache, gradients, all);
  return dx;
}

/// Refreshes what a layer derives from its weights (packed forms; for training also those of backward). Call after a load or
/// a conversion; the optimizer refreshes what it changes.
template <class L>
void pack(L& layer, Purpose purpose = Purpose::inference) {
  if constexpr (requires { layer.pack(purpose); })
    layer.pack(purpose);
  else if constexpr (requires { layer.pack(); })
    layer.pack();
}

}  // namespace spat
