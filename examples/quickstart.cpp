// The whole job on one page: train, score, prune, fine-tune, save. Uses the synthetic series, or
// the CSV file given as the first argument.
#include <spat/spat.hpp>

#include <cstdio>

using namespace spat;

int main(int argc, char** argv) try {
  const Series series = argc > 1 ? read_series(argv[1]) : synthetic_series(1200);
  const Splits rows = split_rows(Protocol::custom, series.rows(), 48, 12);
  const StandardScaler scaler = StandardScaler::fit(series, rows.train);
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
  JobOptions options{.training = {.epochs = 3, .rate = 1e-3}};
  options.pruning = {
      .budget = DropLowest{2},  // removes two attention modules, with their weights and work
      .fine_tuning = {.epochs = 1, .rate = 1e-4, .schedule = RateSchedule::constant}};
  PruningJob<Model, Send<float>> job(std::move(model), {},
                                     {.training = training,
                                      .validation = validation,
                                      .test = test,
                                      .name = "the series",
                                      .team = &team},
                                     options);
  job.train();  // SEND observes the training
  job.prune();
  job.measure();
  std::printf("%s\n", to_text(job.report()).c_str());
  save_model("pruned.safetensors", job.pruned(), describe_series(series, scaler, window));
  std::remove("pruned.safetensors");  // an example leaves nothing behind
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
