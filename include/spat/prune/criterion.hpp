// prune. What a pruning criterion is: the state of one module that listens, merges and scores.
#pragma once

#include <spat/autograd/scoring.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// on_forward and on_backward are both optional, but one is needed; merge() is called in block order, then end_step() once a
/// step and end_epoch() once an epoch. A higher score means: keep. The criterion knows nothing of budgets or surgery.
template <class C, class Scalar>
concept Criterion = std::copyable<C> &&(
                        requires(C& c, const ForwardEvent<Scalar>& event) { c.on_forward(event); } ||
                        requires(C & c, const BackwardEvent<Scalar>& event) { c.on_backward(event); }) &&
                    requires(C& c, const C& seen, C& other, const std::vector<double>& numbers) {
  c.merge(other);
  c.end_step();
  c.end_epoch();
  { seen.score() } -> std::convertible_to<double>;
  { seen.state() } -> std::convertible_to<std::vector<double>>;
  c.restore(numbers);
};

}  // namespace spat
