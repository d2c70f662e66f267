// report. The charts of a pruning report.
#pragma once

#include <spat/core/order.hpp>
#include <spat/report/chart.hpp>
#include <spat/report/pruning_report.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The numbers start, start + 1, ...
[[nodiscard]] inline std::vector<double> counting(double start, std::size_t count) {
  std::vector<double> numbers;
  for (std::size_t i = 0; i < count; ++i) numbers.push_back(start + static_cast<double>(i));
  return numbers;
}
/// An axis that covers the x or y of all series, error bars included.
[[nodiscard]] inline Axis axis_over(Axis axis, const std::vector<ChartSeries>& series,
                                    std::vector<double> ChartSeries::*numbers, double margin = 0) {
  std::vector<double> all;
  for (const ChartSeries& one : series) {
    all.insert(all.end(), (one.*numbers).begin(), (one.*numbers).end());
    for (std::size_t i = 0;
         numbers == &ChartSeries::y && i < std::min(one.y.size(), one.error.size()); ++i)
      all.push_back(one.y[i] - one.error[i]), all.push_back(one.y[i] + one.error[i]);
  }
  return axis.over(all, margin);
}
[[nodiscard]] inline std::string module_colour(std::size_t module) {
  return message("m", module % 6);
}

/// Scores by epoch, one line per module: solid if it was kept, dashed if it was removed.
[[nodiscard]] inline Chart trajectory_chart(const PruningReport& report) {
  Chart chart{.title = "Score of each module by epoch", .direct = true};
  std::size_t modules = report.modules.size();
  for (const auto& scores : report.trajectory) modules = std::max(modules, scores.size());
  for (std::size_t m = 0; m < modules; ++m) {
    ChartSeries line{.name = message("module ", m),
                     .x = counting(1, report.trajectory.size()),
                     .colour = module_colour(m),
                     .dashed = m < report.modules.size() && !report.modules[m].kept,
                     .points = report.trajectory.size() <= 20,
                     .radius = 2.5};
    for (std::size_t e = 0; e < report.trajectory.size(); ++e) {
      line.y.push_back(m < report.trajectory[e].size() ? report.trajectory[e][m] : std::nan(""));
      const bool sure =
          e < report.trajectory_errors.size() && m < report.trajectory_errors[e].size();
      line.error.push_back(sure ? report.trajectory_errors[e][m] : std::nan(""));
      line.titles.push_back(
          message(line.name, ", epoch ", e + 1, ": ", scientific(line.y.back(), 3)));
      if (std::isfinite(line.error.back()))
        line.titles.back().append(" +- ").append(scientific(line.error.back(), 1));
    }
    chart.series.push_back(line);
  }
  chart.x = axis_over({.title = "epoch", .whole = true}, chart.series, &ChartSeries::x);
  chart.y = axis_over({.title = "score"}, chart.series, &ChartSeries::y, 0.1);
  return chart;
}

/// Training loss and validation MSE. Epochs of fine-tuning continue the numbering; removals are
/// drawn as rules.
[[nodiscard]] inline Chart training_chart(const PruningReport& report) {
  ChartSeries training{.name = "training loss", .colour = "training"},
      validation{.name = "validation MSE", .colour = "validation"};
  Chart chart{.title = "Training loss and validation MSE by epoch", .direct = true};
  bool tuning = false;
  for (std::size_t i = 0; i < report.epochs.size(); ++i) {
    const ReportEpoch& epoch = report.epochs[i];
    const double place = static_cast<double>(i + 1);
    if (epoch.fine_tuning && !tuning && i > 0) {
      chart.rules.push_back({place - 0.5, "fine-tuning"});
      for (ChartSeries* line :
           {&training, &validation})  // another model from here on: the line breaks
        line->x.push_back(place), line->y.push_back(std::nan("")), line->titles.emplace_back();
    }
    tuning = epoch.fine_tuning;
    const auto add = [&](ChartSeries& line, double value) {
      line.x.push_back(place), line.y.push_back(value);
      line.titles.push_back(message(line.name,
                                    epoch.fine_tuning ? ", fine-tuning epoch " : ", epoch ",
                                    epoch.record.epoch, ": ", fixed(value, 4)));
    };
    add(training, epoch.record.training_loss);
    add(validation, epoch.record.validation_mse);
    if (!epoch.dropped.empty())
      chart.rules.push_back(
          {place + 0.5, message(epoch.dropped.size() == 1 ? "module " : "modules ",
                                enumerated(epoch.dropped), " removed")});
  }
  for (ChartSeries* line : {&training, &validation})
    line->points = report.epochs.size() <= 30, line->radius = 2.5;
  chart.series = {training, validation};
  std::vector<double> all_x = training.x;
  for (const Rule& rule : chart.rules) all_x.push_back(rule.x);
  chart.x = Axis{.title = "epoch", .whole = true}.over(all_x);
  chart.y = axis_over({.title = "mean squared error"}, chart.series, &ChartSeries::y, 0.06);
  return chart;
}

