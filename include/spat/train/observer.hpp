// train. Observers of a training.
#pragma once

#include <spat/autograd/microbatch_plan.hpp>
#include <spat/core/team.hpp>
#include <spat/train/epoch_record.hpp>

#include <concepts>

namespace spat::inline SPAT_ABI {

/// An observer that receives nothing.
struct NoObserver {};

/// Whether an observer listens to the layers: listener(i), i < MicrobatchPlan::most_at_once, is
/// notified of the events of one micro-batch at a time, in order. Merging them is up to the
/// observer.
template <class O>
concept Listening = requires(O& observer) {
  observer.listener(std::size_t{});
};

/// What a Trainer notifies: an observer has any of
///
///     listener(i)              see Listening
///     begin_epoch(steps)       before an epoch's first step, with the number of its steps
///     end_step(team)           after the gradients of a step; or end_step()
///     end_epoch(record)        after an epoch's validation, with its EpochRecord
///     end_epoch()              after an epoch's last step, before its validation
///
/// or is NoObserver. One that belongs to a model also has expect_model(model), which throws
/// ConfigError if that is another one.
template <class O>
concept TrainingObserver = std::same_as<O, NoObserver> || Listening<O> || requires(O& observer) {
  observer.end_step();
} || requires(O& observer, Team* team) {
  observer.end_step(team);
} || requires(O& observer) {
  observer.end_epoch();
} || requires(O& observer, const EpochRecord& record) {
  observer.end_epoch(record);
};

}  // namespace spat
