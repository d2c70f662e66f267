// spat evaluate: prints the errors of a saved model on the test part of a series.
#include "architecture.hpp"
#include "test_errors.hpp"

#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

Command add_evaluate(CLI::App& app) {
  struct Options {
    std::string model;
    DataOptions data;
    RangeOptions range;
    std::size_t threads = 1;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "evaluate", "Print the errors of a saved model on the test part of a series, or more of it");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_series_to(command);
  options->data.add_values_to(command);
  options->data.add_quiet_to(command, /*with_progress*/ false);
  options->data.add_parts_to(command);
  options->data.add_test_stride_to(command);
  options->data.add_refit_to(command);
  options->range.add_to(command);
  command.add_option("--threads", options->threads, "Number of threads")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  return [options] {
    const spat::SafetensorsFile file(options->model);
    const Architecture& model = architecture(file.metadata(spat::model_key));
    const Data data =
        load_as(spat::load_data_description(file), options->data, {.range = &options->range});
    const spat::Metrics errors = model.evaluate(options->model, *data.test, options->threads);
    const spat::PruningReport report = test_report(data, errors);
    print_verdict(report);
    std::printf("test windows  %zu\nMSE           %.6f\nMAE           %.6f\nRMSE          %.6f\n",
                errors.windows, errors.mse, errors.mae, errors.rmse());
    print_footnotes(report);
    const auto saved = file.metadata().find(spat::intervals_key);
    if (saved == file.metadata().end()) return;
    const auto intervals = spat::intervals_from_json(saved->second, file.path());
    std::printf("intervals     covers   mean width (scaled)\n");
    for (const spat::Coverage& one :
         model.coverage(options->model, intervals, *data.test, options->threads))
      std::printf("%6.4g %%     %6.2f %%   %.4f\n", one.level * 100, one.coverage * 100,
                  one.mean_width);
  };
}

}  // namespace tool
