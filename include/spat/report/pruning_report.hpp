// report. What a pruning did, before and after: everything a reader needs to judge it, and to
// repeat it.
#pragma once

#include <spat/core/module_mask.hpp>
#include <spat/models/cost.hpp>
#include <spat/prune/search.hpp>
#include <spat/train/epoch_record.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// One model's row. Errors on the test windows in scaled units; MACs of one window's forecast;
/// latency at batch 1.
struct ReportRow {
  double mse = 0, mae = 0;
  Cost cost;
  Latency latency;  // without repetitions: not measured
};

struct ReportModule {
  std::string name;
  double score = 0;  // NaN: nothing scores it
  bool kept = true;
  double error =
      std::numeric_limits<double>::quiet_NaN();  // standard error of the score; NaN: unknown
};

/// Two modules whose scores differ by no more than chance; the probability that their order is as
/// ranked.
struct ReportTie {
  std::size_t first = 0, second = 0;
  double probability = std::numeric_limits<double>::quiet_NaN();
};

/// An epoch of training or fine-tuning, which counts from 1 again.
struct ReportEpoch {
  EpochRecord record;
  bool fine_tuning = false;
  std::vector<std::size_t> dropped = {};  // modules removed after it
};

/// A mask that the search has tried: its validation loss, and the milliseconds of a forecast (NaN
/// if not measured).
struct ReportCandidate {
  Candidate candidate;
  bool chosen = false;
};

/// One channel of one test window, in the data's units.
struct ReportForecast {
  std::string channel;
  std::vector<double> history, truth, dense, pruned;
};

/// MSE of each step of the horizon, over all test windows, in scaled units.
struct ReportStepErrors {
  std::vector<double> dense, pruned;
};

/// Errors on another test set, which neither model was trained on.
struct ReportZeroShot {
  std::string name;
  double dense_mse = 0, dense_mae = 0, pruned_mse = 0, pruned_mae = 0;
};

/// Of a model that loses nothing, the dense row alone. A member that is empty is left out of the
/// text and the HTML.
struct PruningReport {
  std::uint64_t seed = 0;
  std::string command = {};
  std::string model = {}, data = {};  // "iTransformer", "ETTh1"
  std::string criterion = {}, budget = {},
              schedule = {};  // "SEND, signed sum"; "MACs -35 %"; "one-shot"
  ReportRow dense = {}, pruned_only = {},
            pruned = {};                      // pruned_only: before fine-tuning, NaN: none
  std::optional<ReportRow> dense_tuned = {};  // dense after the same fine-tuning
  std::vector<ReportModule> modules = {};
  std::vector<ReportTie> ties = {};
  std::vector<std::vector<double>> trajectory = {},
                                   trajectory_errors =
                                       {};  // scores and standard errors, [epoch][module]
  std::vector<double> stability =
      {};  // Kendall's tau of the ranks of consecutive epochs; epochs - 1
  std::vector<std::string> dead_parts =
      {};  // of the pruned model: what no longer reaches the forecast
  std::vector<ReportEpoch> epochs = {};
  std::vector<ReportCandidate> candidates = {};
  std::vector<ReportForecast> forecasts = {};
  ReportStepErrors error_by_step = {};
  std::vector<ReportZeroShot> zero_shot = {};
  double processor_seconds =
      0;  // to the pruned model: training, scoring, removal, fine-tuning; 0: not measured

  [[nodiscard]] bool prunes() const {
    return std::ranges::any_of(modules, [](const ReportModule& module) { return !module.kept; });
  }
  /// How many digits a mask of `candidates` has.
  [[nodiscard]] std::size_t mask_digits() const {
    std::size_t digits = modules.size();
    for (const ReportCandidate& one : candidates)
      digits = std::max(digits, static_cast<std::size_t>(std::bit_width(one.candidate.mask.bits)));
    return digits;
  }
  /// The dense model at its best of as trained and fine-tuned: fine-tuning alone must not count for
  /// pruning.
  [[nodiscard]] const ReportRow& reference() const {
    return dense_tuned && dense_tuned->mse < dense.mse ? *dense_tuned : dense;
  }
};

}  // namespace spat
