// What a pruned model is compared with: which dense model, how it was fine-tuned, and that every
// part of a report takes it.
#include <spat/pipeline/pruning_job.hpp>
#include <spat/report/json_report.hpp>
#include <spat/report/text_report.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>

#include <nlohmann/json.hpp>

namespace reference_tests {

using namespace spat;
using namespace scheduled;

namespace {

using Job = PruningJob<Model, Scripted>;

JobOptions dropping(std::size_t count, PruningSchedule schedule = PruningSchedule::one_shot) {
  JobOptions options{.training = training,
                     .schedule = schedule,
                     .pruning = by(DropLowest{count}),
                     .latency_seconds = 0};
  return options;
}
JobData<float> data_of(const Example<Model>& example) {
  return {example.windows.training, example.windows.validation, example.windows.validation};
}
/// A job that was run to the end of its report.
std::unique_ptr<Job> run(const Example<Model>& example, const JobOptions& options,
                         const JobData<float>& data, const JobProgress& progress = {}) {
  auto job = std::make_unique<Job>(example.model, Scripted({3, 1, 2}), data, options, progress);
  job->score({.batches = 2});
  job->prune();
  job->measure();
  return job;
}
/// The example's dense model after so many fine-tunings.
Model tuned(const Example<Model>& example, std::size_t rounds,
            const TrainingOptions& options = tuning,
            const typename Trainer<Model>::Teacher& teacher = {}) {
  Model model = example.model;
  NoObserver nobody;
  for (std::size_t round = 0; round < rounds; ++round)
    (void)fine_tune(model, example.data, options, nobody, teacher);
  return model;
}
/// Windows of noise, on which no forecast is better than another but by chance.
WindowDataset<float> noise(std::uint64_t stream) {
  Series series = synthetic_series(120);
  Random random(11, stream);
  for (double& value : series.values) value = random.normal();
  const auto scaler = StandardScaler::fit(series.view(), {0, 120});
  return {series, scaler, {0, 120}, {.lookback = 12, .horizon = 4}};
}

}  // namespace

TEST_CASE("the dense model is fine-tuned as often and as long as the pruned one") {
  const Example example;
  for (const auto schedule : {PruningSchedule::one_shot, PruningSchedule::iterative}) {
    const auto job = run(example, dropping(2, schedule), data_of(example));
    const std::size_t rounds = schedule == PruningSchedule::iterative ? 2 : 1;
    REQUIRE(job->reference());
    REQUIRE(job->reference()->tuned());
    CHECK(example::same_parameters(*job->reference()->tuned(), tuned(example, rounds)));
    const PruningReport& report = job->report();
    CHECK(report.reference.pruned_epochs == rounds * tuning.epochs);
    CHECK(report.reference.tuned_epochs == rounds * tuning.epochs);
    CHECK(report.dense_tuned->mse ==
          evaluate(tuned(example, rounds), example.windows.validation).mse);
    CHECK(report.reference.model == DenseModel::fine_tuned);
    CHECK(report.reference.tuned_loss < report.reference.trained_loss);
  }
}

TEST_CASE("a fine-tuning that was undone is none that the pruned model had") {
  Example example;  // trained well enough to miss a module
  Trainer<Model> trainer(
      example.model,
      {.epochs = 12, .batch_size = 16, .rate = 3e-3, .schedule = RateSchedule::constant});
  trainer.fit(example.windows.training, example.windows.validation);
  const auto by_window = [&](const Model& model) {
    return error_profile(model, example.windows.validation).by_window;
  };
  // the order of removals, and their number, after which one more raises the loss
  std::vector<double> scores{1, 2, 3};
  std::size_t count = 0;
  double limit = 0;
  do {
    double highest = -1;
    for (std::size_t removals = 1; removals <= 3 && count == 0; ++removals) {
      Pruner<Model, Scripted> pruner(example.model, Scripted(scores));
      const auto result =
          prune_iteratively(example.model, pruner, example.data, by(DropLowest{removals}));
      const Estimate change = loss_change(by_window(example.model), by_window(result.model), 5);
      if (removals > 1 && change.mean + change.error > highest)
        count = removals - 1, limit = (change.mean + change.error + highest) / 2;
      highest = std::max(highest, change.mean + change.error);
    }
  } while (count == 0 && std::ranges::next_permutation(scores).found);
  REQUIRE(count > 0);
  JobOptions options = dropping(1, PruningSchedule::iterative);
  options.pruning.budget = LossAtMost{limit};
  options.pruning.measures.origins = 5;
  Job job(example.model, Scripted(scores), data_of(example), options);
  job.prune();
  job.measure();
  CHECK(job.pruned().form.kept().count() == 3 - count);
  CHECK(job.report().epochs.size() == (count + 1) * tuning.epochs);
  CHECK(job.report().reference.pruned_epochs == count * tuning.epochs);
  CHECK(example::same_parameters(*job.reference()->tuned(), tuned(example, count)));
}

TEST_CASE("the dense model learns from the same teacher") {
  const Example example;
  JobOptions options = dropping(1);
  options.pruning.fine_tuning.distillation = 0.7;
  const auto job = run(example, options, data_of(example));
  CHECK(example::same_parameters(
      *job->reference()->tuned(),
      tuned(example, 1, options.pruning.fine_tuning, teacher_of(example.model))));
}

TEST_CASE("the dense model has the rates of the pruned one, and no more epochs") {
  const Example example;
  TrainingOptions options = tuning;
  options.epochs = 4, options.schedule = RateSchedule::cosine;
  const FineTuning<Model> two{options, {2}};
  const Reference<Model> reference(example.model, example.data, two);
  CHECK(reference.about().tuned_epochs == 2);
  Model expected = example.model;
  NoObserver nobody;
  Trainer<Model> trainer(expected, options);
  trainer.consider_start(example.windows.training, example.windows.validation);
  for (int epoch = 0; epoch < 2; ++epoch)
    trainer.run_epoch(example.windows.training, example.windows.validation, nobody);
  trainer.take_best();
  CHECK(example::same_parameters(*reference.tuned(), expected));

  options.rate = 0.3, options.patience = 1, options.epochs = 5;  // every epoch does harm
  const Reference<Model> stopped(example.model, example.data, {options, {5, 5}});
  CHECK(stopped.about().pruned_epochs == 10);
  CHECK(stopped.about().tuned_epochs == 2);
  CHECK(stopped.about().model == DenseModel::as_trained);
  CHECK(&stopped.model() == &example.model);
}

TEST_CASE("the loss of fine-tuning on validation windows decides, and no test error") {
  const Example example;
  const Model better = tuned(example, 1);
  std::uint64_t stream = 0;
  while (stream < 40 &&
         evaluate(better, noise(stream)).mse <= evaluate(example.model, noise(stream)).mse)
    ++stream;
  const auto test = noise(stream);
  REQUIRE(evaluate(better, test).mse > evaluate(example.model, test).mse);
  const JobData<float> data{example.windows.training, example.windows.validation, test};
  const auto job = run(example, dropping(1), data);
  const PruningReport& report = job->report();
  CHECK(report.dense_tuned->mse > report.dense.mse);
  CHECK(report.reference.model == DenseModel::fine_tuned);
  CHECK(report.reference_row().mse == evaluate(better, test).mse);
  CHECK(report.reference_row().mae == evaluate(better, test).mae);
  const auto loss = [&](const Model& model) {
    return evaluate(model, example.windows.validation).mse;
  };
  CHECK(report.reference.trained_loss == loss(example.model));
  CHECK(report.reference.tuned_loss == loss(better));

  TrainingOptions absolute = tuning;
  absolute.loss.rule = LossRule::mae;
  const Reference<Model> reference(example.model, example.data, {absolute, {1}});
  CHECK(reference.about().trained_loss == evaluate(example.model, example.windows.validation).mae);
}

TEST_CASE("every comparison of a report is with the reference") {
  const Example example;
  const auto schedule = GENERATE(PruningSchedule::one_shot, PruningSchedule::iterative);
  JobData<float> data = data_of(example);
  data.description.names = synthetic_series(1).names;
  data.description.scaler = StandardScaler(std::vector<double>(7, 0), std::vector<double>(7, 1));
  const auto other = noise(1);
  data.others.push_back({"the same", data.test});
  data.others.push_back({"other", other});
  const auto job = run(example, dropping(2, schedule), data);
  const PruningReport& report = job->report();
  const Model& reference = job->reference()->model();
  REQUIRE(&reference == job->reference()->tuned());

  CHECK(report.error_by_step.reference == error_profile(reference, data.test).by_step);
  REQUIRE(report.forecasts.size() == 2);
  Predictor<Model> predictor(reference);
  WindowBuffer<float> buffer;
  for (const std::size_t third : {1u, 2u}) {
    const std::array<std::size_t, 1> index{third * data.test.size() / 3};
    const auto y = predictor.forecast(data.test.gather(index, buffer));
    for (std::size_t t = 0; t < 4; ++t)
      CHECK(report.forecasts[third - 1].reference[t] == static_cast<double>(y.row(t)[6]));
  }
  REQUIRE(report.zero_shot.size() == 2);
  CHECK(report.zero_shot[0].reference_mse == report.reference_row().mse);
  CHECK(report.zero_shot[0].reference_mae == report.reference_row().mae);
  CHECK(report.zero_shot[0].pruned_mse == report.pruned.mse);
  CHECK(report.zero_shot[1].reference_mse == evaluate(reference, other).mse);
  CHECK(report.zero_shot[1].reference_mae == evaluate(reference, other).mae);

  const std::string text = to_text(report);
  CHECK(text.find("reference: dense, fine-tuned (validation loss") != std::string::npos);
  CHECK(nlohmann::json::parse(to_json(report))["reference"]["model"] == "dense_tuned");
}

TEST_CASE("the reference is trained once, and only where the pruned model was fine-tuned") {
  const Example example;
  std::size_t epochs = 0;
  const JobProgress progress{.dense_fine_tuning = [&](const Progress& p) {
    if (p.finished) ++epochs;
  }};
  const auto job =
      run(example, dropping(2, PruningSchedule::iterative), data_of(example), progress);
  CHECK(epochs == 2 * tuning.epochs);
  job->measure();
  CHECK(epochs == 2 * tuning.epochs);
  CHECK(job->report().error_by_step.reference.size() == 4);

  JobOptions options = dropping(1);
  options.pruning.fine_tunes = false;
  const auto plain = run(example, options, data_of(example), progress);
  CHECK(epochs == 2 * tuning.epochs);
  CHECK(plain->reference()->about().model == DenseModel::as_trained);
  CHECK(&plain->reference()->model() == &plain->dense());
  CHECK_FALSE(plain->report().dense_tuned);
  CHECK_FALSE(plain->report().pruned_only);
}

TEST_CASE("where nothing is removed there is nothing to compare, even of a pruned model") {
  const Example example;
  Example<Model> smaller;
  smaller.model = pruned(example.model, ModuleMask{0b101}, example.windows.training, 1);
  const auto job = run(smaller, dropping(0), data_of(smaller));
  const PruningReport& report = job->report();
  CHECK_FALSE(report.prunes());
  CHECK(job->reference() == nullptr);
  CHECK((report.modules[0].before && !report.modules[1].before && !report.modules[1].kept));
  const std::string text = to_text(report);
  for (const char* words : {"before fine-tuning", "-100", "reference", "change"})
    CHECK(text.find(words) == std::string::npos);
  CHECK(text.find("removed earlier") != std::string::npos);
  const auto json = nlohmann::json::parse(to_json(report));
  CHECK((json["pruned"].is_null() && json["reference"].is_null()));

  const auto more = run(smaller, dropping(1), data_of(smaller));
  CHECK(more->report().prunes());
  CHECK((more->report().modules[2].removed() && !more->report().modules[1].removed()));
}

TEST_CASE("removals during a training leave no dense model, those during fine-tuning do") {
  const Example example;
  JobOptions options = dropping(1, PruningSchedule::in_training);
  options.training.epochs = 4, options.pruning.latest_epoch = 2;
  Job job(example.model, Scripted({3, 1, 2}), data_of(example), options);
  CHECK(job.train());
  job.prune();
  job.measure();
  CHECK(job.report().prunes());
  CHECK(job.reference() == nullptr);
  CHECK(job.report().reference.model == DenseModel::none);
  CHECK(to_text(job.report()).find("reference: none") != std::string::npos);
  CHECK(to_text(job.report()).find("as many epochs in total") != std::string::npos);

  options.pruning.fine_tuning.epochs = 4;
  const auto tuning_job = run(example, options, data_of(example));
  CHECK(tuning_job->report().reference.pruned_epochs == tuning_job->report().epochs.size());
  CHECK(example::same_parameters(*tuning_job->reference()->tuned(),
                                 tuned(example, 1, options.pruning.fine_tuning)));
}

}  // namespace reference_tests
