// models. TSMixer: perceptrons along time and across channels in turn. No attention: a baseline.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/models/tsmixer/mixer_block.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Everything that shapes a TSMixer: integers and bools, so that it can be a template argument.
struct TSMixerConfig {
  std::size_t channels = 0;   // C
  std::size_t lookback = 96;  // L
  std::size_t horizon = 96;   // T
  std::size_t width = 512;    // D, hidden units of every perceptron
  std::size_t depth = 2;      // blocks
  ModuleMask kept{};

  [[nodiscard]] constexpr std::size_t modules() const { return 0; }
  [[nodiscard]] constexpr TSMixerConfig with_kept(ModuleMask mask) const {
    TSMixerConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const {
    return channels && lookback && horizon && width && depth && depth <= most_modules;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto c = static_cast<double>(channels), l = static_cast<double>(lookback),
               t = static_cast<double>(horizon), d = static_cast<double>(width);
    return static_cast<double>(depth) * ((2 * l * d + d + l) + (2 * c * d + d + c)) + (l * t + t);
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "TSMixer needs at least one channel: channels", channels);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
    require_rule(width > 0, "width must be positive", width);
    require_rule(depth > 0 && depth <= most_modules, "layers must be 1 to 64: layers, most", depth,
                 most_modules);
  }

  friend constexpr bool operator==(const TSMixerConfig&, const TSMixerConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("lookback", self.lookback),
        visit("horizon", self.horizon);
    visit("width", self.width), visit("depth", self.depth);
  }
};

/// Chen et al., "TSMixer: An All-MLP Architecture for Time Series Forecasting", TMLR 2023, as in
/// the Time-Series-Library, which has no normalization:
///
///     x = history^T;  x = block_i(x);  forecast = (x W^T + b)^T
///
/// Shapes:  history [B*L x C]   x [B*C x L]   W [T x L]   forecast [B*T x C].
/// No modules to prune. The perceptrons across channels know their number: a batch of another one
/// is refused. Time marks are not read. Errors: ConfigError for sizes that do not fit together,
/// ShapeError for a batch of other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<TSMixerConfig>>
class TSMixer : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t channel_count = extent<ModelForm, &TSMixerConfig::channels>();
  static constexpr std::size_t lookback = extent<ModelForm, &TSMixerConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &TSMixerConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &TSMixerConfig::width>();
  static constexpr std::size_t depth = extent<ModelForm, &TSMixerConfig::depth>();

  template <BlockMask>
  using Block = MixerBlock<Scalar, lookback, channel_count, width>;
  using Mixer = Stack<Block, depth>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = TSMixer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "tsmixer";
  static constexpr const char* source = "Chen et al., TMLR 2023, as in the Time-Series-Library";
  static constexpr const char* without_attention =
      "it never had any: perceptrons along time and across the variates";

  explicit TSMixer(ModelForm model_form = {})
      : Base(model_form),
        mixer(config().depth, ModuleMask{}, config().lookback, config().channels, config().width),
        projection(config().lookback, config().horizon), frame(false) {
    set_dropout(0);
  }

  Mixer mixer;
  Linear<Scalar, lookback, horizon> projection;
  SeriesFrame<Scalar> frame;

  /// One rate everywhere, as in the reference.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    mixer.set_dropout(rate, 0);
  }

  struct Cache {
    Arena arena;
    struct Views {
      typename SeriesFrame<Scalar>::Cache frame;
      typename Mixer::Cache mixer;
      typename Linear<Scalar, lookback, horizon>::Cache projection;
      Rows<Scalar, lookback> series;  // [B*C x L]
      std::size_t samples = 0;
    } views;
  };

  /// Lays the cache out for batches of `samples` and `channels`; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::expect("TSMixer", "channels", config().channels, channels);
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples;
      const std::size_t rows = samples * channels;
      my.frame.lay_out(arena, frame, samples, config().lookback, config().horizon, channels,
                       channels);
      arena.take(my.series, rows, config().lookback);
      my.mixer.lay_out(arena, mixer, samples);
      my.projection.lay_out(arena, projection, rows);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    auto& my = cache.views;
    Base::expect_history("TSMixer", batch, my.samples, config().channels);
    assert(!pass.training || cache.arena.training());
    transpose_samples<Scalar>(batch.history, my.samples, my.series);
    const auto x = mixer.forward(pass, Rows<const Scalar, lookback>(my.series), my.mixer);
    return frame.leave(pass, projection.forward(pass, x, my.projection), my.frame);
  }

  /// dforecast [B*T x C]. The history is data: the gradient with respect to it is left.
  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    auto& my = cache.views;
    const auto dy = frame.backward_leave(pass, dforecast, my.frame);
    mixer.backward_input(pass, projection.backward_input(pass, dy, my.projection), my.mixer);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TSMixer& gradients,
                        Share& share) const {
    using Views = typename Cache::Views;
    const auto views = caches.of(&Cache::views);
    mixer.backward_weights(pass, views.of(&Views::mixer), gradients.mixer, share);
    projection.backward_weights(pass, views.of(&Views::projection), gradients.projection, share);
  }

  /// Of the forecast of one window: matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return mixer.multiply_adds() + projection.multiply_adds(channels);
  }

  /// Columns of a forecast from windows of `channels` channels.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }

  /// Numbers in the widest activation of one sample: what a batch is cut into blocks by.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return std::max(channels, config().lookback) * config().width;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Mixer::for_each(self.mixer, prefix + "model.", list);
    decltype(self.projection)::for_each(self.projection, prefix + "projection.", list);
  }

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const { return {}; }

  /// There is no module i.
  [[nodiscard]] static std::string module_name(std::size_t) { return {}; }
};

}  // namespace spat
