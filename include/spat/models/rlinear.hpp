// models. RLinear: one linear map of each normalized series. A baseline without attention.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/nn/linear.hpp>

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
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon);
    return l * t + t;
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule);
  }
  friend constexpr bool operator==(const RLinearConfig&, const RLinearConfig&) = default;

  static constexpr auto fields() { return all_fields<RLinearConfig>(); }
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
class RLinear : public FramedForecaster<Scalar, ModelForm> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &RLinearConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &RLinearConfig::horizon>();
  using Map = Linear<Scalar, lookback, horizon>;

 public:
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = RLinear<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "rlinear";
  static constexpr bool has_dropout = false;
  static constexpr bool channels_alone = true;  // each channel is forecast from itself

  explicit RLinear(ModelForm model_form = {})
      : Base(model_form), linear(config().lookback, config().horizon) {}

  Map linear;

  /// Stores the rate for the model file. This model has no dropout.
  void set_dropout(double rate) { Base::keep_dropout(rate); }

  struct Cache : Base::FrameCache {
    typename Map::Cache linear;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      cache.linear.lay_out(arena, linear, samples * channels, Map::Dx::none);
      Base::lay_out_series(arena, cache);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    const auto series = Base::enter_series(pass, batch, cache);
    return frame.leave(pass, linear.forward(pass, series, cache.linear), cache.frame);
  }

  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    linear.skip_input(frame.backward_leave(pass, dforecast, cache.frame), cache.linear);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, RLinear& gradients,
                        Share& share) const {
    linear.backward_weights(pass, caches.of(&Cache::linear), gradients.linear, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return linear.multiply_adds(channels);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Map::for_each(self.linear, prefix + "Linear.", list);
  }
};

}  // namespace spat
