// The options of `spat run` and `spat prune`, and the parts of both that do not depend on the
// model's type.
#pragma once

#include "options.hpp"

#include <spat/pipeline/job_options.hpp>
#include <spat/report/pruning_report.hpp>

namespace tool {

/// The options that both commands share: what follows once there is a dense model.
struct PruneJob {
  std::string command_line, out = "runs/spat";
  /// Also used by fine-tuning, except for epochs, patience, rate and schedule.
  spat::TrainingOptions training;
  TuneOptions tune;
  CriterionChoice criterion;
  BudgetChoice budget;
  std::vector<std::string> test_data;
  bool searches = false, quiet = false;
  std::string scores_of = "last";  // the epoch whose scores count: last or best
  std::string search_method = "automatic";
  std::size_t beam_width = spat::SearchOptions{}.beam_width;
  double latency_seconds = 1;
  std::size_t threads = 1;

  void add_to(CLI::App& command);
  /// Throws ConfigError for an option that has no effect. `model` has `modules` to remove.
  void expect_effects(const CLI::App& command, const Architecture& model,
                      std::size_t modules) const;
};

/// The options of `spat run`.
struct RunOptions : PruneJob {
  double dropout = 0.1;
  bool resume = false;
  std::size_t stop_after = 0;  // epochs; 0: when training is done
};

/// The options of `spat prune`.
struct PruneOptions : PruneJob {
  std::string model_file;
  std::size_t scoring_batches = 200;
};

/// A callback that shows progress on standard error: one line on a terminal, one line per epoch in
/// a log, nothing if quiet.
spat::ProgressCallback progress(const std::string& what, bool quiet);

/// Such callbacks for all trainings of a job.
spat::JobProgress job_progress(bool quiet);

/// Writes report.json and report.html and prints the table.
void finish(const PruneJob& job, const spat::PruningReport& report, bool wrote_dense = false);

}  // namespace tool
