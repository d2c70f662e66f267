// models. RLinear: one linear map of each normalized series. A baseline without attention.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/linear.hpp>
#include <spat/nn/series_frame.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of RLinear: integers and bools, so that it can be a template argument.
struct RLinearConfig {
  static constexpr const char* title = "RLinear";  // used in messages

  std::size_t channels = 0;   // C
  std::size_t lookback = 96;  // L
  std::size_t horizon = 96;   // T
  bool instance_norm = true;
  ModuleMask kept{};

  [[nodiscard]] constexpr std::size_t modules() const { return 0; }
  /// Number of learned values. A double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon);
    return l * t + t;
  }

  [[nodiscard]] constexpr auto with_kept(ModuleMask mask) const { return keeping(*this, mask); }
  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule);
  }
  [[nodiscard]] constexpr bool valid() const { return is_valid(*this); }
  /// Throws ConfigError with the rule that does not hold and its values.
  void check() const { check_rules(*this); }
  friend constexpr bool operator==(const RLinearConfig&, const RLinearConfig&) = default;

  static constexpr auto fields() {
    using C = RLinearConfig;
    return std::array{ConfigField{"channels", &C::channels}, ConfigField{"lookback", &C::lookback},
                      ConfigField{"horizon", &C::horizon},
                      ConfigField{"instance_norm", &C::instance_norm}};
  }
};

/// RLinear (Li et al., "Revisiting Long-term Time Series Forecasting: An Investigation on Linear
/// Mapping", 2023), with RevIN without affine parameters:
///
///     n = instance_norm(history);  forecast = restore((n^T W^T + b)^T)
///
/// Shapes:  history, n [B*L x C]   W [T x L], shared by the channels   forecast [B*T x C].
///
/// There are no modules to prune. No parameter depends on C: the dynamic form forecasts any number
/// of channels. Time marks are not read. Errors: ConfigError for sizes that do not fit together,
/// ShapeError for a batch of other sizes.
template <class Scalar, class ModelForm = Dynamic<RLinearConfig>>
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

  explicit RLinear(ModelForm model_form = {})
      : Base(model_form), linear(config().lookback, config().horizon),
        frame(config().instance_norm, config().lookback, config().horizon) {}

  Map linear;
  SeriesFrame<Scalar> frame;

  /// Stores the rate for the model file. This model has no dropout.
  void set_dropout(double rate) { Base::keep_dropout(rate); }

  struct Cache {
    Arena arena;
    typename SeriesFrame<Scalar>::Cache frame;
    typename Map::Cache linear;
    Rows<Scalar> series;  // [B*C x L]
    std::size_t samples = 0, channels = 0;
  };

  /// Lays the cache out for batches of `samples` windows of `channels` channels. Allocates; forward
  /// and backward do not.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples, cache.channels = channels;
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      cache.linear.lay_out(arena, linear, samples * channels, Map::Dx::none);
      arena.take(cache.series, samples * channels, config().lookback);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    Base::expect_history(batch, cache.samples, cache.channels);
    transpose_samples<Scalar>(frame.enter(pass, batch.history, cache.frame), cache.samples,
                              cache.series);
    return frame.leave(pass, linear.forward(pass, cache.series, cache.linear), cache.frame);
  }

  /// Takes dforecast [B*T x C]. The history is data and gets no gradient.
  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    linear.skip_input(frame.backward_leave(pass, dforecast, cache.frame), cache.linear);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, RLinear& gradients,
                        Share& share) const {
    linear.backward_weights(pass, caches.of(&Cache::linear), gradients.linear, share);
  }

  /// Multiply-adds of the forecast of one window. Counts matrix products only.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return linear.multiply_adds(channels);
  }

  /// Numbers in the widest activation of one sample. Determines how a batch is divided into
  /// micro-batches.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * std::max(config().lookback, config().horizon);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Map::for_each(self.linear, prefix + "Linear.", list);
  }
};

}  // namespace spat
