// train. The options of a training.
#pragma once

#include <spat/core/error.hpp>
#include <spat/core/stop.hpp>
#include <spat/train/loss.hpp>
#include <spat/train/optimizer.hpp>
#include <spat/train/schedule.hpp>
#include <spat/train/weight_average.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace spat::inline SPAT_ABI {

/// The options of a training. Defaults are those of the reference (Time-Series-Library): Adam,
/// type1, batches of 32, patience 3.
struct TrainingOptions {
  std::size_t epochs = 10, batch_size = 32, patience = 3;
  double rate = 1e-4;
  RateSchedule schedule = RateSchedule::type1;
  std::uint64_t seed = 1;
  double clip_norm = 0;    // largest norm of the whole gradient; 0: no clipping
  bool drop_last = false;  // leaves out the epoch's last batch if it is short
  OptimizerOptions optimizer = {};
  LossOptions loss = {};
  double layer_drop = 0;            // probability that a step skips an attention module (LayerDrop)
  AveragingOptions averaging = {};  // validation and the final model use the averages
  double distillation = 0;          // weight of the teacher's forecast; see Trainer::set_teacher
  StopToken stop = {};              // ends the training between two steps: see Cancelled

  /// Throws ConfigError with the rule that is violated.
  void check() const {
    const auto rule = [](bool holds, const char* text) {
      if (!holds) throw ConfigError(text);
    };
    rule(epochs > 0, "epochs must be at least 1");
    rule(batch_size > 0, "the batch size must be at least 1");
    rule(rate > 0 && std::isfinite(rate), "the learning rate must be positive and finite");
    rule(optimizer.beta1 >= 0 && optimizer.beta1 < 1 && optimizer.beta2 >= 0 && optimizer.beta2 < 1,
         "the decay rates of Adam's moments must lie in [0, 1)");
    rule(optimizer.epsilon > 0, "the epsilon of Adam must be positive");
    rule(optimizer.weight_decay >= 0 && std::isfinite(optimizer.weight_decay),
         "the weight decay must not be negative");
    rule(optimizer.momentum >= 0 && optimizer.momentum < 1, "the momentum must lie in [0, 1)");
    loss.check();
    rule(distillation == 0 || loss.rule == LossRule::mse,
         "distillation blends targets, which is right for the loss mse alone");
    rule(clip_norm >= 0, "the clipping norm must not be negative");
    rule(layer_drop >= 0 && layer_drop < 1, "the probability of LayerDrop must lie in [0, 1)");
    rule(distillation >= 0 && distillation <= 1, "the share of the teacher must lie in [0, 1]");
    rule(averaging.decay >= 0 && averaging.decay < 1,
         "the decay of averaged weights must lie in [0, 1)");
  }
};

}  // namespace spat
