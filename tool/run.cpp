// spat run and spat prune: their options, and what of them does not depend on the model's type.
#include "run.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/report/html_report.hpp>
#include <spat/report/json_report.hpp>
#include <spat/report/text_report.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

namespace {

void run(RunOptions o, const ModelOptions& model, const DataOptions& data) {
  const auto loaded = model.load(data);
  o.about_data = describe(loaded.data, loaded.marks);
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
                  "Other series to test on, unseen in training (zero-shot): FILE, or FILE:PROTOCOL")
      ->allow_extra_args(false);
  command.add_flag("--search", searches,
                   "Measure loss and latency of all masks (of many modules: of a beam of them) for "
                   "the report's front");
  command
      .add_option("--search-method", search_method,
                  "Of --search: automatic, exhaustive, greedy or beam")
      ->capture_default_str();
  command.add_option("--beam-width", beam_width, "Masks of each size that a beam extends")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command
      .add_option("--latency-seconds", latency_seconds,
                  "How long the latency of a forecast is measured")
      ->capture_default_str();
}

void make_folder(const std::string& folder) {
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem) throw spat::FileError(message(folder, ": ", problem.message()));
}

void finish(const PruneJob& job, const spat::PruningReport& report, bool wrote_dense) {
  spat::write_file(job.out + "/report.json", spat::to_json(report));
  spat::write_file(job.out + "/report.html", spat::to_html(report));
  std::printf("%s\nwritten to %s: report.json, report.html%s%s\n", spat::to_text(report).c_str(),
              job.out.c_str(), wrote_dense ? ", dense.safetensors" : "",
              report.prunes() ? ", pruned.safetensors" : "");
}

std::vector<spat::ReportForecast> examples_of(
    const Data& data, const std::function<Forecast(const spat::WindowBatch<float>&)>& dense,
    const std::function<Forecast(const spat::WindowBatch<float>&)>& pruned) {
  std::vector<spat::ReportForecast> examples;
  const std::size_t windows = data.test->size(), lookback = data.window.lookback,
                    horizon = data.window.horizon;
  spat::WindowBuffer<float> buffer;
  for (const std::size_t third : {1u, 2u}) {
    const std::array<std::size_t, 1> index{third * windows / 3};
    const auto window = data.test->gather(index, buffer);
    const Forecast a = dense(window), b = pruned(window);
    const std::size_t channels = window.channels(),
                      column = a.columns - 1;  // the last channel, which is the target
    const std::size_t of_series = data.series.channels() - 1;
    spat::ReportForecast example{.channel = data.series.names[of_series],
                                 .history = {},
                                 .truth = {},
                                 .dense = {},
                                 .pruned = {}};
    const auto unscaled = [&](float value) {
      return data.scaler.inverse(static_cast<double>(value), of_series);
    };
    for (std::size_t t = 0; t < lookback; ++t)
      example.history.push_back(unscaled(window.history.row(t)[channels - 1]));
    for (std::size_t t = 0; t < horizon; ++t) {
      example.truth.push_back(unscaled(window.target.row(t)[column]));
      example.dense.push_back(unscaled(a.values[t * a.columns + column]));
      example.pruned.push_back(unscaled(b.values[t * b.columns + column]));
    }
    examples.push_back(std::move(example));
  }
  return examples;
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
  all->data.add_to(command);
  all->model.add_to(command);
  all->train.add_to(command);
  o.add_to(command);
  command.add_flag("--resume", o.resume, "Go on from training.safetensors in the output folder");
  command
      .add_option("--stop-after", o.stop_after,
                  "Stop after this many epochs, to --resume later; 0: when training is done")
      ->capture_default_str();
  return [all] {
    RunOptions job = all->run;
    job.training = all->train.options();
    job.threads = all->train.threads;
    job.quiet = all->train.quiet;
    run(std::move(job), all->model, all->data);
  };
}

Command add_prune(CLI::App& app, const std::string& command_line) {
  struct All {
    PruneOptions prune;
    DataOptions data;
    std::size_t threads = 1, batch = 32;
    std::uint64_t seed = 1;
    double rate = 1e-4;
    bool quiet = false;
  };
  const auto all = std::make_shared<All>();
  PruneOptions& o = all->prune;
  o.command_line = command_line;
  CLI::App& command =
      *app.add_subcommand("prune", "Score a trained model, prune, fine-tune and report");
  command.add_option("--model", o.model_file, "Model file, as run writes it")->required();
  all->data.add_to(command);
  o.add_to(command);
  command
      .add_option("--scoring-batches", o.scoring_batches,
                  "Batches of training windows that scores are measured on")
      ->capture_default_str();
  command.add_option("--batch", all->batch, "Windows a step")->capture_default_str();
  command.add_option("--rate", all->rate, "The learning rate that the model was trained with")
      ->capture_default_str();
  command.add_option("--seed", all->seed, "Seed of shuffles and dropout")->capture_default_str();
  command.add_option("--threads", all->threads, "Workers; results do not depend on it")
      ->capture_default_str();
  command.add_flag("--quiet", all->quiet, "No progress");
  return [all, &command] {
    PruneOptions job = all->prune;
    if (all->threads == 0) throw spat::ConfigError("--threads must be at least 1");
    job.training.batch_size = all->batch;
    job.training.rate = all->rate;
    job.training.seed = all->seed;
    job.training.check();
    job.threads = all->threads;
    job.quiet = all->quiet;
    const Described about = described(spat::SafetensorsFile(job.model_file));
    const Data data =
        load_as(about, all->data, command.count("--protocol") != 0, command.count("--marks") != 0);
    architecture(about.model).prune(job, data, load_others(job.test_data, all->data, data));
  };
}

}  // namespace tool
