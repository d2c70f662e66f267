// Deployment: loads a saved model and forecasts the rows after a CSV file, in the file's units and
// with its dates continued. Without arguments it first writes a small model of the synthetic
// series. Usage: forecast [model file, CSV file]
#include <spat/autograd/initialize.hpp>
#include <spat/data/synthetic.hpp>
#include <spat/runtime.hpp>

#include <cstdio>
using namespace spat;
using Model = ITransformer<float>;

int main(int argc, char** argv) try {
  const bool given = argc > 2;
  const Series series = given ? read_series(argv[2]) : synthetic_series(500);
  if (!given) {
    Model made({{.channels = 7,
                 .lookback = 48,
                 .horizon = 12,
                 .width = 16,
                 .ffn_width = 16,
                 .heads = 2,
                 .depth = 2}});
    initialize(parameters(made), 1);
    const StandardScaler scaler = StandardScaler::fit(series.view(), {0, series.rows()});
    save_model("forecast_example.safetensors", made,
               describe_series(series, scaler, {.lookback = 48, .horizon = 12}));
  }
  const SafetensorsFile file(given ? argv[1] : "forecast_example.safetensors");
  const Model model = load_model<Model>(file);
  const DataDescription data = load_data_description(file);  // scaler, columns, calendar
  std::fputs(to_csv(forecast(model, data, series)).c_str(), stdout);
  if (!given) std::remove("forecast_example.safetensors");  // an example leaves nothing behind
} catch (const Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
