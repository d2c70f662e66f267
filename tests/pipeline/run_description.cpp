// The description of a run: its text and hash, what is in it, and what a resumed training asks of
// it.
#include <spat/data/synthetic.hpp>
#include <spat/pipeline/pruning_job.hpp>
#include <spat/report/json_report.hpp>

#include <tests/prune/scheduled.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>
#include <tests/support/temporary.hpp>

#include <nlohmann/json.hpp>

#include <functional>
#include <set>

namespace run_description_tests {

using namespace spat;
using namespace scheduled;

namespace {

JobOptions dropping(std::size_t count) {
  return {.training = training, .pruning = by(DropLowest{count}), .latency_seconds = 0};
}
std::string refusal(const RunDescription& mine, const RunDescription& written) {
  return message_of<ConfigError>([&] { mine.expect_same(written, "a.safetensors"); });
}

}  // namespace

TEST_CASE("a description is lines of names and values, and their hash") {
  RunDescription run;
  CHECK(run.empty());
  run.set("rate", 1e-4);
  run.set("seed", ~std::uint64_t{0});
  run.set("drop_last", false);
  run.set("column", "a\nb\\n=c");
  const std::string text = run.text();
  CHECK(text == message("rate=1e-04\nseed=18446744073709551615\ndrop_last=false\n"
                        "column=a\\nb\\\\n=c\nhash=",
                        run.hash_text(), "\n"));
  CHECK(run.hash_text().size() == 16);
  CHECK(RunDescription().hash() == 0xcbf29ce484222325u);  // of FNV-1a, for no bytes
  CHECK(RunDescription().hash_text() == "cbf29ce484222325");
  RunDescription letter;
  letter.set("a", "");
  CHECK(letter.hash() == [] {  // of "a=\n"
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const std::uint64_t c : {0x61u, 0x3du, 0x0au}) hash = (hash ^ c) * 0x100000001b3u;
    return hash;
  }());

  const auto read = RunDescription::parse(text, "x");
  CHECK(*read.find("column") == "a\nb\\n=c");
  CHECK_FALSE(run.difference(read));
  CHECK(read.hash() == run.hash());
  CHECK(RunDescription::parse("", "x").empty());
  run.set("rate", 2e-4);
  CHECK(run.text() != text);
  CHECK(run.text().starts_with("rate=2e-04\n"));
  CHECK_THROWS_AS(run.set("hash", 1), ConfigError);
  CHECK_THROWS_AS(run.set("a=b", 1), ConfigError);
  CHECK_THROWS_AS(run.set("", 1), ConfigError);
}

TEST_CASE("the text of no description is refused") {
  RunDescription run;
  run.set("rate", 1e-4);
  const std::string text = run.text();
  const auto refusal = [](const std::string& bad) {
    return message_of<FileError>([&] { (void)RunDescription::parse(bad, "x.safetensors"); });
  };
  const std::string start = "x.safetensors: expected the description of a run, ";
  CHECK(refusal("send, signed_sum") == start + "found \"send, signed_sum\"");
  CHECK(refusal("rate=1\n") == start + "found none of its hash");
  CHECK(refusal(text + "more=1\n") == start + "found \"more=1\"");
  CHECK(refusal("rate=1" + text.substr(text.find('\n'))).starts_with(start + "its hash is "));
  CHECK(refusal("a=1\na=2\n") == start + "found \"a\" twice");
  CHECK(refusal("=1\n") == start + "found \"=1\"");
  CHECK(refusal(text.substr(0, text.size() - 1)).starts_with(start + "found \"hash="));
}

TEST_CASE("the first difference is named with both values") {
  RunDescription mine, other;
  mine.set("seed", 1), mine.set("rate", 0.5), mine.set("name", "a b");
  other.set("seed", 1), other.set("rate", 0.25), other.set("name", "c");
  CHECK(refusal(mine, mine) == "nothing was thrown");
  CHECK(refusal(mine, other) ==
        "a.safetensors: was written by a run with rate=0.25, this one has "
        "rate=0.5");
  other.set("rate", 0.5);
  CHECK(refusal(mine, other) ==
        "a.safetensors: was written by a run with name=c, this one has name=\"a b\"");
  other.set("name", "a b"), other.set("more", true);
  CHECK(refusal(mine, other) ==
        "a.safetensors: was written by a run with more=true, this one has no more");
  CHECK(refusal(other, mine) ==
        "a.safetensors: was written by a run with no more, this one has more=true");
}

