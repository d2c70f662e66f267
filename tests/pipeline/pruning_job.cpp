// The pruning job without the tool: its report, its schedules, and forecasts in a series' units.
#include <spat/data/series_csv.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/timexer.hpp>
#include <spat/pipeline/pruning_job.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

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
  CHECK((report.naive && report.naive->season == 1 && report.naive->mse > 0));
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

TEST_CASE("a job that stops after an epoch and is resumed prunes as one that ran on") {
  const auto schedule = GENERATE(PruningSchedule::one_shot, PruningSchedule::in_training);
  const std::uint64_t seed = GENERATE(std::uint64_t{5}, ~std::uint64_t{0});
  const Example example;
  const TemporaryFolder folder;
  JobOptions options = dropping(1);
  options.training.epochs = 4;
  options.training.seed = seed;
  options.schedule = schedule;
  options.pruning.latest_epoch = 2;
  const auto job_of = [&] {
    return std::make_unique<PruningJob<Model>>(example.model, make_criterion<float>("send"),
                                               data_of(example), options);
  };
  const auto whole = job_of(), first = job_of(), second = job_of();
  CHECK(whole->train());
  whole->prune();
  CHECK_FALSE(first->train({.path = folder / "state", .stop_after = 3}));
  CHECK(second->train({.path = folder / "state", .resume = true}));
  second->prune();
  CHECK(whole->pruned().form.kept().count() == 2);
  CHECK(second->pruned().form.kept() == whole->pruned().form.kept());
  CHECK(example::same_parameters(second->pruned(), whole->pruned()));
  CHECK(whole->has_dense() == (schedule == PruningSchedule::one_shot));
  const auto &a = whole->report().epochs, &b = second->report().epochs;
  REQUIRE(a.size() == b.size());
  for (std::size_t e = 0; e < a.size(); ++e)
    CHECK(a[e].record.validation_mse == b[e].record.validation_mse);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(whole->report().modules[i].score == second->report().modules[i].score);
}

TEST_CASE("a job prunes by the scores of the last epoch or the best one, and says which") {
  // Rates that soon do harm: the best epoch is not the last one.
  const Example example;
  JobOptions options = dropping(1);
  options.training.epochs = 5, options.training.patience = 0;
  options.training.rate = 0.05, options.training.schedule = RateSchedule::constant;
  const auto turning = [](std::size_t module, std::size_t step) {
    return module == 2 ? 9.0 : module == (step < 100 ? 0 : 1) ? 1.0 : 2.0;
  };
  std::vector<std::size_t> best;
  const auto job_of = [&](bool of_best) {
    options.scores_of_best_epoch = of_best;
    auto job = std::make_unique<PruningJob<Model, Played>>(example.model, Played(turning),
                                                           data_of(example), options);
    CHECK(job->train());
    job->prune();
    return job;
  };
  const auto last = job_of(false), early = job_of(true);
  for (const ReportEpoch& epoch : last->report().epochs)
    if (!epoch.fine_tuning && epoch.record.best) best.push_back(epoch.record.epoch);
  REQUIRE(best.back() < 5);
  CHECK((last->report().scores_epoch == 5 && last->report().weights_epoch == best.back()));
  CHECK((early->report().scores_epoch == best.back() &&
         early->report().weights_epoch == best.back()));
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(last->report().modules[i].score == last->report().trajectory[4][i]);
    CHECK(early->report().modules[i].score == early->report().trajectory[best.back() - 1][i]);
    CHECK(early->report().modules[i].error ==
          early->report().trajectory_errors[best.back() - 1][i]);
  }
  options.schedule = PruningSchedule::iterative;
  CHECK_THROWS_AS(
      (PruningJob<Model, Played>(example.model, Played(turning), data_of(example), options)),
      ConfigError);
}

TEST_CASE("a removal that does not follow the scores is in the report") {
  const auto unsure = [](std::size_t module, std::size_t step) {
    return module == 0 ? (step / 2 % 2 ? -1 : 1.2) : module == 1 ? 0.3 : 9.0;
  };
  const Example example;
  for (const auto schedule : {PruningSchedule::one_shot, PruningSchedule::iterative}) {
    JobOptions options = dropping(1);
    options.schedule = schedule;
    PruningJob<Model, Played> job(example.model, Played(unsure), data_of(example), options);
    job.score({.batches = 8, .batch_size = 8});
    job.prune();
    CHECK(job.report().out_of_order == std::vector<OutOfOrder>{{1, 0, false}});
    CHECK(job.pruned().form.kept().bits == 0b101);
    CHECK(job.report().scores_epoch == 0);
  }
}

