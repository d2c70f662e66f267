// spat latency: measures the cost and the latency of each mask of a model on this machine.
#include "options.hpp"

#include <spat/report/number_text.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

Command add_latency(CLI::App& app) {
  struct All {
    ModelOptions model;
    DataOptions data;
    LatencyOptions latency;
    bool csv = false;
  };
  const auto all = std::make_shared<All>();
  CLI::App& command = *app.add_subcommand("latency",
                                          "Measure the forecast latency of every mask of a "
                                          "model with random weights");
  all->data.season_counts = false;
  all->data.add_series_to(command);
  all->data.add_quiet_to(command, /*with_progress*/ false);
  all->data.add_columns_to(command);
  all->model.add_to(command);
  command.add_option("--batch", all->latency.batch, "Windows per forecast")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command.add_option("--threads", all->latency.threads, "Number of threads")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command
      .add_option("--seconds", all->latency.seconds,
                  "Seconds for which each mask is measured, in five rounds")
      ->check(not_negative())
      ->capture_default_str();
  command.add_flag("--csv", all->csv, "Print comma-separated values instead of a table");
  return [all] {
    const auto loaded = all->model.load(all->data);
    const auto rows = loaded.architecture->latency(all->latency, loaded.configuration, loaded.data);
    const double dense = rows.front().milliseconds;
    if (all->csv)
      std::printf("mask,parameters,macs,latency_ms\n");
    else
      std::printf("mask (1 = kept)      parameters          MACs    median ms    change\n");
    for (const MaskLatency& row : rows)
      if (all->csv)
        std::printf("%s,%zu,%zu,%.6f\n", row.mask.c_str(), row.cost.parameters, row.cost.macs,
                    row.milliseconds);
      else
        std::printf("%-16s %14zu %13zu %12.4f  %8s\n", row.mask.c_str(), row.cost.parameters,
                    row.cost.macs, row.milliseconds,
                    spat::percent(row.milliseconds / dense - 1).c_str());
  };
}

}  // namespace tool
