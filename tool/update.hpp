// The options of `spat update`.
#pragma once

#include "data.hpp"

#include <spat/train/metrics.hpp>
#include <spat/train/training_options.hpp>

namespace tool {

struct UpdateOptions {
  std::string model, out, scaler = "automatic";
  spat::TrainingOptions training;
  std::size_t threads = 1;
  bool quiet = false;

  /// The options of the training: few epochs at a low, constant rate.
  void add_training_to(CLI::App& command);
};

/// The errors of a model before and after an update.
struct UpdateErrors {
  spat::Metrics validation_before, validation_after, test_before, test_after;
};
/// Prints what an update changed, beside the naive forecast.
void print_update(const Data& data, const UpdateErrors& errors);

}  // namespace tool
