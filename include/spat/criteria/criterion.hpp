// criteria. The interface of a pruning criterion: the state of one module, which receives events,
// merges and scores.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/criteria/options.hpp>
#include <spat/criteria/score_average.hpp>
#include <spat/nn/attention_events.hpp>

#include <cmath>
#include <concepts>

namespace spat::inline SPAT_ABI {

/// A module of the model, reported when scores are requested.
template <class Scalar>
struct ModuleEvent {
  /// Its number, and the number of modules of the unpruned architecture.
  std::size_t module = 0, modules = 0;
  ParameterList<const Scalar> weights;  // its own parameters, by their full names
};

/// Validation losses of the model with and without this module.
struct LossEvent {
  double with_module = 0, without_module = 0;
};

namespace detail {

/// Whether a criterion type receives events of passes through the model.
template <class C, class Scalar>
concept HearsPasses = Hears<C, ForwardEvent<Scalar>> || Hears<C, BlockEvent<Scalar>> ||
    Hears<C, BackwardEvent<Scalar>> || Hears<C, TileEvent<Scalar>>;
/// Whether a criterion type receives events at all.
template <class C, class Scalar>
concept HearsAny = HearsPasses<C, Scalar> || Hears<C, ModuleEvent<Scalar>> || Hears<C, LossEvent>;

}  // namespace detail

/// The state of one module, from which its score follows. A higher score means: keep the module. A
/// criterion does not depend on budgets or surgery. Its members, in the order of their calls:
///
///     hear(event)      one overload per event type that the criterion uses, of
///                        ForwardEvent, BlockEvent      one micro-batch in forward
///                        BackwardEvent, TileEvent      one micro-batch in backward; tiles of
///                                                      different heads may come at the same time
///                        ModuleEvent                   the module's weights and position
///                        LossEvent                     the validation loss without the module
///     merge(other)     adds what another copy received in the same step; resets `other`
///     end_step(team)   once per step, after the merges; the team (or nullptr) may share its work
///     end_epoch()      once per epoch
///     score()          NaN before the first event
///     state(), restore(numbers)   for a training checkpoint, between epochs
///
/// Micro-batches come in their order in the batch, and merges in the order of the copies. Three
/// more members are optional: step_score(), the number of the last step alone (NaN if the module
/// was skipped); estimator(), the StepEstimator that makes the score of these numbers (without one,
/// the plain mean); and bound(), the largest possible score (0 if unknown).
template <class C, class Scalar>
concept Criterion = std::copyable<C> && detail::HearsAny<C, Scalar> &&
    requires(C& c, const C& seen, C& other, Team* team, const std::vector<double>& numbers) {
  c.merge(other);
  c.end_step(team);
  c.end_epoch();
  { seen.score() } -> std::convertible_to<double>;
  { seen.state() } -> std::convertible_to<std::vector<double>>;
  c.restore(numbers);
};

namespace detail {

/// Whether a criterion type receives events of backward passes.
template <class C, class Scalar>
inline constexpr bool hears_gradients =
    Hears<C, BackwardEvent<Scalar>> || Hears<C, TileEvent<Scalar>>;

/// Whether a criterion needs backward passes. A criterion that is chosen at run time (AnyCriterion)
/// answers for the one inside.
template <class Scalar, class C>
[[nodiscard]] bool needs_gradients([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.needs_gradients(); })
    return criterion.needs_gradients();
  else
    return hears_gradients<C, Scalar>;
}
/// Whether a criterion needs the validation loss without each module.
template <class C>
[[nodiscard]] bool needs_losses([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.needs_losses(); })
    return criterion.needs_losses();
  else
    return Hears<C, LossEvent>;
}

/// Whether a criterion's score comes from passes through the model, not from weights or losses. A
/// criterion that is chosen at run time answers for the one inside.
template <class Scalar, class C>
[[nodiscard]] bool hears_passes([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.hears_passes(); })
    return criterion.hears_passes();
  else
    return HearsPasses<C, Scalar>;
}

/// Whether a criterion's score is computed from the module itself when scores are requested.
template <class Scalar, class C>
[[nodiscard]] bool hears_modules([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.hears_modules(); })
    return criterion.hears_modules();
  else
    return Hears<C, ModuleEvent<Scalar>>;
}

/// Whether a criterion type has a score per step.
template <class C>
concept ScoresSteps = requires(const C& criterion) {
  criterion.step_score();
};
/// The score of the last step alone; NaN if the criterion has none.
template <class C>
[[nodiscard]] double step_score([[maybe_unused]] const C& criterion) {
  if constexpr (ScoresSteps<C>)
    return criterion.step_score();
  else
    return std::nan("");
}
/// How the numbers of the steps become the criterion's score.
template <class C>
[[nodiscard]] StepEstimator estimator([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.estimator(); })
    return criterion.estimator();
  else
    return {};
}
/// The largest possible score; 0 if the criterion has no bound.
template <class C>
[[nodiscard]] double bound([[maybe_unused]] const C& criterion) {
  if constexpr (requires { criterion.bound(); })
    return criterion.bound();
  else
    return 0;
}

}  // namespace detail

}  // namespace spat
