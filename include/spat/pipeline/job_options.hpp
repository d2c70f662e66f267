// pipeline. What a pruning job is given: its data, and what it is asked to do.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/prune/schedules.hpp>
#include <spat/prune/search.hpp>

#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// Test windows of another series, which no model of the job is trained on (zero-shot).
template <class Scalar>
struct OtherData {
  std::string name;
  const WindowDataset<Scalar>& test;
};

/// The windows and workers of a job; all of them must outlive it.
template <class Scalar>
struct JobData {
  const WindowDataset<Scalar>&training, &validation, &test;
  std::string name = {};             // for the report
  DataDescription description = {};  // for example forecasts in its units; none without names
  std::vector<OtherData<Scalar>> others = {};
  Team* team = nullptr;
};

/// What a job does. Seeds of scores, statistics and searches are the training's.
struct JobOptions {
  TrainingOptions training = {};
  PruningSchedule schedule = PruningSchedule::one_shot;
  PruningOptions pruning = {};          // budget and fine-tuning
  std::optional<ModuleMask> keep = {};  // the modules that stay, instead of a budget
  bool searches = false;                // measures masks for the report's Pareto front
  SearchOptions search = {};
  double latency_seconds = 1;                // how long latencies are measured
  std::string command = {}, criterion = {};  // for the report
  std::string budget = {};                   // for the report; empty: to_text() of the budget
};

/// Who hears how far a job has come; members may be empty.
struct JobProgress {
  ProgressCallback training = {}, fine_tuning = {}, dense_fine_tuning = {};
};

}  // namespace spat
