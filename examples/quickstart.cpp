// The whole job in one page: train, score, prune, fine-tune, save. Runs on the synthetic series, or
// on the CSV file named first.
#include <spat/spat.hpp>

#include <cstdio>

int main(int count, char** arguments) try {
  using namespace spat;
  const Series series = count > 1 ? read_series(arguments[1]) : synthetic_series(1200);
  const Splits rows = split_rows(Protocol::custom, series.rows(), 48, 12);
  const StandardScaler scaler = StandardScaler::fit(series.view(), rows.train);
  const WindowOptions window{.lookback = 48, .horizon = 12};
  const WindowDataset<float> training(series, scaler, rows.train, window);
  const WindowDataset<float> validation(series, scaler, rows.validation, window);
  const WindowDataset<float> test(series, scaler, rows.test, window);

  using Model = ITransformer<float>;
  Model model({{.channels = series.channels(),
                .lookback = 48,
                .horizon = 12,
                .width = 32,
                .ffn_width = 32,
                .heads = 4,
                .depth = 3}});
  initialize(parameters(model), 1);
  model.set_dropout(0.1);

  Team team(2);
  Pruner<Model> pruner(model);  // listens while the model learns
  Trainer<Model> trainer(model, {.epochs = 3, .rate = 1e-3, .seed = 1}, &team);
  trainer.fit(training, validation, pruner);
  const Metrics before = evaluate(model, test, &team);

  Model small =
      pruner.prune(DropLowest{2});  // two attention modules go, with their weights and their work
  Trainer<Model> tuner(small, {.epochs = 1, .rate = 1e-4, .schedule = RateSchedule::constant},
                       &team);
  tuner.consider_start(validation);
  tuner.fit(training, validation);
  const Metrics after = evaluate(small, test, &team);

  for (std::size_t i = 0; i < pruner.scores().size(); ++i)
    std::printf("%s  SEND %.3e  %s\n", model.module_name(i).c_str(), pruner.scores()[i],
                small.form.kept().keeps(i) ? "kept" : "removed");
  std::printf("dense   MSE %.4f  %zu parameters\npruned  MSE %.4f  %zu parameters\n", before.mse,
              spat::parameter_count(parameters(model)), after.mse,
              spat::parameter_count(parameters(small)));
  save_model("pruned.safetensors", small);
  std::remove("pruned.safetensors");  // an example leaves nothing behind
} catch (const spat::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