TEST_CASE("every option that decides a number changes the description") {
  const Example example;
  const auto hash_of = [&](const JobOptions& options) {
    return describe_run(example.model, options).hash();
  };
  using Change = std::function<void(JobOptions&)>;
  std::vector<Change> changes{
      [](JobOptions& o) { o.schedule = PruningSchedule::iterative; },
      [](JobOptions& o) { o.keep = ModuleMask{0b101}; },
      [](JobOptions& o) { o.scores_of_best_epoch = true; },
      [](JobOptions& o) { o.pruning.budget = DropLowest{2}; },
      [](JobOptions& o) { o.pruning.budget = ReduceMacs{0.351}; },
      [](JobOptions& o) { o.pruning.budget = ReduceMacs{0.3514}; },  // -35.1 % in words, both
      [](JobOptions& o) { o.pruning.budget = ReduceParameters{0.351}; },
      [](JobOptions& o) { o.pruning.budget = DropRatio{0.351}; },
      [](JobOptions& o) { o.pruning.budget = DropBelow{0.351}; },
      [](JobOptions& o) { o.pruning.budget = LatencyAtMost{0.351}; },
      [](JobOptions& o) { o.pruning.budget = LossAtMost{0.351}; },
      [](JobOptions& o) { o.pruning.latest_epoch = 7; },
      [](JobOptions& o) { o.pruning.stability.window = 9; },
      [](JobOptions& o) { o.pruning.stability.threshold = 0.5; },
      [](JobOptions& o) { o.pruning.measures.origins = 7; },
      [](JobOptions& o) { o.pruning.measures.latency_batch = 7; },
      [](JobOptions& o) { o.pruning.measures.seed = 7; },
      [](JobOptions& o) { o.pruning.fine_tunes = false; }};
  const std::vector<void (*)(TrainingOptions&)> of_training{
      [](TrainingOptions& t) { t.epochs = 77; },
      [](TrainingOptions& t) { t.batch_size = 77; },
      [](TrainingOptions& t) { t.patience = 77; },
      [](TrainingOptions& t) { t.rate = 0.77; },
      [](TrainingOptions& t) { t.schedule = RateSchedule::cosine; },
      [](TrainingOptions& t) { t.seed = 77; },
      [](TrainingOptions& t) { t.clip_norm = 77; },
      [](TrainingOptions& t) { t.drop_last = true; },
      [](TrainingOptions& t) { t.optimizer.rule = OptimizerRule::adamw; },
      [](TrainingOptions& t) { t.optimizer.beta1 = 0.77; },
      [](TrainingOptions& t) { t.optimizer.beta2 = 0.77; },
      [](TrainingOptions& t) { t.optimizer.epsilon = 0.77; },
      [](TrainingOptions& t) { t.optimizer.weight_decay = 0.77; },
      [](TrainingOptions& t) { t.optimizer.momentum = 0.77; },
      [](TrainingOptions& t) { t.loss.rule = LossRule::huber; },
      [](TrainingOptions& t) { t.loss.delta = 0.77; },
      [](TrainingOptions& t) { t.loss.level = 0.77; },
      [](TrainingOptions& t) { t.layer_drop = 0.77; },
      [](TrainingOptions& t) { t.averaging.kind = Averaging::swa; },
      [](TrainingOptions& t) { t.averaging.decay = 0.77; },
      [](TrainingOptions& t) { t.averaging.first_epoch = 77; },
      [](TrainingOptions& t) { t.distillation = 0.77; }};
  for (const auto& change : of_training) {
    changes.push_back([change](JobOptions& o) { change(o.training); });
    changes.push_back([change](JobOptions& o) { change(o.pruning.fine_tuning); });
  }
  std::set<std::uint64_t> hashes{hash_of(dropping(1))};
  for (const Change& change : changes) {
    JobOptions options = dropping(1);
    change(options);
    hashes.insert(hash_of(options));
  }
  CHECK(hashes.size() == changes.size() + 1);

  JobOptions same = dropping(1);
  same.command = "spat", same.latency_seconds = 9, same.searches = true;
  CHECK(hash_of(same) == hash_of(dropping(1)));
  const RunDescription run = describe_run(example.model, dropping(1));
  CHECK(*run.find("model") == "itransformer");
  CHECK(*run.find("model.lookback") == "12");
  CHECK(*run.find("model.kept") == "111");
  CHECK(describe_run(example::made<Model>({config}, 3, 0.2), dropping(1)).hash() != run.hash());
}

