// A latency budget: trains with LayerDrop, then removes the least important modules until a
// forecast is fast enough on this machine. Prints how certain the ranking is, and the change of the
// loss.
#include <spat/spat.hpp>

#include <cstdio>
using namespace spat;

int main() {
  const Series series = synthetic_series(2000);
  const Splits rows = split_rows(Protocol::custom, series.rows(), 48, 12);
  const StandardScaler scaler = StandardScaler::fit(series, rows.train);
  const WindowOptions window{.lookback = 48, .horizon = 12};
  const WindowDataset<float> training(series, scaler, rows.train, window),
      validation(series, scaler, rows.validation, window);

  using Model = ITransformer<float>;
  Model model({{.channels = series.channels(),
                .lookback = 48,
                .horizon = 12,
                .width = 32,
                .ffn_width = 32,
                .heads = 4,
                .depth = 4}});
  initialize(parameters(model), 1);
  Pruner<Model, FisherGate<float>> pruner(model);
  Trainer<Model>(model, {.epochs = 3, .rate = 1e-3, .layer_drop = 0.2})
      .fit(training, validation, pruner);

  const Measures measures = measures_of(model, training, validation);
  const ModuleMask all = model.form.kept();
  const double dense = measures.latency(all), limit = 0.8 * dense;
  const ModuleMask mask = pruner.choose(LatencyAtMost{limit}, measures);
  const Estimate loss = measures.loss_change(mask);
  std::printf("a forecast takes %.4f ms and may take %.4f: modules %s stay, %.4f ms\n", dense,
              limit, to_string(mask, model.form.modules()).c_str(), measures.latency(mask));
  std::printf("validation loss %+.2f %% +- %.2f, before fine-tuning\n", 100 * loss.mean,
              100 * loss.error);
  for (const auto& pair : pruner.spread()->indistinguishable())
    std::printf("modules %zu and %zu cannot be told apart\n", pair.first, pair.second);

  Model small = pruned(model, mask);
  NoObserver nobody;
  const auto epochs = fine_tune(small, {training, validation}, {.epochs = 2, .rate = 1e-4}, nobody);
  std::printf("validation MSE after fine-tuning: %.4f, dense %.4f\n",
              evaluate(small, validation).mse, evaluate(model, validation).mse);
  return measures.latency(mask) <= limit && !epochs.empty() ? 0 : 1;
}
