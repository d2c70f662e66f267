// A report with all of its parts.
#pragma once

#include <spat/report/pruning_report.hpp>

#include <cmath>

inline spat::EpochRecord epoch_record(std::size_t epoch, double training_loss,
                                      double validation_mse) {
  return {.epoch = epoch, .training_loss = training_loss, .validation_mse = validation_mse};
}

inline spat::PruningReport full_report() {
  const double nan = std::nan("");
  spat::PruningReport report{.seed = 7, .command = "spat run --seed 7", .run = "00ff"};
  report.model = "iTransformer", report.data = "ETTh1";
  report.criterion = "SEND, signed sum", report.budget = "MACs -35 %", report.schedule = "one-shot";
  report.dense = {0.40, 0.41, {1000, 20000}, {2.0, 1.9, 2.2, 50}};
  report.dense_tuned = spat::ReportRow{0.39, 0.405, {1000, 20000}, {}};
  report.pruned_only = spat::ReportRow{0.44, 0.43, {700, 13000}, {}};
  report.naive = {24, 0.45, 0.44};
  report.scaler = "the training part", report.filled_share = 0.003;
  report.reference = {spat::DenseModel::fine_tuned, 0.52, 0.51, 5, 6};
  report.pruned = {0.3861, 0.40, {700, 13000}, {1.5, 1.4, 1.7, 50}};
  report.modules = {
      {"layers.0", 3e-6, true, 1e-7}, {"layers.1", 2e-6, false, 2e-7}, {"layers.2", nan, true}};
  report.ties = {{0, 1, 0.61}};
  report.out_of_order = {{1, 0, false}, {1, 2, true}};
  report.scores_epoch = 7, report.weights_epoch = 4;
  report.trajectory = {{4e-6, 3e-6, nan}, {3e-6, 2e-6, nan}};
  report.stability = {1};
  report.dead_parts = {"time marks"};
  report.epochs = {{epoch_record(1, 0.5, 0.6), false, {}},
                   {epoch_record(2, 0.4, 0.55), false, {1}},
                   {epoch_record(1, 0.39, 0.54), true, {}}};
  report.candidates = {{{{0b111}, 0.50, 2.0, true}, false},
                       {{{0b101}, 0.51, 1.5, true}, true},
                       {{{0b001}, 0.6, 1.6}},
                       {{{0b000}, 0.9, nan}}};
  report.forecasts = {{"OT", {1, 2, 3}, {4, 5}, {4, 6}, {4, 4}}};
  report.error_by_step = {{0.3, 0.4}, {0.31, 0.39}};
  report.zero_shot = {{"ETTh2", 0.30, 0.35, 0.33, 0.35}};
  return report;
}
