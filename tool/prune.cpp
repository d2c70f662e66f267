// spat prune: its options.
#include "run.hpp"

#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>

namespace tool {

namespace {

/// Whether a scaler leaves numbers as they are: that of a model which was imported without one.
bool is_identity(const spat::StandardScaler& scaler) {
  return std::ranges::all_of(scaler.mean(), [](double mean) { return mean == 0; }) &&
         std::ranges::all_of(scaler.deviation(), [](double deviation) { return deviation == 1; });
}

}  // namespace

Command add_prune(CLI::App& app, const std::string& command_line) {
  struct All {
    PruneOptions prune;
    DataOptions data;
    std::size_t threads = 1, batch = 32;
    std::uint64_t seed = 1;
    double rate = 1e-4;
  };
  const auto all = std::make_shared<All>();
  PruneOptions& o = all->prune;
  o.command_line = command_line;
  CLI::App& command =
      *app.add_subcommand("prune", "Score a trained model, prune, fine-tune and report");
  command.add_option("--model", o.model_file, "Model file written by run")->required();
  all->data.add_series_to(command);
  all->data.add_values_to(command);
  all->data.add_quiet_to(command, /*with_progress*/ true);
  all->data.add_parts_to(command);
  all->data.add_stride_to(command);
  all->data.add_test_stride_to(command);
  all->data.add_refit_to(command);
  o.add_to(command);
  command
      .add_option("--scoring-batches", o.scoring_batches, "Batches of training windows to score on")
      ->check(at_least(1))
      ->capture_default_str();
  command.add_option("--batch", all->batch, "Windows per step")
      ->check(at_least(1))
      ->capture_default_str();
  command.add_option("--rate", all->rate, "Learning rate with which the model was trained")
      ->check(positive())
      ->capture_default_str();
  command.add_option("--seed", all->seed, "Seed of shuffles and dropout")->capture_default_str();
  command.add_option("--threads", all->threads, "Number of threads; results do not depend on it")
      ->check(at_least(1))
      ->capture_default_str();
  return [all, &command] {
    PruneOptions job = all->prune;
    job.training.batch_size = all->batch;
    job.training.rate = all->rate;
    job.training.seed = all->seed;
    job.training.check();
    job.threads = all->threads;
    job.quiet = all->data.quiet;
    // Windows replaces no file that is open, and the model may lie where --out writes.
    const Architecture& model =
        architecture(spat::SafetensorsFile(job.model_file).metadata(spat::model_key));
    job.expect_effects(command, model, model.inspect(job.model_file).modules.size());
    const spat::DataDescription about = spat::load_data_description(job.model_file);
    const Data data =
        load_as(about, all->data,
                {.far = is_identity(about.scaler) ? FarSeries::ignore : FarSeries::refit});
    model.prune(job, data, load_others(job.test_data, all->data, data));
  };
}

}  // namespace tool
