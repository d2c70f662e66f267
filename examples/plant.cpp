// A file as offices have it, from reading to intervals: semicolons, decimal commas, months, gaps.
// Trains a small model, prunes it, calibrates intervals, saves, loads and forecasts a year. Uses
// plant.csv, or the CSV file of months given as the first argument. docs/tutorial.md explains it.
#include <spat/spat.hpp>

#include <array>
#include <cstdio>
using namespace spat;
using Model = ITransformer<float>;

#ifndef SPAT_EXAMPLES_FOLDER
#define SPAT_EXAMPLES_FOLDER "examples"  // the folder of plant.csv
#endif

void print(const char* what, const Metrics& errors) {
  std::printf("%-34s %.4f\n", what, errors.mse);
}

int main(int argc, char** argv) try {
  const char* const file = argc > 1 ? argv[1] : SPAT_EXAMPLES_FOLDER "/plant.csv";
  const char* const saved = "plant_example.safetensors";
  const Series series = read_series(file, {.missing = MissingRule::seasonal});
  for (const std::string& note : series.notes) std::printf("%s\n", note.c_str());
  for (const std::string& warning : series.warnings) std::printf("warning: %s\n", warning.c_str());

  const WindowOptions window{.lookback = 36, .horizon = 12};
  const Splits rows = split_rows(Protocol::custom, series.rows(), window.lookback, window.horizon);
  const StandardScaler scaler = StandardScaler::fit(series, rows.train);
  const WindowDataset<float> training(series, scaler, rows.train, window),
      validation(series, scaler, rows.validation, window), test(series, scaler, rows.test, window);

  Model model({{.channels = series.channels(),
                .lookback = 36,
                .horizon = 12,
                .width = 32,
                .ffn_width = 32,
                .heads = 4,
                .depth = 3}});
  initialize(parameters(model), 1);
  model.set_dropout(0.1);
  Pruner<Model> pruner(model);
  Trainer<Model>(model,
                 {.epochs = 60, .patience = 10, .rate = 1e-3, .schedule = RateSchedule::cosine})
      .fit(training, validation, pruner);
  Model small = pruned(model, pruner.choose(DropLowest{2}));
  NoObserver nobody;
  fine_tune(small, {training, validation},
            {.epochs = 10, .rate = 1.25e-4, .schedule = RateSchedule::constant}, nobody);

  std::printf("\nmean squared error of the test part\n");
  const Metrics naive = naive_errors(test, 12), pruned_errors = evaluate(small, test);
  print("the month of the year before", naive);
  print("model", evaluate(model, test));
  print("model without two attentions", pruned_errors);

  const ConformalIntervals intervals = calibrate(small, validation);
  for (const Coverage& one : coverage_of(small, intervals, test))
    if (one.level == 0.8 || one.level == 0.95)
      std::printf("intervals of %g %% cover %24.1f %%\n", 100 * one.level, 100 * one.coverage);
  const DataDescription data = describe_series(series, scaler, window);
  save_model(saved, small, data, {{intervals_key, to_json(intervals)}});

  // What a program does that only forecasts: the file of the model says how to read the series.
  const SafetensorsFile model_file(saved);
  const Model loaded = load_model<Model>(model_file);
  const DataDescription description = load_data_description(model_file);
  const Series latest = read_series(file, reading_options(description));
  const std::array levels{0.8, 0.95};
  const Series year = with_intervals(
      forecast(loaded, description, latest), description.scaler,
      intervals_from_json(model_file.metadata(intervals_key), model_file.path()), levels);
  std::remove(saved);  // an example leaves nothing behind

  const std::string& load = series.names.back();
  const Series table = select_columns(
      year, {load, load + "_80_low", load + "_80_high", load + "_95_low", load + "_95_high"});
  std::printf("\n%-7s  %8s  %17s  %17s\n", year.time_name.c_str(), load.c_str(), "80 %", "95 %");
  for (std::size_t r = 0; r < table.rows(); ++r) {
    const double* const row = table.view().row(r);
    std::printf("%-7s  %8.2f  %8.2f %8.2f  %8.2f %8.2f\n",
                format_time(table.time_format, table.times[r]).c_str(), row[0], row[1], row[2],
                row[3], row[4]);
  }
  return pruned_errors.mse < naive.mse ? 0 : 1;
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
