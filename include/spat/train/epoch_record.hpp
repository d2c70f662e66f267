// train. The record of an epoch, and the progress of a training.
#pragma once

#include <spat/core/abi.hpp>

#include <cstddef>
#include <functional>

namespace spat::inline SPAT_ABI {

/// The record of one epoch. Epochs count from 1. Errors are those of the validation windows;
/// validation_loss is by the loss of the training, and decides which epoch is best.
struct EpochRecord {
  std::size_t epoch = 0;
  double rate = 0;  // of its last step
  double training_loss = 0, validation_loss = 0, validation_mse = 0, validation_mae = 0,
         seconds = 0;
  bool best = false;
};

/// The progress of a training. The callback receives it after each step, and after each epoch with
/// `finished` set.
struct Progress {
  std::size_t epoch = 0, epochs = 0, step = 0, steps = 0;  // steps of this epoch
  double loss = 0;                                         // mean over this epoch's steps so far
  double seconds = 0,                                      // since run_epoch() began
      seconds_left = 0;                                    // to the end of all epochs at this pace
  const EpochRecord* finished = nullptr;
};
/// A function that receives the progress; may be empty.
using ProgressCallback = std::function<void(const Progress&)>;

}  // namespace spat
