// prune. What a pruning criterion is: the state of one module that listens, merges and scores.
#pragma once

#include <spat/autograd/scoring.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// It hears, as it likes, of on_forward, on_backward and on_tile (see autograd/scoring.hpp; tiles of different heads may come
/// at the same time), of blocks of samples in order. merge() takes over what another place has heard in the same step, in the
/// order of places; then end_step() is called once a step and end_epoch() once an epoch. A higher score means: keep. The
/// criterion knows nothing of budgets or surgery.
template <class C, class Scalar>
concept Criterion = std::copyable<C> &&(
                        requires(C& c, const ForwardEvent<Scalar>& event) { c.on_forward(event); } ||
                        requires(C & c, const BackwardEvent<Scalar>& event) { c.on_backward(event); } ||
                        requires(C & c, const TileEvent<Scalar>& event) { c.on_tile(event); }) &&
                    requires(C& c, const C& seen, C& other, const std::vector<double>& numbers) {
  c.merge(other);
  c.end_step();
  c.end_epoch();
  { seen.score() } -> std::convertible_to<double>;
  { seen.state() } -> std::convertible_to<std::vector<double>>;
  c.restore(numbers);
};

}  // namespace spat
