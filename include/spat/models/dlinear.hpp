// models. DLinear: one linear map of each series' trend and one of the rest. A baseline without
// attention.
#pragma once

#include <spat/models/dlinear/series_decomposition.hpp>
#include <spat/models/framed_forecaster.hpp>
#include <spat/nn/linear.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of DLinear: integers and bools, so that it can be a template argument.
struct DLinearConfig {
  static constexpr const char* title = "DLinear";  // used in messages

  std::size_t channels = 0;   // C
  std::size_t lookback = 96;  // L
  std::size_t horizon = 96;   // T
  std::size_t kernel = 25;    // window of the moving average, in steps
  ModuleMask kept{};

  [[nodiscard]] constexpr std::size_t modules() const { return 0; }
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon);
    return 2 * (l * t + t);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(kernel % 2 == 1, "the moving average needs an odd kernel", "kernel", kernel) &&
           rule(kernel < 65536, "the moving average is too long", "kernel", kernel, "most",
                std::size_t{65535});
  }
  friend constexpr bool operator==(const DLinearConfig&, const DLinearConfig&) = default;

  static constexpr auto fields() {
    using C = DLinearConfig;
    return all_fields<C>({{"kernel", &C::kernel}});
  }
};

/// DLinear (Zeng et al., "Are Transformers Effective for Time Series Forecasting?", AAAI 2023), as
/// in the Time-Series-Library:
///
///     trend, seasonal = decomposition(history^T)
///     forecast = (seasonal W_s^T + b_s + trend W_t^T + b_t)^T
///
/// Shapes, with W_s and W_t shared by the channels:
///
///     history [B*L x C]   trend, seasonal [B*C x L]   W_s, W_t [T x L]   forecast [B*T x C]
///
/// There are no modules to prune. Both weights start at 1 / L. No parameter depends on C: the
/// dynamic form forecasts any number of channels. Time marks are not read. Errors: ConfigError for
/// sizes that do not fit together, ShapeError for a batch of other sizes.
template <class Scalar, class ModelForm = Dynamic<DLinearConfig>>
class DLinear : public FramedForecaster<Scalar, ModelForm> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &DLinearConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &DLinearConfig::horizon>();
  using Map = Linear<Scalar, lookback, horizon>;

 public:
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = DLinear<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "dlinear";
  static constexpr bool has_dropout = false;
  static constexpr bool channels_alone = true;  // each channel is forecast from itself

  explicit DLinear(ModelForm model_form = {})
      : Base(model_form), decomposition(config().kernel),
        seasonal(config().lookback, config().horizon), trend(config().lookback, config().horizon) {
    for (Map* map : {&seasonal, &trend})
      std::ranges::fill(map->weight.flat(), 1 / static_cast<Scalar>(config().lookback));
  }

  SeriesDecomposition<Scalar, lookback> decomposition;
  Map seasonal, trend;

  /// Stores the rate for the model file. This model has no dropout.
  void set_dropout(double rate) { Base::keep_dropout(rate); }

  struct Cache : Base::FrameCache {
    typename SeriesDecomposition<Scalar, lookback>::Cache decomposition;
    typename Map::Cache seasonal, trend;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      const std::size_t rows = samples * channels;
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      cache.trend.lay_out(arena, trend, rows, Map::Dx::none);
      cache.seasonal.lay_out(arena, seasonal, rows, Map::Dx::none);
      cache.decomposition.lay_out(arena, rows, config().lookback);
      Base::lay_out_series(arena, cache);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    const auto series = Base::enter_series(pass, batch, cache);
    const auto parts = decomposition.forward(pass, series, cache.decomposition);
    seasonal.forward(pass, parts.seasonal, cache.seasonal);
    const auto add = [&](std::size_t row, std::size_t rows, std::size_t column, std::size_t cols) {
      for (std::size_t r = row; r < row + rows; ++r) {
        const std::span<Scalar> sum{cache.trend.y.row(r) + column, cols};
        kernels::add<Scalar>({cache.seasonal.y.row(r) + column, cols}, sum, sum);
      }
    };
    return frame.leave(pass, trend.forward(pass, parts.trend, cache.trend, add), cache.frame);
  }

  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    seasonal.skip_input(dy, cache.seasonal);
    trend.skip_input(dy, cache.trend);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, DLinear& gradients,
                        Share& share) const {
    seasonal.backward_weights(pass, caches.of(&Cache::seasonal), gradients.seasonal, share);
    trend.backward_weights(pass, caches.of(&Cache::trend), gradients.trend, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return seasonal.multiply_adds(channels) + trend.multiply_adds(channels);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    const auto bias = Initial::uniform(1 / std::sqrt(static_cast<double>(self.config().lookback)));
    Map::for_each(self.seasonal, prefix + "Linear_Seasonal.", list, 2, Initial::unchanged(), bias);
    Map::for_each(self.trend, prefix + "Linear_Trend.", list, 2, Initial::unchanged(), bias);
  }
};

}  // namespace spat
