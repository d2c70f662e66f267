// A custom forecaster built from spat's layers. It is trained, scored with SEND, pruned and
// fine-tuned like the library's models. docs/custom_model.md explains it line by line.
#include <spat/spat.hpp>

#include <cstdio>
using namespace spat;

/// The configuration of the model: its sizes by name, the rules they obey, and the attention
/// modules that it keeps.
struct DriftConfig {
  static constexpr const char* title = "Drift";
  std::size_t channels = 1, lookback = 48, horizon = 12, width = 32, depth = 3;
  ModuleMask kept = ModuleMask::all();

  constexpr std::size_t modules() const { return depth; }
  double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), n = static_cast<double>(depth);
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    return (l * d + d) + attentions * 4 * (d * d + d) + n * (4 * d * d + 7 * d) + (d * t + t);
  }
  static constexpr auto fields() { return all_fields<DriftConfig>(); }
  constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::depth(*this, rule) &&
           rule(width > 0 && width % 4 == 0, "four heads must divide the width", "width", width);
  }
  friend constexpr bool operator==(const DriftConfig&, const DriftConfig&) = default;
};

/// Forecasts the change from the last value, with one token per variate:
/// y = last + (W_p encoder(embed(x - last)))^T.
class Drift : public ForecasterBase<float, Dynamic<DriftConfig>> {
 public:
  static constexpr const char* name = "drift";
  template <BlockMask kept>
  using Block = EncoderLayer<float, kept>;
  static constexpr std::size_t heads = 4;
  explicit Drift(Form sizes)
      : ForecasterBase(sizes), embedding(config().lookback, config().width),
        encoder(config().depth, config().kept, config().width, 2 * config().width, heads),
        projection(config().width, config().horizon) {}

  void set_dropout(double rate) {
    keep_dropout(rate);
    encoder.set_dropout(rate, 0);
  }

  InvertedEmbedding<float> embedding;
  Stack<Block> encoder;
  Linear<float> projection;

  struct Cache {  // the values that backward needs, on one arena
    Arena arena;
    InvertedEmbedding<float>::Cache embedding;
    Stack<Block>::Cache encoder;
    Linear<float>::Cache projection;
    Rows<float> x, y, dtokens;
    std::size_t samples = 0, channels = 0;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples;
      cache.channels = channels;
      arena.take(cache.x, samples * config().lookback, channels);
      arena.take(cache.y, samples * config().horizon, channels);
      cache.embedding.lay_out(arena, embedding, samples, channels, 0);
      cache.encoder.lay_out(arena, encoder, samples, channels);
      cache.projection.lay_out(arena, projection, samples * channels);
      if (arena.training()) arena.take(cache.dtokens, samples * channels, config().horizon);
    });
  }

  template <class Pass>
  Rows<const float> forward(const Pass& pass, const WindowBatch<float>& batch, Cache& cache) const {
    expect_history(batch, cache.samples, cache.channels);
    const std::size_t l = config().lookback, t = config().horizon, c = cache.channels;
    const auto last = [&](std::size_t s) { return batch.history.row(s * l + l - 1); };
    for (std::size_t r = 0; r < cache.x.rows(); ++r)
      for (std::size_t i = 0; i < c; ++i)
        cache.x.row(r)[i] = batch.history.row(r)[i] - last(r / l)[i];
    const auto tokens =
        encoder.forward(pass, embedding.forward(pass, cache.x, {}, cache.embedding), cache.encoder);
    const auto change = projection.forward(pass, tokens, cache.projection);  // [samples * C x T]
    for (std::size_t s = 0; s < cache.samples; ++s)
      for (std::size_t j = 0; j < t; ++j)
        for (std::size_t i = 0; i < c; ++i)
          cache.y.row(s * t + j)[i] = last(s)[i] + change.row(s * c + i)[j];
    return cache.y;
  }

  template <class Pass>
  void backward_input(const Pass& pass, Rows<const float> dy, Cache& cache) const {
    const std::size_t t = config().horizon, c = cache.channels;
    for (std::size_t s = 0; s < cache.samples; ++s)
      kernels::transpose(dy.row(s * t), t, c, cache.dtokens.row(s * c));
    const auto d = projection.backward_input(pass, cache.dtokens, cache.projection);
    embedding.skip_input(pass, encoder.backward_input(pass, d, cache.encoder), cache.embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, Drift& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    projection.backward_weights(pass, caches.of(&Cache::projection), gradients.projection, share);
  }

  std::size_t multiply_adds(std::size_t c) const {
    return c * config().width * (config().lookback + config().horizon) + encoder.multiply_adds(c);
  }
  std::size_t activation_size(std::size_t channels) const { return channels * 2 * config().width; }
  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    InvertedEmbedding<float>::for_each(self.embedding, prefix + "embedding.", list);
    Stack<Block>::for_each(self.encoder, prefix + "encoder.", list);
    Linear<float>::for_each(self.projection, prefix + "projection.", list);
  }
};
static_assert(PrunableModel<Drift> && Storable<Drift>);

int main() {
  const Series series = synthetic_series(1200);
  const auto rows = split_rows(Protocol::custom, series.rows(), 48, 12);
  const auto scaler = StandardScaler::fit(series, rows.train);
  const WindowOptions window{.lookback = 48, .horizon = 12};
  const WindowDataset<float> training(series, scaler, rows.train, window),
      test(series, scaler, rows.test, window), validation(series, scaler, rows.validation, window);

  Drift model({{.channels = series.channels()}});
  initialize(parameters(model), 1);
  Pruner<Drift> pruner(model);
  Trainer<Drift>(model, {.epochs = 4, .rate = 2e-3}).fit(training, validation, pruner);
  Drift small = pruned(model, pruner.choose(DropLowest{2}));
  Trainer<Drift>(small, {.epochs = 2, .rate = 5e-4}).fit(training, validation);

  save_model("drift.safetensors", small);
  const Drift loaded = load_model<Drift>("drift.safetensors");

  std::printf("kept %s; test MSE: dense %.4f, pruned and fine-tuned %.4f\n",
              to_string(loaded.form.kept(), 3).c_str(), evaluate(model, test).mse,
              evaluate(loaded, test).mse);
}
