// spat evaluate: errors of a saved model on the test part of a series.
#include "tool.hpp"

#include <cstdio>

namespace tool {

Command add_evaluate(CLI::App& app) {
  struct Options {
    std::string model;
    DataOptions data;
    std::size_t threads = 1;
  };
  const auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("evaluate", "Errors of a saved model on the test part of a series");
  command.add_option("--model", options->model, "Model file")->required();
  options->data.add_to(command);
  command.add_option("--threads", options->threads, "Workers")->capture_default_str();
  return [options, &command] {
    const spat::SafetensorsFile file(options->model);
    const Described about = described(file);
    if (command.count("--protocol") == 0) options->data.protocol = about.protocol;
    if (command.count("--marks") == 0) options->data.marks = about.marks;
    with_model(file.metadata(spat::model_key), [&]<class Model>() {
      const Model model = spat::load_model<Model>(options->model);
      const Data data = load(options->data, model.config().lookback, model.config().horizon);
      spat::Team team(std::max<std::size_t>(1, options->threads));
      const spat::Metrics metrics = spat::evaluate(model, *data.test, &team);
      std::printf(
          "test windows  %zu\nMSE           %.6f\nMAE           %.6f\nRMSE          %.6f\n(scaled units, scaler fitted "
          "on the training part)\n",
          metrics.windows, metrics.mse, metrics.mae, metrics.rmse());
    });
  };
}

}  // namespace tool
