// models. PatchTST: attention over the patches of each variate alone. The variant of the
// Time-Series-Library.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/models/patchtst/config.hpp>
#include <spat/nn/batch_norm.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/instance_norm.hpp>
#include <spat/nn/patch_embedding.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Channel-independent patch transformer (Nie et al., "A Time Series is Worth 64 Words", ICLR
/// 2023), as in the Time-Series-Library:
///
///     n = instance_norm(history);  tokens = W_P patches(n) + pe;  tokens = BN(encoder(tokens))
///     forecast = restore(Drop(W_h flatten(tokens) + b_h)^T)
///
/// Shapes:  history [B*L x C]   tokens [B*C * P x D]
/// forecast [B*T x C].  To the encoder each variate is a sample.
/// Modules: the attention of each encoder layer. With all of them pruned patches meet in the head
/// alone. No parameter depends on C: the dynamic form forecasts any number of channels. Time marks
/// are not read. Errors: ConfigError for sizes that do not fit together, ShapeError for a batch of
/// other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<PatchTSTConfig>>
class PatchTST : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
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
  using Base::config;
  template <ModuleMask mask>
  using Pruned = PatchTST<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "patchtst";
  static constexpr const char* source = "Nie et al., ICLR 2023, as in the Time-Series-Library";
  static constexpr const char* without_attention =
      "a perceptron of each patch; patches meet in the linear head";

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
  [[no_unique_address]] InstanceNorm<Scalar> instance_norm;

  /// One rate everywhere, as in the reference; sites are numbered by the unpruned architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
    head.dropout = {rate, 1 + Block<BlockMask{}>::sites * config().depth};
  }

  struct Cache {
    Arena arena;
    struct Views {
      typename InstanceNorm<Scalar>::Cache instance_norm;
      typename PatchEmbedding<Scalar, patch, width>::Cache embedding;
      typename Encoder::Cache encoder;
      typename BatchNorm<Scalar, width>::Cache norm;
      typename FlattenHead<Scalar, head_inputs, horizon, width>::Cache head;
      Rows<Scalar> z, dseries;  // [B*T x C] forecast before restoring, [B*C x T] its gradient
      Rows<const Scalar, width> tokens,
          dtokens;  // between the stages: into the norm, out of the head
      std::size_t samples = 0, channels = 0;
    } views;
  };

  /// Lays the cache out for batches of `samples` and `channels`; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples, my.channels = channels;
      const std::size_t series = samples * channels, patches = config().patches();
      my.instance_norm.lay_out(arena, samples, config().lookback, config().horizon, channels);
      arena.take(my.z, samples * config().horizon, channels);
      my.embedding.lay_out(arena, embedding, samples, channels);
      my.encoder.lay_out(arena, encoder, series, patches);
      my.norm.lay_out(arena, norm, series * patches);
      my.head.lay_out(arena, head, samples, channels, patches);
      if (arena.training()) arena.take(my.dseries, series, config().horizon);
    });
  }

  /// Two stages: to the batch statistics, and from there on.
  [[nodiscard]] std::size_t stages() const { return 2; }

  template <class PassType>
  Rows<const Scalar> forward_stage(const PassType& pass, std::size_t stage,
                                   const WindowBatch<Scalar>& batch, Cache& cache) const {
    auto& my = cache.views;
    if (stage == 0) {
      Base::expect_history("PatchTST", batch, my.samples, my.channels);
      assert(!pass.training || cache.arena.training());
      Rows<const Scalar> x = batch.history;
      if (config().instance_norm) x = instance_norm.forward(pass, x, my.instance_norm);
      const Rows<const Scalar, width> tokens = embedding.forward(pass, x, my.embedding);
      my.tokens = encoder.forward(pass.folded(my.channels), tokens, my.encoder);
      norm.observe(pass, my.tokens, my.norm);
      return {};
    }
    const auto y = head.forward(pass, norm.forward(pass, my.tokens, my.norm), my.head);
    const std::size_t c = my.channels, t = config().horizon;
    for (std::size_t s = 0; s < my.samples; ++s)
      kernels::transpose(y.row(s * c), c, t, my.z.row(s * t));
    return config().instance_norm ? instance_norm.restore(pass, my.z, my.instance_norm)
                                  : Rows<const Scalar>(my.z);
  }

  /// dforecast [B*T x C]. The history is data: no gradient with respect to it.
  template <class PassType>
  void backward_stage(const PassType& pass, std::size_t stage, Rows<const Scalar> dforecast,
                      Cache& cache) const {
    auto& my = cache.views;
    if (stage == 1) {
      const auto dz = config().instance_norm
                          ? instance_norm.backward_restore(pass, dforecast, my.z, my.instance_norm)
                          : dforecast;
      const std::size_t c = my.channels, t = config().horizon;
      for (std::size_t s = 0; s < my.samples; ++s)
        kernels::transpose(dz.row(s * t), t, c, my.dseries.row(s * c));
      my.dtokens = head.backward_input(pass, my.dseries, my.head);
      return norm.backward_observe(pass, my.dtokens, my.norm);
    }
    const Rows<const Scalar, width> dtokens = norm.backward_input(pass, my.dtokens, my.norm);
    embedding.skip_input(
        pass, encoder.backward_input(pass.folded(my.channels), dtokens, my.encoder), my.embedding);
  }

  void reduce(std::size_t, Caches<Cache> caches) const { norm.reduce(norms(caches)); }
  void reduce_backward(std::size_t, Caches<Cache> caches) const {
    norm.reduce_backward(norms(caches));
  }
  void commit(const Cache& cache, Scalar weight) { norm.commit(cache.views.norm, weight); }

  template <class PassType>
  Rows<const Scalar> forward(const PassType& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    return forward_in_stages(*this, pass, batch, cache);
  }
  template <class PassType>
  void backward_input(const PassType& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    backward_in_stages(*this, pass, dforecast, cache);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, PatchTST& gradients,
                        Share& share) const {
    using Views = typename Cache::Views;
    const auto views = caches.of(&Cache::views);
    embedding.backward_weights(pass, views.of(&Views::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, views.of(&Views::encoder), gradients.encoder, share);
    norm.backward_weights(pass, views.of(&Views::norm), gradients.norm, share);
    head.backward_weights(pass, views.of(&Views::head), gradients.head, share);
  }

  /// Of the forecast of one window: matrix products alone.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    return embedding.multiply_adds(channels) +
           channels * encoder.multiply_adds(config().patches()) + head.multiply_adds(channels);
  }

  /// Columns of a forecast from windows of `channels` channels.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }

  /// Numbers in the widest activation of one sample, of the unpruned architecture: what a batch is
  /// cut into blocks by.
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

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const { return {}; }

  /// The name of module i, as in the reference's state_dict.
  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("encoder.attn_layers.", i, ".attention");
  }

 private:
  static auto norms(Caches<Cache> caches) {
    return caches.of(&Cache::views).of(&Cache::Views::norm);
  }
};

}  // namespace spat
