// pipeline. The data and options of a pruning job.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/pipeline/run_description.hpp>
#include <spat/prune/schedules.hpp>
#include <spat/prune/search.hpp>

#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Test windows of another series, on which no model of the job is trained (zero-shot).
template <class Scalar>
struct OtherData {
  std::string name;
  const WindowDataset<Scalar>& test;
};

/// The windows and workers of a job. All of them must outlive it.
template <class Scalar>
struct JobData {
  const WindowDataset<Scalar>&training, &validation, &test;
  std::string name = {};  // for the report
  // for example forecasts in the data's units; no names: no forecasts
  DataDescription description = {};
  std::string scaler = {};  // for the report: which scaler it is, in words
  double filled_share = 0;  // for the report: of cells without a number
  std::vector<OtherData<Scalar>> others = {};
  Team* team = nullptr;
};

/// What a job does. The training's seed also seeds scores, statistics and searches.
struct JobOptions {
  TrainingOptions training = {};
  PruningSchedule schedule = PruningSchedule::one_shot;
  PruningOptions pruning = {};  // budget and fine-tuning
  // one_shot after train(): prunes by the scores after the best epoch, of which the weights are,
  // instead of those after the last one
  bool scores_of_best_epoch = false;
  std::optional<ModuleMask> keep = {};  // the modules to keep, instead of a budget
  bool searches = false;                // measures masks for the Pareto front of the report
  SearchOptions search = {};
  double latency_seconds = 1;                // how long latencies are measured
  std::string command = {}, criterion = {};  // for the report
  std::string budget = {};                   // for the report; empty: to_text() of the budget
  // of training states and of the report; empty: describe_run() of these options
  RunDescription run = {};
};

/// The progress callbacks of a job; members may be empty.
struct JobProgress {
  ProgressCallback training = {}, fine_tuning = {}, dense_fine_tuning = {};
};

}  // namespace spat
