// spat evaluate: prints the errors of a saved model on the test part of a series.
#include "architecture.hpp"

#include <spat/models/checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

Command add_evaluate(CLI::App& app) {
  struct Options {
    std::string model;
    DataOptions data;
    std::size_t threads = 1;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand(
      "evaluate", "Print the errors of a saved model on the test part of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_series_to(command);
  options->data.add_parts_to(command);
  options->data.add_test_stride_to(command);
  options->data.add_refit_to(command);
  command.add_option("--threads", options->threads, "Number of threads")->capture_default_str();
  return [options] {
    const spat::SafetensorsFile file(options->model);
    const Architecture& model = architecture(file.metadata(spat::model_key));
    const Data data = load_as(spat::load_data_description(file), options->data);
    const spat::Metrics metrics =
        model.evaluate(options->model, *data.test, std::max<std::size_t>(1, options->threads));
    std::printf(
        "test windows  %zu\nMSE           %.6f\nMAE           %.6f\nRMSE          %.6f\n(scaled "
        "units: %s)\n",
        metrics.windows, metrics.mse, metrics.mae, metrics.rmse(),
        options->data.refit_scaler ? "scaler fitted on the training part of this series"
                                   : "scaler of the model");
    const auto saved = file.metadata().find(spat::intervals_key);
    if (saved == file.metadata().end()) return;
    const auto intervals = spat::intervals_from_json(saved->second, file.path());
    std::printf("intervals     covers   mean width (scaled)\n");
    for (const spat::Coverage& one : model.coverage(options->model, intervals, *data.test,
                                                    std::max<std::size_t>(1, options->threads)))
      std::printf("%6.4g %%     %6.2f %%   %.4f\n", one.level * 100, one.coverage * 100,
                  one.mean_width);
  };
}

}  // namespace tool
