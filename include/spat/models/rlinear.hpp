// models. RLinear: one linear map of each normalized series. No attention: a baseline.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/linear.hpp>
#include <spat/nn/series_frame.hpp>

namespace spat::inline SPAT_ABI {

/// Everything that shapes an RLinear: integers and bools, so that it can be a template argument.
struct RLinearConfig {
  std::size_t channels = 0;   // C
  std::size_t lookback = 96;  // L
  std::size_t horizon = 96;   // T
  bool instance_norm = true;
  ModuleMask kept{};

  [[nodiscard]] constexpr std::size_t modules() const { return 0; }
  [[nodiscard]] constexpr RLinearConfig with_kept(ModuleMask mask) const {
    RLinearConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const { return channels && lookback && horizon; }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon);
    return l * t + t;
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "RLinear needs at least one channel: channels", channels);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
  }

  friend constexpr bool operator==(const RLinearConfig&, const RLinearConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("lookback", self.lookback),
        visit("horizon", self.horizon);
    visit("instance_norm", self.instance_norm);
  }
};

/// Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear Mapping",
/// 2023; its RevIN without affine:
///
///     n = instance_norm(history);  forecast = restore((n^T W^T + b)^T)
///
/// Shapes:  history, n [B*L x C]   W [T x L], shared by the channels   forecast [B*T x C].
/// No modules to prune. No parameter depends on C: the dynamic form forecasts any number of
/// channels. Time marks are not read. Errors: ConfigError for sizes that do not fit together,
/// ShapeError for a batch of other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<RLinearConfig>>
class RLinear : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &RLinearConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &RLinearConfig::horizon>();
  using Map = Linear<Scalar, lookback, horizon>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = RLinear<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "rlinear";
  static constexpr const char* source = "Li et al., 2023";
  static constexpr const char* without_attention =
      "it never had any: a linear map shared by the variates";

  explicit RLinear(ModelForm model_form = {})
      : Base(model_form), linear(config().lookback, config().horizon),
        frame(config().instance_norm) {}

  Map linear;
  SeriesFrame<Scalar> frame;

  /// Kept for the file; nothing is dropped here.
  void set_dropout(double rate) { Base::keep_dropout(rate); }

  struct Cache {
    Arena arena;
    struct Views {
      typename SeriesFrame<Scalar>::Cache frame;
      typename Map::Cache linear;
      Rows<Scalar> series;  // [B*C x L]
      std::size_t samples = 0, channels = 0;
    } views;
  };

  /// Lays the cache out for batches of `samples` and `channels`; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples, my.channels = channels;
      my.frame.lay_out(arena, frame, samples, config().lookback, config().horizon, channels,
                       channels);
      my.linear.lay_out(arena, linear, samples * channels, Map::Dx::none);
      arena.take(my.series, samples * channels, config().lookback);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    auto& my = cache.views;
    Base::expect_history("RLinear", batch, my.samples, my.channels);
    transpose_samples<Scalar>(frame.enter(pass, batch.history, my.frame), my.samples, my.series);
    return frame.leave(pass, linear.forward(pass, my.series, my.linear), my.frame);
  }

  /// dforecast [B*T x C]. The history is data: no gradient with respect to it.
  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    auto& my = cache.views;
    linear.skip_input(frame.backward_leave(pass, dforecast, my.frame), my.linear);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, RLinear& gradients,
                        Share& share) const {
    linear.backward_weights(pass, caches.of(&Cache::views).of(&Cache::Views::linear),
                            gradients.linear, share);
  }

  /// Of the forecast of one window: matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return linear.multiply_adds(channels);
  }

  /// Columns of a forecast from windows of `channels` channels.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }

  /// Numbers in the widest activation of one sample: what a batch is cut into blocks by.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * std::max(config().lookback, config().horizon);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Map::for_each(self.linear, prefix + "Linear.", list);
  }

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const { return {}; }

  /// There is no module i.
  [[nodiscard]] static std::string module_name(std::size_t) { return {}; }
};

}  // namespace spat
