// One of two units with a single header, which must link. Prints a forecast, for which the small
// header is enough.
#include "spat.hpp"

#include <cstdio>

std::size_t count_in_other(const std::vector<double>& values);

int main() try {
  constexpr spat::DLinearConfig config{.channels = 2, .lookback = 24, .horizon = 5};
  spat::DLinear<float> model({config});
  for (auto& parameter : parameters(model))
    for (std::size_t i = 0; i < parameter.values.size(); ++i)
      parameter.values[i] = static_cast<float>(i % 7) / 100;

  spat::Series series{.names = {"flow", "head"}};
  for (int i = 0; i < 200; ++i) series.values.push_back(i * 37 % 101);
  const spat::DataDescription data{
      .names = series.names,
      .scaler = spat::StandardScaler::fit(series.view(), {0, series.rows()}),
      .window = {.lookback = config.lookback, .horizon = config.horizon}};
  const spat::Series future = forecast(model, data, series);
  for (const double value : future.values) std::printf("%.9g\n", value);
  return count_in_other(future.values) == 10 ? 0 : 1;
} catch (const spat::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 2;
}
