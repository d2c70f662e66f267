// models. TSMixer: perceptrons along time and across channels in turn. A baseline without
// attention.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/models/tsmixer/mixer_block.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of TSMixer: integers and bools, so that it can be a template argument.
struct TSMixerConfig {
  static constexpr const char* title = "TSMixer";  // used in messages

  std::size_t channels = 0;   // C
  std::size_t lookback = 96;  // L
  std::size_t horizon = 96;   // T
  std::size_t width = 512;    // D, hidden units of every perceptron
  std::size_t depth = 2;      // blocks
  ModuleMask kept{};

  [[nodiscard]] constexpr std::size_t modules() const { return 0; }
  [[nodiscard]] double parameters() const {
    const auto c = static_cast<double>(channels), l = static_cast<double>(lookback),
               t = static_cast<double>(horizon), d = static_cast<double>(width);
    return static_cast<double>(depth) * ((2 * l * d + d + l) + (2 * c * d + d + c)) + (l * t + t);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(width > 0, "width must be positive", "width", width) && rules::depth(*this, rule);
  }
  friend constexpr bool operator==(const TSMixerConfig&, const TSMixerConfig&) = default;

  static constexpr auto fields() { return all_fields<TSMixerConfig>(); }
};

/// TSMixer (Chen et al., "TSMixer: An All-MLP Architecture for Time Series Forecasting", TMLR
/// 2023), as in the Time-Series-Library, which has no normalization:
///
///     x = history^T;  x = block_i(x);  forecast = (x W^T + b)^T
///
/// Shapes:  history [B*L x C]   x [B*C x L]   W [T x L]   forecast [B*T x C].
///
/// There are no modules to prune. The perceptrons across channels fix the number of channels. Time
/// marks are not read. Errors: ConfigError for sizes that do not fit together, ShapeError for a
/// batch of other sizes.
template <class Scalar, class ModelForm = Dynamic<TSMixerConfig>>
class TSMixer : public FramedForecaster<Scalar, ModelForm> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  static constexpr std::size_t channel_count = extent<ModelForm, &TSMixerConfig::channels>();
  static constexpr std::size_t lookback = extent<ModelForm, &TSMixerConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &TSMixerConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &TSMixerConfig::width>();
  static constexpr std::size_t depth = extent<ModelForm, &TSMixerConfig::depth>();

  template <BlockMask>
  using Block = MixerBlock<Scalar, lookback, channel_count, width>;
  using Mixer = Stack<Block, depth>;

 public:
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = TSMixer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "tsmixer";

  explicit TSMixer(ModelForm model_form = {})
      : Base(model_form),
        mixer(config().depth, ModuleMask{}, config().lookback, config().channels, config().width),
        projection(config().lookback, config().horizon) {
    set_dropout(0);
  }

  Mixer mixer;
  Linear<Scalar, lookback, horizon> projection;

  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    mixer.set_dropout(rate, 0);
  }

  struct Cache : Base::FrameCache {
    typename Mixer::Cache mixer;
    typename Linear<Scalar, lookback, horizon>::Cache projection;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::expect_channels(channels);
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      const std::size_t rows = samples * channels;
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      Base::lay_out_series(arena, cache);
      cache.mixer.lay_out(arena, mixer, samples);
      cache.projection.lay_out(arena, projection, rows);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    const Rows<const Scalar, lookback> series = Base::enter_series(pass, batch, cache);
    const auto x = mixer.forward(pass, series, cache.mixer);
    return frame.leave(pass, projection.forward(pass, x, cache.projection), cache.frame);
  }

  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    mixer.backward_input(pass, projection.backward_input(pass, dy, cache.projection), cache.mixer);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TSMixer& gradients,
                        Share& share) const {
    mixer.backward_weights(pass, caches.of(&Cache::mixer), gradients.mixer, share);
    projection.backward_weights(pass, caches.of(&Cache::projection), gradients.projection, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return mixer.multiply_adds() + projection.multiply_adds(channels);
  }

  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return std::max(channels, config().lookback) * config().width;
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Mixer::for_each(self.mixer, prefix + "model.", list);
    decltype(self.projection)::for_each(self.projection, prefix + "projection.", list);
  }
};

}  // namespace spat
