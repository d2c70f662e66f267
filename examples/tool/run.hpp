// What `spat run` was asked to do, and the parts of it that do not depend on the model's type.
#pragma once

#include "architecture.hpp"

#include <spat/prune/budget.hpp>
#include <spat/prune/criteria/send.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/train/trainer.hpp>

namespace tool {

struct RunOptions {
  DataOptions data;
  std::string command_line, model = "itransformer", out = "runs/spat", features = "M", schedule = "type1",
                            variant = "signed_sum", dynamics = "step_average";
  std::vector<Setting> settings;  // of the model's configuration
  double dropout = 0.1;
  spat::TrainingOptions training;
  std::size_t threads = 1;
  std::optional<std::size_t> drop;
  std::optional<double> drop_ratio, drop_below;
  std::optional<std::string> keep;
  std::size_t fine_tune_epochs = 3;
  double fine_tune_rate = 0;  // 0: an eighth of the training's
  double latency_seconds = 1;
  bool resume = false, quiet = false;
  std::size_t stop_after = 0;  // epochs; 0: not before training is done
};

/// Progress on standard error: one line on a terminal, a line an epoch in a log, none when quiet.
spat::ProgressCallback progress(const std::string& what, bool quiet);

spat::SendOptions send_options(const RunOptions& options);

/// Which modules go: those not in `kept`, or what the budget takes once there are scores.
struct Pruning {
  std::optional<spat::ModuleMask<>> kept;
  spat::Budget budget;
};
/// What is asked of a model with so many modules. Throws ConfigError for what cannot be: that is said before an hour of
/// training, not after.
Pruning pruning_of(const RunOptions& options, const Architecture& architecture, std::size_t modules,
                   spat::ModuleMask<> guard);

/// Throws FileError if the output folder cannot be made.
void make_folder(const RunOptions& options);
/// Writes report.json and prints the table.
void finish(const RunOptions& options, const spat::PruningReport& report);

}  // namespace tool
