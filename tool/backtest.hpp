// The options of `spat backtest`.
#pragma once

#include "data.hpp"

#include <spat/models/intervals.hpp>
#include <spat/train/backtest.hpp>
#include <spat/train/training_options.hpp>

namespace tool {

/// A backtest, independent of the model's type.
struct BacktestJob {
  RangeOptions range;
  spat::BacktestOptions options;
  spat::ConformalIntervals intervals;  // of the model's file; no levels without them
  spat::TrainingOptions training;      // of --retrain
  std::size_t threads = 1;
};

}  // namespace tool