TEST_CASE("criteria and data are described, and each choice of the data counts") {
  const CriterionOptions plain;
  std::set<std::uint64_t> hashes{describe("send", plain).hash(), describe("fisher", plain).hash()};
  for (const CriterionOptions& options :
       {CriterionOptions{.variant = SendVariant::absolute_mean},
        CriterionOptions{.dynamics = SendDynamics::epoch},
        CriterionOptions{.reduction = LossReduction::sum}, CriterionOptions{.normalized = true},
        CriterionOptions{.decay = 0.9}, CriterionOptions{.seed = 2}})
    hashes.insert(describe("send", options).hash());
  CHECK(hashes.size() == 8);

  const Series series = synthetic_series(60);
  const auto data = describe_series(series, StandardScaler::fit(series.view(), {0, 60}), {});
  const RunDescription run = describe(data);
  CHECK(*run.find("data.frequency") == "h");
  CHECK(*run.find("data.missing_code") == "none");
  CHECK_FALSE(RunDescription::parse(run.text(), "x").difference(run));
  const auto first_difference = [&](auto&& change) {
    DataDescription other = data;
    change(other);
    return describe(other).difference(run)->name;
  };
  CHECK(first_difference([](auto& d) { d.protocol = Protocol::ett_hourly; }) == "data.protocol");
  CHECK(first_difference([](auto& d) { d.window.stride = 2; }) == "data.stride");
  CHECK(first_difference([](auto& d) { d.window.marks = Frequency::daily; }) == "data.marks");
  CHECK(first_difference([](auto& d) { d.window.features = Features::target; }) == "data.features");
  CHECK(first_difference([](auto& d) { d.calendar = parse_calendar("B"); }) == "data.frequency");
  CHECK(first_difference([](auto& d) { d.missing_code = -1; }) == "data.missing_code");
  CHECK(first_difference([](auto& d) { d.missing = MissingRule::linear; }) == "data.missing");
  CHECK(first_difference([](auto& d) { d.window.known_covariates = true; }) ==
        "data.known_covariates");
  CHECK(first_difference([](auto& d) { d.digest += 1; }) == "data.digest");
}

TEST_CASE("a training is resumed by the same run alone") {
  const Example example;
  const TemporaryFolder folder;
  const JobData<float> data{example.windows.training, example.windows.validation,
                            example.windows.validation};
  const auto job_of = [&](const JobOptions& options) {
    return std::make_unique<PruningJob<Model>>(example.model, make_criterion<float>("send"), data,
                                               options);
  };
  const std::string state = folder / "state";
  CHECK_FALSE(job_of(dropping(1))->train({.path = state, .stop_after = 1}));
  const auto refused = [&](const JobOptions& options) {
    const std::string text =
        message_of<ConfigError>([&] { job_of(options)->train({.path = state, .resume = true}); });
    const std::string start = state + ": was written by a run with ";
    CHECK(text.starts_with(start));
    return text.substr(std::min(start.size(), text.size()));
  };
  JobOptions other = dropping(1);
  other.training.optimizer.beta2 = 0.99;
  CHECK(refused(other) == "training.beta2=0.999, this one has training.beta2=0.99");
  other = dropping(1), other.training.seed = 6;
  CHECK(refused(other) == "training.seed=5, this one has training.seed=6");
  other = dropping(2);
  CHECK(refused(other) == "pruning.budget_value=1, this one has pruning.budget_value=2");
  other = dropping(1), other.schedule = PruningSchedule::in_training;
  CHECK(refused(other) == "pruning.schedule=one-shot, this one has pruning.schedule=in-training");
  other = dropping(1), other.pruning.measures.origins = 6;
  CHECK(refused(other) == "pruning.origins=5, this one has pruning.origins=6");
  other = dropping(1), other.pruning.fine_tuning.rate = 0.5;
  CHECK(refused(other) == "fine_tuning.rate=0.001, this one has fine_tuning.rate=0.5");
  other = dropping(1), other.run = describe_run(example.model, other);
  other.run.add(describe("send", CriterionOptions{}));
  CHECK(refused(other) == "no criterion, this one has criterion=send");

  const auto job = job_of(dropping(1));
  CHECK(job->train({.path = state, .resume = true}));
  const RunDescription written = run_of_state(SafetensorsFile(state));
  CHECK(written.hash() == describe_run(example.model, dropping(1)).hash());
  CHECK(job->report().run == written.hash_text());
  CHECK(nlohmann::json::parse(to_json(job->report()))["run"] == written.hash_text());
}

}  // namespace run_description_tests
