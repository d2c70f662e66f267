// models. Common base of the forecasters that normalize each window and map whole series: the
// series frame, and what every cache of such a model holds.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/series_frame.hpp>

namespace spat::inline SPAT_ABI {

/// A forecaster inside a series frame: it receives n = instance_norm(history) and makes rows of
/// series of it, which become the forecast. Windows are normalized if the configuration has
/// `instance_norm` and it is set.
template <class Scalar, class ModelForm>
class FramedForecaster : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;

 public:
  using Base::config;

  SeriesFrame<Scalar> frame;

  /// The part of a cache that all these models share. A model's Cache derives from it.
  struct FrameCache {
    Arena arena;
    typename SeriesFrame<Scalar>::Cache frame;
    Rows<Scalar> series;  // n of each sample, transposed; for models that map whole series
    std::size_t samples = 0, channels = 0;
  };

  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * std::max(config().lookback, config().horizon);
  }

 protected:
  explicit FramedForecaster(ModelForm model_form)
      : Base(model_form), frame(normalizes(config()), config().lookback, config().horizon) {}

  /// Calls lay_out(arena) for the layers of a model, after the sizes are in the cache. Allocates.
  template <class Cache, class LayOut>
  void prepare_cache(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels,
                     const LayOut& lay_out) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples;
      cache.channels = channels;
      lay_out(arena);
    });
  }

  /// Checks the history of a batch. Returns n [B*L x C].
  Rows<const Scalar> enter(const Pass& pass, const WindowBatch<Scalar>& batch,
                           FrameCache& cache) const {
    Base::expect_history(batch, cache.samples, cache.channels);
    assert(!pass.training || cache.arena.training());
    return frame.enter(pass, batch.history, cache.frame);
  }

  void lay_out_series(Arena& arena, FrameCache& cache) const {
    arena.take(cache.series, cache.samples * cache.channels, config().lookback);
  }
  /// enter(), transposed: returns the series [B*C x L], for which lay_out_series() made room.
  Rows<const Scalar> enter_series(const Pass& pass, const WindowBatch<Scalar>& batch,
                                  FrameCache& cache) const {
    transpose_samples<Scalar>(enter(pass, batch, cache), cache.samples, cache.series);
    return cache.series;
  }

 private:
  static bool normalizes(const typename ModelForm::Config& config) {
    if constexpr (requires { config.instance_norm; })
      return config.instance_norm;
    else
      return false;
  }
};

}  // namespace spat
