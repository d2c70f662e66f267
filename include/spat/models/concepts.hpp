// models. The requirements of training and pruning on a model, the library's or a user's.
#pragma once

#include <spat/autograd/layer.hpp>
#include <spat/core/module_mask.hpp>
#include <spat/data/window_batch.hpp>

#include <concepts>
#include <string>

namespace spat::inline SPAT_ABI {

/// A model that forecasts a batch of windows: forward() returns [B*T x C_out] in a cache that
/// prepare() laid out. Sufficient for a Predictor, for evaluation, and for criteria that observe
/// forward passes only.
template <class M>
concept Evaluable = requires(const M& model, M& changed, const Pass& pass,
                             const WindowBatch<typename M::Value>& batch,
                             typename M::Cache& cache) {
  model.prepare(cache, Purpose::inference, std::size_t{}, std::size_t{});
  { model.forward(pass, batch, cache) } -> std::convertible_to<Rows<const typename M::Value>>;
  { model.multiply_adds(std::size_t{}) } -> std::convertible_to<std::size_t>;
  { model.target_channels(std::size_t{}) } -> std::convertible_to<std::size_t>;
  { model.activation_size(std::size_t{}) } -> std::convertible_to<std::size_t>;
  parameters(changed);
};

/// An Evaluable model that can also be trained.
template <class M>
concept Forecaster = Evaluable<M> &&
    requires(const M& model, M& gradients, const Pass& pass, typename M::Cache& cache,
             Rows<const typename M::Value> dforecast, Share& share) {
  model.backward_input(pass, dforecast, cache);
  model.backward_weights(pass, cache, gradients, share);
};

/// A model that can be rebuilt with fewer modules. It has a Form that knows its mask, and named
/// parameters. Its layers call pass.at(module), so that a criterion receives the events of each
/// module.
template <class M>
concept Prunable = Evaluable<M> && std::constructible_from<M, typename M::Form> &&
    requires(const M& model, ModuleMask mask) {
  { model.form.kept() } -> std::convertible_to<ModuleMask>;
  { model.form.modules() } -> std::convertible_to<std::size_t>;
  model.form.with_kept(mask);
};

/// A prunable model that can also be trained.
template <class M>
concept PrunableModel = Prunable<M> && Forecaster<M>;

/// A model that files can hold: it has a name, a configuration by whose parameters() a file's size
/// is checked, a dropout rate, and a form made of the configuration. ForecasterBase gives all but
/// the name and set_dropout().
template <class M>
concept Storable = Prunable<M> &&
    requires(const M& model, M& changed, const typename M::Config& config) {
  std::string(M::name);
  { model.config() } -> std::convertible_to<typename M::Config>;
  { config.parameters() } -> std::convertible_to<double>;
  { model.dropout() } -> std::convertible_to<double>;
  changed.set_dropout(0.0);
};

/// A forecaster whose samples interact in batch statistics during training (BatchNorm). Forward and
/// backward are divided into stages. Between two stages the observations of the whole batch's
/// micro-batches are reduced, in micro-batch order:
///
///     forward_stage(pass, s, batch, cache)       s = 0 .. stages() - 1; the last returns
///                                                the forecast
///     reduce(s, caches)                          between forward stages s and s + 1
///     backward_stage(pass, s, dforecast, cache)  s = stages() - 1 .. 0
///     reduce_backward(s, caches)                 between backward stages s + 1 and s
///     commit(cache, weight)                      once per step: moves the running statistics by
///                                                `weight`, from any micro-batch's cache
///
/// Its forward() and backward_input() are those of a batch of one micro-batch.
template <class M>
concept BatchNormalized = Forecaster<M> &&
    requires(const M& model, M& changed, const Pass& pass,
             const WindowBatch<typename M::Value>& batch, typename M::Cache& cache,
             Rows<const typename M::Value> dforecast, Caches<typename M::Cache> caches,
             std::size_t stage) {
  { model.stages() } -> std::convertible_to<std::size_t>;
  {
    model.forward_stage(pass, stage, batch, cache)
    } -> std::convertible_to<Rows<const typename M::Value>>;
  model.reduce(stage, caches);
  model.backward_stage(pass, stage, dforecast, cache);
  model.reduce_backward(stage, caches);
  changed.commit(cache, typename M::Value{});
};

/// Gives a batch-normalized Model its forward() and backward_input(): all stages of a batch of one
/// micro-batch. Model derives from it.
template <class Model>
class InStages {
 public:
  /// Returns the forecast of the last stage.
  auto forward(const auto& pass, const auto& batch, auto& cache) const {
    Rows<const typename Model::Value> forecast;
    for (std::size_t s = 0; s < model().stages(); ++s) {
      if (s > 0 && pass.training) model().reduce(s - 1, cache);
      forecast = model().forward_stage(pass, s, batch, cache);
    }
    return forecast;
  }
  void backward_input(const auto& pass, const auto& dforecast, auto& cache) const {
    for (std::size_t s = model().stages(); s-- > 0;) {
      model().backward_stage(pass, s, dforecast, cache);
      if (s > 0 && pass.training) model().reduce_backward(s - 1, cache);
    }
  }

 private:
  [[nodiscard]] const Model& model() const { return static_cast<const Model&>(*this); }
};

/// Calls backward_input(), then backward_weights() with one worker.
template <class Model, class PassType, class Gradient>
void backward_pass(const Model& model, const PassType& pass, const Gradient& dforecast,
                   typename Model::Cache& cache, Model& gradients) {
  model.backward_input(pass, dforecast.view(), cache);
  Share all;
  model.backward_weights(pass, cache, gradients, all);
}

/// Builds `To` with the weights of `from`: another form (static or dynamic), fewer modules, or
/// another precision. Throws ShapeError if `to` has a tensor that `from` lacks.
template <class To, class From>
[[nodiscard]] To converted(const From& from, typename To::Form form = {}) {
  To to(form);
  take_surviving(parameters(to), parameters(from));
  if constexpr (requires { to.set_dropout(from.dropout()); }) to.set_dropout(from.dropout());
  return to;
}

}  // namespace spat
