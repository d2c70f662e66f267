// Graphs in the units of the file: the scaler, features, marks, known covariates, refusals.
#include <spat/models/forecast.hpp>

#include <tests/export/lower_support.hpp>
#include <tests/support/errors.hpp>

namespace lower_units_tests {

using namespace spat;
using lowered::random_model;

/// Channels of different levels and spreads, with hourly times.
Series plant(std::size_t rows, std::size_t channels) {
  Series series;
  Random random(7, 1);
  for (std::size_t c = 0; c < channels; ++c) series.names.push_back(message("c", c));
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t c = 0; c < channels; ++c)
      series.values.push_back(100 * static_cast<double>(c) - 50 +
                              (3 * static_cast<double>(c) + 1) * random.normal());
  for (std::size_t r = 0; r < rows; ++r)
    series.times.push_back(1'700'000'000 / 3600 * 3600 + static_cast<std::int64_t>(3600 * r));
  series.time_index = TimeIndex::date;
  return series;
}

struct Parts {
  Series series;
  DataDescription data;
};
Parts parts_of(std::size_t channels, const WindowOptions& window) {
  Parts made{plant(80, channels), {}};
  const auto scaler = StandardScaler::fit(made.series, Split{0, 60});
  made.data = describe_series(made.series, scaler, window);
  return made;
}

/// The graph's forecast after the end of the series, from numbers in its units.
template <class Model>
std::vector<float> by_graph(const Model& model, const Parts& parts, const KnownFuture& known = {}) {
  const auto& window = parts.data.window;
  const ForecastGraph graph = forecast_graph(model, parts.data);
  lowered::check_graph(graph);
  WindowBuffer<float> buffer;
  const std::size_t channels = parts.series.channels();
  const StandardScaler plain(std::vector<double>(channels, 0), std::vector<double>(channels, 1));
  return lowered::forecast_of(
      graph, latest_window(parts.series, plain, window, buffer, parts.data.calendar, known));
}
template <class Model>
void check_units(const Model& model, const Parts& parts, const KnownFuture& known = {}) {
  Predictor<Model> predictor(model);
  const Series expected = forecast(predictor, parts.data, parts.series, known);
  const auto found = by_graph(model, parts, known);
  REQUIRE(found.size() == expected.values.size());
  // Each channel by its own range, of which the level may be a hundred times.
  const std::size_t channels = expected.channels();
  for (std::size_t c = 0; c < channels; ++c) {
    const double deviation =
        parts.data.scaler.deviation()[parts.data.scaler.channels() - channels + c];
    double largest = 0;
    for (std::size_t i = c; i < found.size(); i += channels)
      largest =
          tests::larger(largest, std::abs(static_cast<double>(found[i]) - expected.values[i]));
    INFO("channel " << c);
    CHECK(largest / deviation < 3e-5);
  }
}

constexpr ITransformerConfig small{.channels = 3,
                                   .lookback = 11,
                                   .horizon = 5,
                                   .width = 12,
                                   .ffn_width = 10,
                                   .heads = 3,
                                   .depth = 2};

TEST_CASE("a graph forecasts in the units of the file, as forecast() does") {
  const auto parts = parts_of(3, {.lookback = 11, .horizon = 5});
  auto plain = small;
  plain.instance_norm = false;
  check_units(random_model<ITransformer<float>>(small), parts);
  check_units(random_model<ITransformer<float>>(plain), parts);
  check_units(random_model<TSMixer<float>>(
                  {.channels = 3, .lookback = 11, .horizon = 5, .width = 7, .depth = 2}),
              parts);
  check_units(random_model<Crossformer<float>>({.channels = 3,
                                                .lookback = 11,
                                                .horizon = 5,
                                                .width = 6,
                                                .ffn_width = 5,
                                                .heads = 2,
                                                .depth = 2,
                                                .segment = 3}),
              parts);
}

TEST_CASE("a graph of one channel has the scaler of the last one, its target") {
  const auto parts = parts_of(3, {.lookback = 11, .horizon = 5, .features = Features::target});
  auto alone = small;
  alone.channels = 1;
  const auto model = random_model<ITransformer<float>>(alone);
  check_units(model, parts);
  const auto graph = forecast_graph(model, parts.data);
  const auto mean = std::ranges::find(graph.values, "scaler.mean", &GraphValue::name);
  REQUIRE(mean != graph.values.end());
  CHECK(mean->numbers == std::vector{static_cast<float>(parts.data.scaler.mean()[2])});
}

TEST_CASE("graphs read time marks as the model does, also those of the rows to forecast") {
  const auto parts = parts_of(3, {.lookback = 11, .horizon = 5, .marks = Frequency::hourly});
  auto with_marks = small;
  with_marks.marks = mark_count(Frequency::hourly);
  check_units(random_model<ITransformer<float>>(with_marks), parts);
  check_units(random_model<Transformer<float>>({.channels = 3,
                                                .marks = with_marks.marks,
                                                .lookback = 11,
                                                .horizon = 5,
                                                .label = 4,
                                                .width = 6,
                                                .ffn_width = 5,
                                                .heads = 2,
                                                .depth = 1}),
              parts);
}

TEST_CASE("a graph of fewer targets forecasts in the units of the last channels") {
  TimeXerConfig config{.channels = 4,
                       .targets = 1,
                       .lookback = 11,
                       .horizon = 5,
                       .width = 12,
                       .ffn_width = 10,
                       .heads = 3,
                       .depth = 1,
                       .patch = 4};
  const auto parts =
      parts_of(4, {.lookback = 11, .horizon = 5, .features = Features::target_from_all});
  check_units(random_model<TimeXer<float>>(config), parts);
  config.kept = {};  // reads the target alone
  check_units(random_model<TimeXer<float>>(config), parts);
}

TEST_CASE("known covariates are columns of the history, horizon rows later") {
  const TimeXerConfig config{.channels = 4,
                             .targets = 1,
                             .lookback = 11,
                             .horizon = 5,
                             .width = 12,
                             .ffn_width = 10,
                             .heads = 3,
                             .depth = 1,
                             .patch = 4};
  const auto parts = parts_of(4, {.lookback = 11,
                                  .horizon = 5,
                                  .features = Features::target_from_all,
                                  .known_covariates = true});
  KnownFuture known;
  for (std::size_t i = 0; i < 5 * 3; ++i)
    known.covariates.push_back(100 * static_cast<double>(i % 3) - 50 + static_cast<double>(i));
  const auto model = random_model<TimeXer<float>>(config);
  check_units(model, parts, known);
  KnownFuture other = known;
  other.covariates[0] += 1;
  CHECK(by_graph(model, parts, known) != by_graph(model, parts, other));
}

TEST_CASE("a graph keeps the digits of a window whose level lies far above its spread") {
  const auto model = random_model<ITransformer<float>>(small);
  const auto graph = forecast_graph(model, DataDescription{}, true);
  example::RandomBatch<float> data(small, 1);
  for (float& value : data.history) value += 20'000;
  Predictor<ITransformer<float>> predictor(model);
  const auto expected = predictor.forecast(data.batch).flat();
  const auto found = lowered::forecast_of(graph, data.batch);
  // A float of this level has steps of 0.002.
  for (std::size_t i = 0; i < found.size(); ++i) CHECK(std::abs(found[i] - expected[i]) <= 0.002F);
}

TEST_CASE("a graph without the scaler is the one with it, without its four operations") {
  const auto parts = parts_of(3, {.lookback = 11, .horizon = 5});
  const auto model = random_model<ITransformer<float>>(small);
  const auto with = forecast_graph(model, parts.data),
             without = forecast_graph(model, parts.data, /*scaled*/ true);
  CHECK(with.nodes.size() == without.nodes.size() + 4);
  CHECK(with.values.size() == without.values.size() + 4 + 2);
}

TEST_CASE("a graph whose scaler is not the model's, or many, is refused") {
  const auto model = random_model<ITransformer<float>>(small);
  const auto refused = [&](const DataDescription& data) {
    return message_of<ConfigError>([&] { (void)forecast_graph(model, data); });
  };
  auto data = parts_of(3, {.lookback = 11, .horizon = 5}).data;
  CHECK(forecast_graph(model, data).nodes.size() > 0);
  data.alone = true;
  CHECK(contains(refused(data), "forecasts each series of a long table alone"));
  CHECK(contains(refused(data), "(scaled)"));
  CHECK(forecast_graph(model, data, true).nodes.size() > 0);
  CHECK(contains(refused({}), "no scaler"));
  CHECK(contains(refused(parts_of(4, {}).data), "reads 3 channels, its data description has 4"));
  CHECK(contains(refused(parts_of(3, {.features = Features::target}).data),
                 "reads 3 channels, its data description has 1"));
  data.alone = false;
  for (const auto& [mean, deviation] : {std::pair{1e300, 1.0}, {0.0, 1e300}, {0.0, 1e-300}}) {
    data.scaler = StandardScaler({0, mean, 0}, {1, deviation, 1});
    CHECK(contains(refused(data), "of column 1 are no numbers of a graph, which are float"));
    CHECK(forecast_graph(model, data, true).nodes.size() > 0);
  }
}

}  // namespace lower_units_tests
