// What `spat run` and `spat prune` were asked to do, and the parts of it that do not depend on the
// model's type.
#pragma once

#include "options.hpp"

#include <spat/pipeline/job_options.hpp>
#include <spat/report/pruning_report.hpp>

namespace tool {

/// What both commands do once there is a dense model.
struct PruneJob {
  std::string command_line, out = "runs/spat";
  spat::TrainingOptions
      training;  // of fine-tuning everything but epochs, patience, rate and schedule
  TuneOptions tune;
  CriterionChoice criterion;
  BudgetChoice budget;
  std::vector<std::string> test_data;
  bool searches = false, quiet = false;
  std::string search_method = "automatic";
  std::size_t beam_width = spat::SearchOptions{}.beam_width;
  double latency_seconds = 1;
  std::size_t threads = 1;

  void add_to(CLI::App& command);
};

struct RunOptions : PruneJob {
  std::string about_data;  // metadata "spat.data" of the model files
  double dropout = 0.1;
  bool resume = false;
  std::size_t stop_after = 0;  // epochs; 0: not before training is done
};

struct PruneOptions : PruneJob {
  std::string model_file;
  std::size_t scoring_batches = 200;
};

/// Progress on standard error: one line on a terminal, a line an epoch in a log, none when quiet.
spat::ProgressCallback progress(const std::string& what, bool quiet);

/// The same for all that a job trains.
spat::JobProgress job_progress(bool quiet);

/// Writes report.json and report.html and prints the table.
void finish(const PruneJob& job, const spat::PruningReport& report, bool wrote_dense = false);

}  // namespace tool
