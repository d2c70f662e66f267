// A pruned model as a static type: sizes and kept modules are in the type, and no attention code is
// left where it was pruned.
#include <spat/spat.hpp>

#include <cstdio>
#include <cstring>

// What a pruning run printed: three layers, of which the last keeps its attention.
constexpr spat::ITransformerConfig config{.channels = 7,
                                          .lookback = 96,
                                          .horizon = 24,
                                          .width = 64,
                                          .ffn_width = 64,
                                          .heads = 4,
                                          .depth = 3,
                                          .kept = spat::ModuleMask{0b100}};
using Trained = spat::ITransformer<float>;
using Small = spat::ITransformer<float, spat::Static<config>>;

int main() try {
  using namespace spat;
  Trained trained({config});  // in earnest: load_model<Trained>("pruned.safetensors"), or
                              // load_model<Small> at once
  initialize(parameters(trained), 1);
  pack(trained);
  const Small model = converted<Small>(trained);

  const Series series = synthetic_series(200);
  const StandardScaler scaler = StandardScaler::fit(series.view(), {0, series.rows()});
  WindowBuffer<float> buffer;
  const auto window = latest_window(
      series, scaler, {.lookback = config.lookback, .horizon = config.horizon}, buffer);
  Predictor<Small> predictor(model);
  Predictor<Trained> twin(trained);
  const auto forecast = predictor.forecast(window);
  const auto same = twin.forecast(window);
  std::printf("first row, in the series' units:");
  for (std::size_t c = 0; c < forecast.cols(); ++c)
    std::printf(" %.2f", scaler.inverse(static_cast<double>(forecast.row(0)[c]), c));
  const bool identical =
      std::memcmp(forecast.data(), same.data(), forecast.flat().size_bytes()) == 0;
  std::printf("\nstatic and dynamic form agree to the last bit: %s\n", identical ? "yes" : "no");
  return identical ? 0 : 1;
} catch (const spat::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