/// Validation loss against latency: the front joined by a line, the chosen mask on top.
[[nodiscard]] inline Chart candidates_chart(const PruningReport& report) {
  ChartSeries others{
      .name = "other masks", .colour = "muted", .line = false, .points = true, .hollow = true};
  ChartSeries front{.name = "Pareto front", .colour = "dense", .points = true};
  ChartSeries chosen{
      .name = "chosen", .colour = "pruned", .line = false, .points = true, .radius = 6};
  std::vector<ReportCandidate> measured;
  std::ranges::copy_if(
      report.candidates, std::back_inserter(measured), [](const ReportCandidate& one) {
        return std::isfinite(one.candidate.loss) && std::isfinite(one.candidate.latency);
      });
  const auto latency = [&](std::size_t i) { return measured[i].candidate.latency; };
  for (const std::size_t i : order_by(measured.size(), latency)) {
    const auto& [candidate, is_chosen] = measured[i];
    const std::string digits = to_string(candidate.mask, report.mask_digits());
    const auto add = [&, &one = candidate](ChartSeries& to, bool labelled) {
      to.x.push_back(one.latency);
      to.y.push_back(one.loss);
      to.labels.push_back(labelled ? digits : std::string());
      to.titles.push_back(
          message(digits, ": ", fixed(one.latency, 3), " ms, loss ", fixed(one.loss, 4)));
    };
    if (is_chosen) add(chosen, true);
    if (candidate.on_front) add(front, !is_chosen);
    if (!is_chosen && !candidate.on_front)
      add(others, report.candidates.size() <= 20);  // more labels would be unreadable
  }
  Chart chart{.title = "Validation loss of each mask against its measured latency"};
  for (const ChartSeries& series : {others, front, chosen})
    if (!series.x.empty()) chart.series.push_back(series);
  chart.x = axis_over({.title = "latency of a forecast, median, ms"}, chart.series, &ChartSeries::x,
                      0.06);
  chart.y = axis_over({.title = "validation loss, MSE"}, chart.series, &ChartSeries::y, 0.1);
  return chart;
}

/// A window's history, followed by the truth and the forecasts of the pruned model and of the
/// reference, which is called `reference`.
[[nodiscard]] inline Chart forecast_chart(const ReportForecast& example,
                                          const std::string& reference) {
  const double before = static_cast<double>(example.history.size());
  ChartSeries history{.name = "history",
                      .x = counting(1 - before, example.history.size()),
                      .y = example.history,
                      .colour = "muted"};
  ChartSeries truth{
      .name = "truth", .x = counting(1, example.truth.size()), .y = example.truth, .colour = "ink"};
  if (!example.history.empty()) {  // one series, cut where the forecast begins
    truth.x.insert(truth.x.begin(), 0);
    truth.y.insert(truth.y.begin(), example.history.back());
  }
  Chart chart{.title = message("Forecast of ", example.channel)};
  if (!example.history.empty()) chart.series.push_back(history);
  chart.series.push_back(truth);
  if (!example.reference.empty())
    chart.series.push_back({.name = reference,
                            .x = counting(1, example.reference.size()),
                            .y = example.reference,
                            .colour = "dense"});
  if (!example.pruned.empty())
    chart.series.push_back({.name = "pruned",
                            .x = counting(1, example.pruned.size()),
                            .y = example.pruned,
                            .colour = "pruned"});
  chart.x = axis_over({.title = "steps after the last known row", .whole = true}, chart.series,
                      &ChartSeries::x);
  chart.y = axis_over({.title = "value, in the data’s units"}, chart.series, &ChartSeries::y, 0.05);
  if (!example.history.empty()) chart.rules.push_back({0.5, "forecast"});
  return chart;
}

/// The MSE of each step of the horizon, of the pruned model and of the reference, which is called
/// `reference`.
[[nodiscard]] inline Chart step_chart(const ReportStepErrors& errors,
                                      const std::string& reference) {
  Chart chart{.title = "MSE of each step of the horizon", .direct = true};
  if (!errors.reference.empty())
    chart.series.push_back({.name = reference,
                            .x = counting(1, errors.reference.size()),
                            .y = errors.reference,
                            .colour = "dense"});
  if (!errors.pruned.empty())
    chart.series.push_back({.name = "pruned",
                            .x = counting(1, errors.pruned.size()),
                            .y = errors.pruned,
                            .colour = "pruned"});
  chart.x =
      axis_over({.title = "step of the horizon", .whole = true}, chart.series, &ChartSeries::x);
  chart.y = axis_over({.title = "test MSE, scaled units"}, chart.series, &ChartSeries::y, 0.06);
  return chart;
}

}  // namespace detail

}  // namespace spat
