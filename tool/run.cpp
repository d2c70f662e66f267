// spat run: its options, and what spat run and spat prune share.
#include "run.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/report/html_report.hpp>
#include <spat/report/json_report.hpp>
#include <spat/report/text_report.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

void run_job(RunOptions o, const ModelOptions& model, const DataOptions& data,
             const CLI::App& command) {
  const auto loaded = model.load(data);
  if (o.budget.when == "in-training")
    for (const char* option : {"--search", "--distill", "--test-data"})
      if (command.count(option) > 0)
        throw spat::ConfigError(message(
            option, ": comparisons need a dense model, and --when in-training trains none"));
  expect_effects(command, {{"--dropout", loaded.architecture->traits.has_dropout,
                            message("dropout layers, and ", model.name, " has none")}});
  o.expect_effects(command, *loaded.architecture,
                   loaded.architecture->summary(loaded.configuration).modules);
  o.dropout = model.dropout;
  loaded.architecture->run(o, loaded.configuration, loaded.data,
                           load_others(o.test_data, data, loaded.data));
}

}  // namespace

void PruneJob::add_to(CLI::App& command) {
  command.add_option("--out", out, "Folder for report.json, report.html and the models")
      ->capture_default_str();
  criterion.add_to(command);
  budget.add_to(command);
  tune.add_to(command);
  command
      .add_option("--test-data", test_data,
                  "Other series to test on, unseen in training (zero-shot): FILE or FILE:PROTOCOL")
      ->allow_extra_args(false);
  command.add_flag("--search", searches,
                   "Measure loss and latency of all masks, or of a beam of masks if there are many "
                   "modules, for the Pareto front of the report");
  command
      .add_option("--search-method", search_method,
                  "Method of --search: automatic, exhaustive, greedy or beam")
      ->capture_default_str();
  command.add_option("--beam-width", beam_width, "Masks of each size that a beam search extends")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--latency-seconds", latency_seconds,
                  "Seconds for which the latency of a forecast is measured")
      ->check(not_negative())
      ->capture_default_str();
}

void finish(const PruneJob& job, const spat::PruningReport& report, bool wrote_dense) {
  spat::write_file(job.out + "/report.json", spat::to_json(report));
  spat::write_file(job.out + "/report.html", spat::to_html(report));
  std::printf("%s\nwritten to %s: report.json, report.html%s%s\n", spat::to_text(report).c_str(),
              job.out.c_str(), wrote_dense ? ", dense.safetensors" : "",
              report.prunes() ? ", pruned.safetensors" : "");
}

Command add_run(CLI::App& app, const std::string& command_line) {
  struct All {
    RunOptions run;
    ModelOptions model;
    TrainOptions train;
    DataOptions data;
  };
  const auto all = std::make_shared<All>();
  RunOptions& o = all->run;
  o.command_line = command_line;
  CLI::App& command = *app.add_subcommand("run", "Train, score, prune, fine-tune and report");
  all->data.add_training_to(command);
  all->data.add_known_to(command);
  all->model.add_to(command);
  all->model.add_dropout_to(command);
  all->train.add_to(command);
  o.add_to(command);
  all->data.add_refit_to(command)->needs(command.get_option("--test-data"));
  command
      .add_option("--scores-of", o.scores_of,
                  "Epoch after which scores count: last, or best, of which the weights are")
      ->check(CLI::IsMember({"last", "best"}))
      ->capture_default_str();
  command.add_flag("--resume", o.resume, "Resume from training.safetensors in the output folder");
  command
      .add_option("--stop-after", o.stop_after,
                  "Stop after this many epochs, to --resume later; 0: when training is done")
      ->capture_default_str();
  return [all, &command] {
    RunOptions job = all->run;
    job.training = all->train.options();
    expect_effects(command, all->train.effects());
    job.threads = all->train.threads;
    job.quiet = all->data.quiet;
    run_job(std::move(job), all->model, all->data, command);
  };
}

}  // namespace tool
