// report. The data of a pruning report: everything needed to judge a pruning, before and after, and
// to repeat it.
#pragma once

#include <spat/core/module_mask.hpp>
#include <spat/models/cost.hpp>
#include <spat/prune/drop_order.hpp>
#include <spat/prune/search.hpp>
#include <spat/train/epoch_record.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// The figures of one model. Errors are on the test windows in scaled units, MACs per forecast of
/// one window, latency at batch 1.
struct ReportRow {
  double mse = 0, mae = 0;
  Cost cost;
  Latency latency;  // 0 repetitions: not measured
};

/// One prunable module and what happened to it.
struct ReportModule {
  std::string name;
  double score = 0;  // NaN: not scored
  bool kept = true;
  /// Standard error of the score; NaN: unknown.
  double error = std::numeric_limits<double>::quiet_NaN();
  bool before = true;  // whether the model had it before this pruning

  /// Whether this pruning removed it.
  [[nodiscard]] bool removed() const { return before && !kept; }
};

/// Two modules whose scores differ by no more than chance, and the probability that their order is
/// as ranked.
struct ReportTie {
  std::size_t first = 0, second = 0;
  double probability = std::numeric_limits<double>::quiet_NaN();
};

/// One epoch of training, or of fine-tuning, which counts from 1 again.
struct ReportEpoch {
  EpochRecord record;
  bool fine_tuning = false;
  std::vector<std::size_t> dropped = {};  // modules removed after it
};

/// A mask that a search tried: validation loss, and milliseconds per forecast (NaN: not measured).
struct ReportCandidate {
  Candidate candidate;
  bool chosen = false;
};

/// One channel of one test window, in the data's units.
struct ReportForecast {
  std::string channel;
  std::vector<double> history, truth, reference, pruned;
};

/// The MSE of each step of the horizon, over all test windows, in scaled units.
struct ReportStepErrors {
  std::vector<double> reference, pruned;
};

/// Errors on another test set, on which neither model was trained.
struct ReportZeroShot {
  std::string name;
  double reference_mse = 0, reference_mae = 0, pruned_mse = 0, pruned_mae = 0;
};

/// The errors of the naive forecast on the test windows: each step repeats the value one season
/// before, or the last one if the season is 1.
struct ReportNaive {
  std::size_t season = 1;
  double mse = 0, mae = 0;
};

/// A dense model that a pruned one may be compared with. none: modules were removed during
/// training, so that no dense model was trained.
enum class DenseModel { none, as_trained, fine_tuned };

/// The reference: the dense model that all comparisons of a report are with, and why it is that
/// one. The lower validation loss decides, never a test error.
struct ReportReference {
  DenseModel model = DenseModel::none;
  /// Validation losses of the dense model as trained and as fine-tuned; NaN: there is no such
  /// model.
  double trained_loss = std::numeric_limits<double>::quiet_NaN(),
         tuned_loss = std::numeric_limits<double>::quiet_NaN();
  /// The epochs of fine-tuning that the dense and the pruned model had in total. The dense one has
  /// fewer if it stopped early.
  std::size_t tuned_epochs = 0, pruned_epochs = 0;
};

/// Everything about one pruning. If nothing is pruned, only the dense row is set. The text and the
/// HTML leave out empty members.
struct PruningReport {
  std::uint64_t seed = 0;
  std::string command = {}, run = {};  // run: the hash of its description
  std::string model = {}, data = {};   // "iTransformer", "ETTh1"
  /// "SEND, signed sum"; "MACs -35 %"; "one-shot".
  std::string criterion = {}, budget = {}, schedule = {};
  ReportRow dense = {}, pruned = {};
  std::optional<ReportRow> pruned_only = {};  // pruned, before fine-tuning, if there was any
  std::optional<ReportRow> dense_tuned = {};  // dense after as much fine-tuning as pruned had
  std::optional<ReportNaive> naive = {};
  std::string scaler = {};  // that of the scaled units, in words
  double filled_share = 0;  // of the cells of the series: those without a number in the file
  ReportReference reference = {};
  std::vector<ReportModule> modules = {};
  std::vector<ReportTie> ties = {};
  std::vector<OutOfOrder> out_of_order = {};  // where removals did not follow the scores
  /// The epochs of the training after which scores and weights were taken; 0: unknown, or scores
  /// that no epoch gives.
  std::size_t scores_epoch = 0, weights_epoch = 0;
  /// Scores and their standard errors, [epoch][module].
  std::vector<std::vector<double>> trajectory = {}, trajectory_errors = {};
  /// Kendall's tau of the ranks of consecutive epochs; one entry fewer than epochs.
  std::vector<double> stability = {};
  /// Parts of the pruned model that no longer reach the forecast.
  std::vector<std::string> dead_parts = {};
  std::vector<ReportEpoch> epochs = {};
  std::vector<ReportCandidate> candidates = {};
  std::vector<ReportForecast> forecasts = {};
  ReportStepErrors error_by_step = {};
  std::vector<ReportZeroShot> zero_shot = {};
  /// Processor time spent up to the pruned model: training, scoring, removal, fine-tuning; 0: not
  /// measured.
  double processor_seconds = 0;

  /// Whether this pruning removed a module.
  [[nodiscard]] bool prunes() const {
    return std::ranges::any_of(modules, [](const ReportModule& m) { return m.removed(); });
  }
  /// The number of digits of a mask in `candidates`.
  [[nodiscard]] std::size_t mask_digits() const {
    std::size_t digits = modules.size();
    for (const ReportCandidate& one : candidates)
      digits = std::max(digits, static_cast<std::size_t>(std::bit_width(one.candidate.mask.bits)));
    return digits;
  }
  /// The row of the reference; without one, the dense row, whose errors are NaN then.
  [[nodiscard]] const ReportRow& reference_row() const {
    return reference.model == DenseModel::fine_tuned && dense_tuned ? *dense_tuned : dense;
  }
};

}  // namespace spat
