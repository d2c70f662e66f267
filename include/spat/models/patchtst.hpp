// models. PatchTST: attention over the patches of each variate alone. The variant of the
// Time-Series-Library.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/models/patchtst/config.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/patch_embedding.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Channel-independent patch transformer (Nie et al., "A Time Series is Worth 64 Words", ICLR
/// 2023), as in the Time-Series-Library:
///
///     n = instance_norm(history);  tokens = W_P patches(n) + pe;  tokens = BN(encoder(tokens))
///     forecast = restore(Drop(W_h flatten(tokens) + b_h)^T)
///
/// Shapes:  history [B*L x C]   tokens [B*C * P x D]   forecast [B*T x C].
///
/// The encoder treats each variate as a sample.
///
/// Modules: the attention of each encoder layer. If all of them are pruned, patches interact only
/// in the head. No parameter depends on C: the dynamic form forecasts any number of channels. Time
/// marks are not read. Errors: ConfigError for sizes that do not fit together, ShapeError for a
/// batch of other sizes.
template <class Scalar, class ModelForm = Dynamic<PatchTSTConfig>>
class PatchTST : public FramedForecaster<Scalar, ModelForm>,
                 public InStages<PatchTST<Scalar, ModelForm>> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  static constexpr std::size_t patch = extent<ModelForm, &PatchTSTConfig::patch>();
  static constexpr std::size_t horizon = extent<ModelForm, &PatchTSTConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &PatchTSTConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &PatchTSTConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &PatchTSTConfig::heads>();
  static constexpr std::size_t depth = extent<ModelForm, &PatchTSTConfig::depth>();
  static constexpr std::size_t head_inputs = extent<ModelForm, &PatchTSTConfig::head_inputs>();

  template <BlockMask kept>
  using Block = EncoderLayer<Scalar, kept, width, ffn_width, heads>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;

 public:
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = PatchTST<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "patchtst";
  static constexpr bool channels_alone = true;  // each channel is forecast from itself

  explicit PatchTST(ModelForm model_form = {})
      : Base(model_form), embedding(config().lookback, config().patch, config().stride,
                                    config().stride, config().width),
        encoder(config().depth, config().kept, config().width, config().ffn_width, config().heads),
        norm(config().width), head(config().patches(), config().width, config().horizon) {
    set_dropout(0);
  }

  PatchEmbedding<Scalar, patch, width> embedding;
  Encoder encoder;
  BatchNorm<Scalar, width> norm;
  FlattenHead<Scalar, head_inputs, horizon, width> head;

  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
    head.dropout = {rate, 1 + Block<BlockMask{}>::sites * config().depth};
  }

  struct Cache : Base::FrameCache {
    typename PatchEmbedding<Scalar, patch, width>::Cache embedding;
    typename Encoder::Cache encoder;
    typename BatchNorm<Scalar, width>::Cache norm;
    typename FlattenHead<Scalar, head_inputs, horizon, width>::Cache head;
    Rows<const Scalar, width> tokens, dtokens;  // between the stages: norm input, head input
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      const std::size_t series = samples * channels, patches = config().patches();
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      cache.embedding.lay_out(arena, embedding, samples, channels);
      cache.encoder.lay_out(arena, encoder, series, patches);
      cache.norm.lay_out(arena, norm, series * patches);
      cache.head.lay_out(arena, head, samples, channels, patches);
    });
  }

  /// Two stages: up to the batch statistics, and the rest.
  [[nodiscard]] std::size_t stages() const { return 2; }

  Rows<const Scalar> forward_stage(const auto& pass, std::size_t stage,
                                   const WindowBatch<Scalar>& batch, Cache& cache) const {
    if (stage == 0) {
      const auto n = Base::enter(pass, batch, cache);
      const Rows<const Scalar, width> tokens = embedding.forward(pass, n, cache.embedding);
      cache.tokens = encoder.forward(pass.folded(cache.channels), tokens, cache.encoder);
      norm.observe(pass, cache.tokens, cache.norm);
      return {};
    }
    const auto y = head.forward(pass, norm.forward(pass, cache.tokens, cache.norm), cache.head);
    return frame.leave(pass, y, cache.frame);
  }

  void backward_stage(const auto& pass, std::size_t stage, Rows<const Scalar> dforecast,
                      Cache& cache) const {
    if (stage == 1) {
      const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
      cache.dtokens = head.backward_input(pass, dy, cache.head);
      return norm.backward_observe(pass, cache.dtokens, cache.norm);
    }
    const Rows<const Scalar, width> dtokens = norm.backward_input(pass, cache.dtokens, cache.norm);
    embedding.skip_input(
        pass, encoder.backward_input(pass.folded(cache.channels), dtokens, cache.encoder),
        cache.embedding);
  }

  void reduce(std::size_t, Caches<Cache> caches) const { norm.reduce(norms(caches)); }
  void reduce_backward(std::size_t, Caches<Cache> caches) const {
    norm.reduce_backward(norms(caches));
  }
  void commit(const Cache& cache, Scalar weight) { norm.commit(cache.norm, weight); }

  void backward_weights(const Pass& pass, Caches<Cache> caches, PatchTST& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    head.backward_weights(pass, caches.of(&Cache::head), gradients.head, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return embedding.multiply_adds(channels) +
           channels * encoder.multiply_adds(config().patches()) + head.multiply_adds(channels);
  }

  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * config().patches() * std::max(config().width, config().ffn_width);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    decltype(self.embedding)::for_each(self.embedding, prefix + "patch_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.attn_layers.", list);
    decltype(self.norm)::for_each(self.norm, prefix + "encoder.norm.1.", list);
    decltype(self.head)::for_each(self.head, prefix + "head.", list);
  }

  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("encoder.attn_layers.", i, ".attention");
  }

 private:
  static auto norms(Caches<Cache> caches) { return caches.of(&Cache::norm); }
};

}  // namespace spat
