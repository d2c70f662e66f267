// autograd. The contract of a layer: a value that consists of its parameters, with forward and
// backward side by side.
#pragma once

#include <spat/autograd/caches.hpp>
#include <spat/autograd/parameters.hpp>
#include <spat/autograd/pass.hpp>
#include <spat/core/arena.hpp>
#include <spat/core/slot.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// What differentiation requires of a layer with one input.
///
/// forward and the backward functions are const. What they leave for each other lives in the
/// caller's Cache, laid out on an arena. backward_input returns dx. backward_weights *adds* to
/// `gradients`, a second object of the layer's own type. It may be called later, for several
/// micro-batches (Caches converts from one cache), and may be split over workers by a Share. Every
/// x and dy that a layer received must therefore stay unchanged until then.
template <class L, class X = Rows<const typename L::Value>>
concept Layer = requires(const L& layer, const Pass& pass, X x, typename L::Cache& cache,
                         L& gradients, Share& share, ParameterCollector<typename L::Value>& list) {
  {layer.forward(pass, x, cache)};
  {layer.backward_input(pass, layer.forward(pass, x, cache), cache)};
  layer.backward_weights(pass, cache, gradients, share);
  L::for_each(gradients, std::string{}, list);
};

/// Both halves of backward for one micro-batch. Returns dx.
template <class L, class PassType, class Dy>
auto backward(const L& layer, const PassType& pass, Dy dy, typename L::Cache& cache, L& gradients) {
  const auto dx = layer.backward_input(pass, dy, cache);
  Share all;
  layer.backward_weights(pass, cache, gradients, all);
  return dx;
}

/// backward_weights of the layer in a slot, if it is kept; `caches` are slots, too.
template <class Layer, class Cache>
void backward_weights_if_kept(const Layer& slot, const Pass& pass, Caches<Cache> caches,
                              Layer& gradients, Share& share) {
  if_kept(
      [&](const auto& layer, auto& gradient) {
        const auto part = [](Cache & cache) -> auto& { return part_of(cache); };
        layer.backward_weights(pass, caches.of(part), gradient, share);
      },
      slot, gradients);
}

}  // namespace spat
