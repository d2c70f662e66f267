// The pruning job without the tool: its report, its schedules, and forecasts in a series' units.
#include <spat/data/series_csv.hpp>
#include <spat/models/forecast.hpp>
#include <spat/pipeline/pruning_job.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace pruning_job_tests {

using namespace spat;
using namespace scheduled;

namespace {

JobData<float> data_of(const Example<Model>& example) {
  return {example.windows.training, example.windows.validation, example.windows.validation, "made"};
}
JobOptions dropping(std::size_t count) {
  JobOptions options{.training = training, .pruning = by(DropLowest{count}), .latency_seconds = 0};
  options.criterion = "scripted";
  return options;
}

}  // namespace

TEST_CASE("a job prunes as the library's schedules do, and its report says what happened") {
  const Example example;
  PruningJob<Model, Scripted> job(example.model, Scripted({3, 1, 2}), data_of(example),
                                  dropping(2));
  job.score({.batches = 2});
  job.prune();
  job.measure();
  const Pruner<Model, Scripted> pruner(example.model, Scripted({3, 1, 2}));
  const auto expected = prune_one_shot(example.model, pruner, example.data, by(DropLowest{2}));
  CHECK(example::same_parameters(job.pruned(), expected.model));
  const PruningReport& report = job.report();
  CHECK(report.budget == "lowest 2");
  CHECK(report.schedule == "one-shot");
  REQUIRE(report.modules.size() == 3);
  CHECK(report.modules[0].kept);
  CHECK(report.modules[1].score == 1);
  CHECK_FALSE(report.modules[2].kept);
  REQUIRE(report.epochs.size() == 2);
  CHECK(report.epochs[0].fine_tuning);
  CHECK(report.epochs[1].record.validation_mse == expected.history[1].validation_mse);
  CHECK(report.dense.mse == evaluate(example.model, example.windows.validation).mse);
  CHECK(report.pruned.mse == evaluate(expected.model, example.windows.validation).mse);
  CHECK(report.dense_tuned);
}

TEST_CASE("a job without a dense model refuses what needs one") {
  const Example example;
  JobOptions options = dropping(1);
  options.schedule = PruningSchedule::in_training;
  options.searches = true;
  PruningJob<Model, Scripted> job(example.model, Scripted({3, 1, 2}), data_of(example), options);
  CHECK_THROWS_AS(job.train(), ConfigError);
  options.keep = ModuleMask{0b101};
  CHECK_THROWS_AS(
      (PruningJob<Model, Scripted>(example.model, Scripted({3, 1, 2}), data_of(example), options)),
      ConfigError);
}

TEST_CASE("a forecast has the names, units and dates of its series") {
  const Example example;
  Series series = synthetic_series(100);
  const auto scaler = StandardScaler::fit(series.view(), {0, 100});
  const DataDescription data{series.names, scaler, {.lookback = 12, .horizon = 4}};
  const Series future = forecast(example.model, data, series);
  CHECK(future.names == series.names);
  CHECK(future.rows() == 4);
  CHECK(future.times == future_times(series, 4));
  WindowBuffer<float> buffer;
  Predictor<Model> predictor(example.model);
  const auto y = predictor.forecast(latest_window(series, scaler, data.window, buffer));
  CHECK(future.view().row(3)[6] == scaler.inverse(static_cast<double>(y.row(3)[6]), 6));
  const std::string csv = to_csv(future);
  CHECK(csv.starts_with("date," + series.names[0]));
  CHECK(std::ranges::count(csv, '\n') == 5);
  series.times.clear(), series.time_index = TimeIndex::none;
  CHECK(to_csv(forecast(example.model, data, series)).find("\n4,") != std::string::npos);
  series.names[0] = "other";
  CHECK_THROWS_AS((void)forecast(example.model, data, series), ConfigError);
}

}  // namespace pruning_job_tests
