// A pruned model as a static type: its sizes and kept modules are part of the type, and pruned
// attention leaves no code behind.
#include <spat/spat.hpp>

#include <cstdio>

// The configuration of the pruned model: three layers, of which the last keeps its attention.
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
  // In practice: load_model<Trained>("pruned.safetensors"), or load_model<Small> directly.
  Trained trained({config});
  initialize(parameters(trained), 1);
  const Small model = converted<Small>(trained);

  const Series series = synthetic_series(200);
  const DataDescription data{.names = series.names,
                             .scaler = StandardScaler::fit(series.view(), {0, series.rows()}),
                             .window = {.lookback = config.lookback, .horizon = config.horizon}};
  const Series future = forecast(model, data, series);
  std::printf("first row, in the series' units:");
  for (std::size_t c = 0; c < future.channels(); ++c) std::printf(" %.2f", future.values[c]);
  const bool identical = future.values == forecast(trained, data, series).values;
  std::printf("\nstatic and dynamic form agree to the last bit: %s\n", identical ? "yes" : "no");
  return identical ? 0 : 1;
} catch (const spat::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