TEST_CASE("a job refuses, before any work, a budget that no training can meet") {
  const Example example;
  const auto refused = [&](const Budget& budget, std::size_t origins = 5, double seconds = 0) {
    JobOptions options = dropping(1);
    options.pruning.budget = budget;
    options.pruning.measures.origins = origins;
    options.pruning.measures.latency_seconds = 0;
    options.latency_seconds = seconds;
    return message_of<ConfigError>([&] {
      PruningJob<Model, Scripted>(example.model, Scripted({3, 1, 2}), data_of(example), options);
    });
  };
  CHECK(contains(refused(DropLowest{99}), "cannot drop 99 modules: the model has 3"));
  CHECK(contains(refused(ReduceMacs{1.5}), "a reduction of MACs must lie in [0, 1], found 1.5"));
  CHECK(contains(refused(ReduceMacs{0.99}), "the best that dropping modules reaches is MACs"));
  CHECK(contains(refused(ReduceParameters{-1}), "found -1"));
  CHECK(contains(refused(LatencyAtMost{-5}), "found -5 ms"));
  CHECK(contains(refused(LatencyAtMost{1e-9}), "the best that dropping modules reaches"));
  CHECK(contains(refused(LossAtMost{0.1}, 1), "origins must be at least 2, found 1"));
  CHECK(contains(refused(LossAtMost{0.1}, 100000), "found 100000"));
  CHECK(contains(refused(DropBelow{std::nan("")}), "a threshold of scores must be a number"));
  CHECK(contains(refused(DropLowest{1}, 5, -1), "must be finite and not negative, found -1"));
  CHECK(refused(ReduceMacs{0.01}) == "nothing was thrown");
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

TEST_CASE("a training in which nothing has to be removed ends with a dense model that has scores") {
  const Example example;
  JobOptions options = dropping(0);
  options.schedule = PruningSchedule::in_training;
  PruningJob<Model> job(example.model, make_criterion<float>("send"), data_of(example), options);
  CHECK(job.train());
  job.prune();
  job.measure();
  CHECK(job.has_dense());
  CHECK(job.pruned().form.kept().count() == 3);
  REQUIRE(job.report().modules.size() == 3);
  for (const auto& module : job.report().modules) CHECK(std::isfinite(module.score));
  CHECK(job.report().epochs.size() == training.epochs);
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
  DataDescription business = data;
  business.calendar = parse_calendar("h B");
  series.times.back() = DateTime{2016, 7, 8, 23}.seconds();  // a Friday
  CHECK(forecast(example.model, business, series).times[0] == DateTime{2016, 7, 11}.seconds());
  business.calendar = parse_calendar("15min");
  CHECK(message_of<DataError>([&] { (void)forecast(example.model, business, series); }) ==
        "the series has frequency h, the one that the model was trained on 15min");
  business.calendar = parse_calendar("1");
  CHECK_THROWS_AS(forecast(example.model, business, series), DataError);
  series.times.clear(), series.time_index = TimeIndex::none;
  CHECK(to_csv(forecast(example.model, data, series)).find("\n4,") != std::string::npos);
  series.names[0] = "other";
  CHECK(message_of<ConfigError>([&] { (void)forecast(example.model, data, series); }) ==
        message("the columns of the series are not those that the model was trained on: column 1: "
                "expected ",
                in_quotes(data.names[0]), ", found \"other\""));
}

TEST_CASE("a model of some target columns forecasts those, in their units") {
  constexpr TimeXerConfig config{.channels = 7,
                                 .targets = 1,
                                 .lookback = 12,
                                 .horizon = 4,
                                 .width = 8,
                                 .ffn_width = 8,
                                 .heads = 2,
                                 .depth = 1,
                                 .patch = 4};
  const auto model = example::made<TimeXer<float>>({config}, 3, 0.1);
  const Series series = synthetic_series(100);
  const auto scaler = StandardScaler::fit(series.view(), {0, 100});
  const WindowOptions window{.lookback = 12, .horizon = 4, .features = Features::target_from_all};
  const Series future = forecast(model, {series.names, scaler, window}, series);
  CHECK(future.names == std::vector{series.names.back()});
  REQUIRE(future.values.size() == 4);
  WindowBuffer<float> buffer;
  Predictor<TimeXer<float>> predictor(model);
  const auto y = predictor.forecast(latest_window(series, scaler, window, buffer));
  for (std::size_t t = 0; t < 4; ++t)
    CHECK(future.values[t] == scaler.inverse(static_cast<double>(y.row(t)[0]), 6));
}

}  // namespace pruning_job_tests
