// spat update: trains a saved model on newer data, as it was trained.
#include "update.hpp"

#include "architecture.hpp"
#include "number_rule.hpp"
#include "test_errors.hpp"

#include <spat/models/checkpoint.hpp>
#include <spat/report/number_text.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

void UpdateOptions::add_training_to(CLI::App& command) {
  training.epochs = 3, training.patience = 3, training.rate = 1e-5;
  training.schedule = spat::RateSchedule::constant;
  command.add_option("--epochs", training.epochs, "Maximum number of epochs")
      ->check(at_least(1))
      ->capture_default_str();
  command.add_option("--rate", training.rate, "Constant learning rate")
      ->check(positive())
      ->capture_default_str();
  command
      .add_option("--patience", training.patience,
                  "Epochs without improvement before it stops; 0: never")
      ->capture_default_str();
  command.add_option("--batch", training.batch_size, "Windows per step")
      ->check(at_least(1))
      ->capture_default_str();
  command.add_option("--seed", training.seed, "Seed of shuffles and dropout")
      ->capture_default_str();
}

void print_update(const Data& data, const UpdateErrors& errors) {
  const spat::PruningReport report = test_report(data, errors.test_after);
  print_verdict(report);
  const double before = errors.validation_before.mse, after = errors.validation_after.mse;
  if (after < before)
    std::printf("The validation MSE falls from %.4f to %.4f.\n\n", before, after);
  else
    std::printf("No epoch lowers the validation MSE of %.4f: the weights stay as they are.\n\n",
                before);
  const auto line = [](const char* name, double from, double to) {
    std::printf("%-14s%12.6f%12.6f%10s\n", name, from, to, spat::percent(to / from - 1).c_str());
  };
  std::printf("%-14s%12s%12s%10s\n", "", "before", "updated", "change");
  line("validation MSE", before, after);
  line("test MSE", errors.test_before.mse, errors.test_after.mse);
  line("test MAE", errors.test_before.mae, errors.test_after.mae);
  print_footnotes(report);
}

Command add_update(CLI::App& app) {
  struct All {
    UpdateOptions update;
    DataOptions data;
  };
  const auto all = std::make_shared<All>();
  UpdateOptions& o = all->update;
  CLI::App& command = *app.add_subcommand(
      "update", "Train a saved model, dense or pruned, on newer data, and save it");
  command.add_option("--model", o.model, "Model file")->required();
  command.add_option("--out", o.out, "Model file to write")->required();
  all->data.add_series_to(command);
  all->data.add_values_to(command);
  all->data.add_quiet_to(command, /*with_progress*/ true);
  all->data.add_parts_to(command);
  all->data.add_stride_to(command);
  all->data.add_test_stride_to(command);
  command
      .add_option("--scaler", o.scaler,
                  "The scaler of the updated model: keep that of the model, refit it on the "
                  "training part, or automatic: refit if the series is far from the model's own")
      ->check(CLI::IsMember({"automatic", "keep", "refit"}))
      ->capture_default_str();
  o.add_training_to(command);
  command.add_option("--threads", o.threads, "Number of threads; results do not depend on it")
      ->check(at_least(1))
      ->capture_default_str();
  return [all] {
    UpdateOptions job = all->update;
    job.training.check();
    job.quiet = all->data.quiet;
    DataOptions data = all->data;
    data.refit_scaler = job.scaler == "refit";
    const Data loaded =
        load_as(spat::load_data_description(job.model), data,
                {.far = job.scaler == "automatic" ? FarSeries::refit : FarSeries::warn});
    // Windows replaces no file that is open, and --out may name the model's own.
    const Architecture& model =
        architecture(spat::SafetensorsFile(job.model).metadata(spat::model_key));
    model.update(job, loaded);
    std::printf("written: %s\n", job.out.c_str());
  };
}

}  // namespace tool
