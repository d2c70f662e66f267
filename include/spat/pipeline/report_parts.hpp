// pipeline. The parts of a pruning report that are read off models: scores, errors, forecasts,
// searched masks and latencies.
#pragma once

#include <spat/data/season.hpp>
#include <spat/models/cost.hpp>
#include <spat/models/predictor.hpp>
#include <spat/pipeline/job_options.hpp>
#include <spat/prune/measures.hpp>
#include <spat/prune/module_scores.hpp>
#include <spat/prune/ranks.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/train/evaluate.hpp>
#include <spat/train/naive.hpp>

#include <array>
#include <cmath>
#include <functional>
#include <memory>

namespace spat::inline SPAT_ABI {

namespace detail {

/// The modules of a model before pruning by name, without scores.
template <class Model>
[[nodiscard]] std::vector<ReportModule> report_modules(const Model& model) {
  std::vector<ReportModule> modules;
  for (std::size_t i = 0; i < model.form.modules(); ++i) {
    const std::string name = module_name(model, i);
    modules.push_back({.name = name.empty() ? message("module ", i) : name,
                       .score = std::nan(""),
                       .kept = model.form.kept().keeps(i),
                       .before = model.form.kept().keeps(i)});
  }
  return modules;
}

/// Writes a pruner's scores, ties and trajectory into a report that has its modules. `latest` takes
/// each score, with its error, from the last epoch in which the module had one: a module removed
/// during training has none in the end. Errors are those by which modules are chosen. `after` is
/// the epoch whose scores count; 0: the present.
template <class Pruner>
void report_scores(PruningReport& report, const Pruner& pruner, bool latest, std::size_t after) {
  const auto scores = after ? pruner.scores_after(after) : pruner.scores();
  const auto spread = after ? pruner.spread_after(after) : pruner.spread();
  for (std::size_t i = 0; i < scores.size(); ++i) {
    report.modules[i].score = scores[i];
    if (spread) report.modules[i].error = spread->standard_error[i];
    for (std::size_t e = 0; latest && e < pruner.trajectory().size(); ++e) {
      if (!std::isfinite(pruner.trajectory()[e][i])) continue;
      report.modules[i].score = pruner.trajectory()[e][i];
      const auto& errors = pruner.trajectory_errors()[e];
      report.modules[i].error = i < errors.size() ? errors[i] : std::nan("");
    }
  }
  if (spread)
    for (const auto& pair : spread->indistinguishable()) {
      const double below = spread->below[pair.first][pair.second];
      report.ties.push_back(
          {pair.first, pair.second,
           spread->mean[pair.first] <= spread->mean[pair.second] ? below : 1 - below});
    }
  report.trajectory = pruner.trajectory();
  report.trajectory_errors = pruner.trajectory_errors();
  for (std::size_t e = 1; e < report.trajectory.size(); ++e)
    report.stability.push_back(kendall_tau(report.trajectory[e - 1], report.trajectory[e]));
}

/// The test errors and the cost of a model. Errors are NaN for a model that was not trained.
template <class Model>
[[nodiscard]] ReportRow report_row(const Model& model, const JobData<typename Model::Value>& data,
                                   bool trained = true) {
  Metrics metrics{.mse = std::nan(""), .mae = std::nan("")};
  if (trained) metrics = evaluate(model, data.test, data.team);
  return {metrics.mse, metrics.mae, cost_of(model, data.training.channels()), {}};
}

/// Forecasts of the last target channel for two test windows, in the units of the series, by the
/// reference and the pruned model.
template <class Model>
[[nodiscard]] std::vector<ReportForecast> report_forecasts(
    const Model& reference_model, const Model& pruned_model,
    const JobData<typename Model::Value>& data) {
  using Scalar = typename Model::Value;
  std::vector<ReportForecast> forecasts;
  Predictor<Model> reference(reference_model, data.team), pruned(pruned_model, data.team);
  WindowBuffer<Scalar> buffer;
  const std::size_t channel = data.description.names.size() - 1;
  const auto last_column = [&](Rows<const Scalar> rows) {
    std::vector<double> values;
    for (std::size_t r = 0; r < rows.rows(); ++r)
      values.push_back(data.description.scaler.inverse(
          static_cast<double>(rows.row(r)[rows.cols() - 1]), channel));
    return values;
  };
  for (const std::size_t third : {1u, 2u}) {
    const std::array<std::size_t, 1> index{third * data.test.size() / 3};
    const auto window = data.test.gather(index, buffer);
    forecasts.push_back({.channel = data.description.names[channel],
                         .history = last_column(window.history),
                         .truth = last_column(window.target),
                         .reference = last_column(reference.forecast(window)),
                         .pruned = last_column(pruned.forecast(window))});
  }
  return forecasts;
}

/// The naive forecast of the test windows: seasonal where the calendar has a season that fits into
/// the lookback.
template <class Scalar>
[[nodiscard]] ReportNaive report_naive(const WindowDataset<Scalar>& test,
                                       const Calendar& calendar) {
  const std::size_t season = season_of(calendar),
                    period = season <= test.options().lookback ? season : 1;
  const Metrics errors = naive_errors(test, period);
  return {.season = period, .mse = errors.mse, .mae = errors.mae};
}

/// Writes the comparisons of a pruned model with the reference into a report: errors by step,
/// forecasts, and errors on other data.
template <class Model>
void report_comparisons(PruningReport& report, const Model& reference, const Model& pruned_model,
                        const JobData<typename Model::Value>& data) {
  report.error_by_step = {error_profile(reference, data.test, data.team).by_step,
                          error_profile(pruned_model, data.test, data.team).by_step};
  if (!data.description.names.empty())
    report.forecasts = report_forecasts(reference, pruned_model, data);
  report.zero_shot.clear();
  for (const OtherData<typename Model::Value>& other : data.others) {
    const Metrics a = evaluate(reference, other.test, data.team),
                  b = evaluate(pruned_model, other.test, data.team);
    report.zero_shot.push_back({other.name, a.mse, a.mae, b.mse, b.mae});
  }
}

/// The masks that the job's search tries, with the validation loss before fine-tuning and the
/// measured latency.
template <class Model>
[[nodiscard]] std::vector<ReportCandidate> report_candidates(
    const Model& dense, const JobData<typename Model::Value>& data, const JobOptions& options,
    ModuleMask chosen) {
  const PruningData<typename Model::Value> windows{data.training, data.validation, data.team};
  const Measures measures =
      measures_of(dense, data.training, data.validation, options.pruning.measures, data.team);
  const auto loss = [&](ModuleMask mask) {
    return evaluate(pruned(dense, mask, windows.training, options.training.seed, windows.team),
                    data.validation, data.team)
        .mse;
  };
  std::vector<ReportCandidate> candidates;
  for (const Candidate& candidate : search(dense.form.kept(), dense.form.modules(), loss,
                                           measures.latency, options.search, guard_of(dense.form)))
    candidates.push_back({candidate, candidate.mask == chosen});
  return candidates;
}

/// The latencies of forecasts of one test window, measured on the models in turn.
template <class Model>
[[nodiscard]] std::vector<Latency> report_latencies(const std::vector<const Model*>& models,
                                                    const JobData<typename Model::Value>& data,
                                                    double seconds) {
  WindowBuffer<typename Model::Value> buffer;
  const std::array<std::size_t, 1> first{0};
  const auto window = data.test.gather(first, buffer);
  std::vector<std::function<void()>> calls;
  for (const Model* const model : models)
    calls.push_back([&window, predictor = std::make_shared<Predictor<Model>>(*model, data.team)] {
      (void)predictor->forecast(window);
    });
  return measure_alternately(calls, seconds, 50);
}

}  // namespace detail

}  // namespace spat
