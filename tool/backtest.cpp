// spat backtest: a saved model on the past of a series, from rolling origins.
#include "backtest.hpp"

#include "architecture.hpp"
#include "effects.hpp"
#include "number_rule.hpp"
#include "update.hpp"

#include <spat/data/calendar_name.hpp>
#include <spat/io/atomic_file.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/report/backtest_html.hpp>
#include <spat/report/backtest_text.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

struct All {
  BacktestJob job;
  DataOptions data;
  UpdateOptions update;  // the training of --retrain
  std::string model, out, retrain = "never", command_line;
  std::optional<std::size_t> step;
  CLI::App* command = nullptr;
};

/// Throws ConfigError for options of the training without --retrain.
void read_retraining(All& all) {
  if (all.retrain != "never") {
    const auto every = spat::parse_number<std::int64_t>(all.retrain);
    if (!every || *every < 1)
      throw spat::ConfigError(
          message("--retrain: expected never or a number of origins of at least "
                  "1, found ",
                  spat::in_quotes(all.retrain)));
    all.job.options.retrain_every = static_cast<std::size_t>(*every);
    all.update.training.check();
    all.job.training = all.update.training;
    return;
  }
  for (const char* option : {"--epochs", "--rate", "--patience", "--batch", "--seed"})
    if (all.command->count(option) > 0)
      throw spat::ConfigError(message(option, " has no effect without --retrain"));
}

void run(All& all) {
  read_retraining(all);
  expect_effects(*all.command,
                 {{"--step", all.job.options.origins != 1, "more than one of --origins"}});
  all.job.options.step = all.step;
  const spat::SafetensorsFile file(all.model);
  const Architecture& model = architecture(file.metadata(spat::model_key));
  const Data data = load_latest(spat::load_data_description(file), all.data);
  if (const auto saved = file.metadata().find(spat::intervals_key); saved != file.metadata().end())
    all.job.intervals = spat::intervals_from_json(saved->second, file.path());
  spat::BacktestReport report(
      of_file(data.origin, [&] { return model.backtest(all.model, all.job, data); }));
  report.model = model.name, report.data = data.name, report.command = all.command_line;
  report.frequency = spat::to_text(data.description.calendar);
  report.scaler = data.scaler;
  std::printf("%s", spat::to_text(report).c_str());
  if (all.out.empty()) return;
  make_folder(all.out);
  spat::write_file(all.out + "/backtest.csv", spat::to_csv(report));
  spat::write_file(all.out + "/backtest.json", spat::to_json(report));
  spat::write_file(all.out + "/backtest.html", spat::to_html(report));
  std::printf("\nwritten to %s: backtest.csv, backtest.json, backtest.html\n", all.out.c_str());
}

}  // namespace

Command add_backtest(CLI::App& app, const std::string& command_line) {
  const auto all = std::make_shared<All>();
  all->command_line = command_line;
  CLI::App& command = *app.add_subcommand(
      "backtest",
      "Compare a saved model with naive forecasts from many origins in the past of a series");
  all->command = &command;
  command.add_option("--model", all->model, "Model file")->required();
  all->data.add_series_to(command);
  all->data.add_values_to(command);
  all->data.add_quiet_to(command, /*with_progress*/ false);
  all->job.range.add_to(command);
  command.add_option("--step", all->step, "Rows from one origin to the next [the horizon]")
      ->check(at_least(1));
  command
      .add_option("--origins", all->job.options.origins, "Only the last so many origins; 0: all")
      ->capture_default_str();
  command
      .add_option("--season", all->job.options.season,
                  "Rows of a season of the naive forecast; 0: that of the calendar, 1: none")
      ->capture_default_str();
  command
      .add_option("--retrain", all->retrain,
                  "never, or train on the rows before it at each so many origins: 1 at each")
      ->capture_default_str();
  all->update.add_training_to(command);
  command.add_option("--out", all->out, "Folder for backtest.csv, backtest.json, backtest.html");
  command
      .add_option("--threads", all->job.threads, "Number of threads; results do not depend on it")
      ->check(at_least(1))
      ->capture_default_str();
  return [all] { run(*all); };
}

}  // namespace tool
