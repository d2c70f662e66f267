// criteria. What a pruning criterion is: the state of one module that listens, merges and scores.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/nn/attention_events.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// A module as it stands in the model, told when scores are asked for.
template <class Scalar>
struct ModuleEvent {
  std::size_t module = 0, modules = 0;  // its number, and how many the unpruned architecture has
  ParameterList<const Scalar> weights;  // its own, by their full names
};

/// Validation losses of the model, and of the model without this module.
struct LossEvent {
  double with_module = 0, without_module = 0;
};

/// What the loss that scoring sees does with its terms (windows x steps x channels). The softmax in
/// SEND makes ranks depend on it.
enum class LossReduction { mean, sum };

namespace detail {

template <class C, class Scalar>
concept HearsForward = requires(C& c, const ForwardEvent<Scalar>& event) {
  c.on_forward(event);
};
template <class C, class Scalar>
concept HearsBlock = requires(C& c, const BlockEvent<Scalar>& event) {
  c.on_block(event);
};
template <class C, class Scalar>
concept HearsBackward = requires(C& c, const BackwardEvent<Scalar>& event) {
  c.on_backward(event);
};
template <class C, class Scalar>
concept HearsTile = requires(C& c, const TileEvent<Scalar>& event) {
  c.on_tile(event);
};
template <class C, class Scalar>
concept HearsModule = requires(C& c, const ModuleEvent<Scalar>& event) {
  c.on_module(event);
};
template <class C>
concept HearsLoss = requires(C& c, const LossEvent& event) {
  c.on_loss(event);
};

/// Criteria of a kind chosen at run time say themselves what they need.
template <class Scalar, class C>
[[nodiscard]] bool needs_gradients([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.needs_gradients(); })
    return criterion.needs_gradients();
  else
    return HearsBackward<C, Scalar> || HearsTile<C, Scalar>;
}
template <class C>
[[nodiscard]] bool needs_losses([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.needs_losses(); })
    return criterion.needs_losses();
  else
    return HearsLoss<C>;
}

}  // namespace detail

/// It hears, as it likes, of
///
///     on_forward, on_block       a block of samples in a forward pass (nn/attention_events.hpp)
///     on_backward, on_tile       the same in backward; tiles of different heads may come at the
///     same time on_module                  the module's weights and place            (a criterion
///     without data) on_loss                    the validation loss without the module
///     (leave-one-out)
///
/// Blocks of samples come in order. merge() takes over what another place has heard in the same
/// step, in the order of places; then end_step() is called once a step and end_epoch() once an
/// epoch. step_score(), where a criterion has it, is what the last step alone gave. A higher score
/// means: keep. The criterion knows nothing of budgets or surgery.
template <class C, class Scalar>
concept Criterion = std::copyable<C> &&
    (detail::HearsForward<C, Scalar> || detail::HearsBlock<C, Scalar> ||
     detail::HearsBackward<C, Scalar> || detail::HearsTile<C, Scalar> ||
     detail::HearsModule<C, Scalar> ||
     detail::HearsLoss<C>)&&requires(C& c, const C& seen, C& other,
                                     const std::vector<double>& numbers) {
  c.merge(other);
  c.end_step();
  c.end_epoch();
  { seen.score() } -> std::convertible_to<double>;
  { seen.state() } -> std::convertible_to<std::vector<double>>;
  c.restore(numbers);
};

}  // namespace spat
