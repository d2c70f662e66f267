// spat evaluate: prints the errors of a saved model on the test part of a series.
#include "architecture.hpp"

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
  options->data.add_to(command);
  command.add_option("--threads", options->threads, "Number of threads")->capture_default_str();
  return [options, &command] {
    const Described about = described(spat::SafetensorsFile(options->model));
    const Architecture& model = architecture(about.model);
    const Data data = load_as(about, options->data, command.count("--protocol") != 0,
                              command.count("--marks") != 0);
    const spat::Metrics metrics =
        model.evaluate(options->model, *data.test, std::max<std::size_t>(1, options->threads));
    std::printf(
        "test windows  %zu\nMSE           %.6f\nMAE           %.6f\nRMSE          %.6f\n(scaled "
        "units, scaler fitted on the training part)\n",
        metrics.windows, metrics.mse, metrics.mae, metrics.rmse());
  };
}

}  // namespace tool
