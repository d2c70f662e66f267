// models. PatchTST as published by its authors: residual attention, batch statistics in every
// block, learned positions.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/models/patchtst/config.hpp>
#include <spat/models/patchtst/residual_attention_layer.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/patches.hpp>
#include <spat/nn/positions.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Channel-independent patch transformer (Nie et al., "A Time Series is Worth 64 Words", ICLR
/// 2023), as in its authors' code:
///
///     n = instance_norm(history);  x_0 = Drop(W_P patches(n) + b_P + W_pos)
///     x_l+1, S_l+1 = layer_l(x_l, S_l)                    (ResidualAttentionLayer)
///     forecast = restore((W_h flatten(x_E) + b_h)^T)
///
/// Shapes:  history [B*L x C]   x [B*C * P x D]   S [B*C * H * P x P]   forecast [B*T x C].
///
/// Modules, dead parts and errors are those of PatchTST.
template <class Scalar, class ModelForm = Dynamic<OfficialPatchTSTConfig>>
class OfficialPatchTST : public FramedForecaster<Scalar, ModelForm>,
                         public InStages<OfficialPatchTST<Scalar, ModelForm>> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  static constexpr std::size_t patch = extent<ModelForm, &OfficialPatchTSTConfig::patch>();
  static constexpr std::size_t horizon = extent<ModelForm, &OfficialPatchTSTConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &OfficialPatchTSTConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &OfficialPatchTSTConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &OfficialPatchTSTConfig::heads>();
  static constexpr std::size_t depth = extent<ModelForm, &OfficialPatchTSTConfig::depth>();
  static constexpr std::size_t head_inputs =
      extent<ModelForm, &OfficialPatchTSTConfig::head_inputs>();

  template <BlockMask kept>
  using Block = ResidualAttentionLayer<Scalar, kept, width, ffn_width, heads>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;
  using Embedding = Linear<Scalar, patch, width>;
  using Positions = LearnedPositions<Scalar, width>;
  using Head = FlattenHead<Scalar, head_inputs, horizon, width>;

 public:
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = OfficialPatchTST<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "patchtst_official";
  static constexpr bool channels_alone = true;  // each channel is forecast from itself

  explicit OfficialPatchTST(ModelForm model_form = {})
      : Base(model_form),
        patches(config().lookback, config().patch, config().stride, config().stride),
        embedding(config().patch, config().width), positions(config().patches(), config().width),
        encoder(config().depth, Base::mask(), config().width, config().ffn_width, config().heads),
        head(config().patches(), config().width, config().horizon) {
    for_each_block(
        [&](std::size_t l, auto& layer) {
          layer.connect(!Base::mask(0, l).empty(), !Base::mask(l + 1).empty());
        },
        encoder.blocks);
    set_dropout(0);
  }

  Patches<Scalar, patch> patches;
  Embedding embedding;
  Positions positions;
  Dropout<Scalar> embedding_dropout;
  Encoder encoder;
  Head head;

  /// Sets one rate, as in the reference, which drops neither attention probabilities nor the head's
  /// output. Sites are numbered by the unpruned architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding_dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
  }

  struct Cache : Base::FrameCache {
    typename Patches<Scalar, patch>::Cache patches;
    typename Embedding::Cache embedding;
    typename Positions::Cache positions;
    typename Dropout<Scalar>::Cache embedding_dropout;
    typename Encoder::Cache encoder;
    typename Head::Cache head;
    Rows<const Scalar, width> x, dx;     // between the stages: into and out of the layers
    Rows<const Scalar> scores, dscores;  // of the nearest attention below, above
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      const std::size_t series = samples * channels, tokens = config().patches();
      cache.frame.lay_out(arena, frame, samples, channels, channels);
      cache.positions.lay_out(arena, positions, series * tokens);
      cache.embedding_dropout.lay_out(arena, embedding_dropout, series * tokens, config().width,
                                      channels * tokens);
      arena.temporarily([&] {
        cache.patches.lay_out(arena, patches, samples, channels);
        cache.embedding.lay_out(arena, embedding, series * tokens, Embedding::Dx::none);
      });
      cache.encoder.lay_out(arena, encoder, series, tokens);
      cache.head.lay_out(arena, head, samples, channels, tokens);
    });
  }

  /// Stage 2l computes the input of layer l (or of the head) and mixes its patches. Stage 2l + 1 is
  /// its feed-forward. A batch normalization follows each stage but the last.
  [[nodiscard]] std::size_t stages() const { return 2 * config().depth + 1; }

  Rows<const Scalar> forward_stage(const auto& pass, std::size_t stage,
                                   const WindowBatch<Scalar>& batch, Cache& cache) const {
    const std::size_t l = stage / 2;
    const auto folded = pass.folded(cache.channels);
    if (stage % 2 == 1) {
      at_layer(l, cache, [&](const auto& layer, auto& mine) { layer.transform(folded, mine); });
      return {};
    }
    if (l == 0)
      embed(pass, batch, cache);
    else
      at_layer(l - 1, cache, [&](const auto& layer, auto& mine) {
        const auto y = layer.normalize(folded, mine);
        report_block<Scalar>(folded.at(l - 1), 1, cache.x, y);
        cache.x = y;
      });
    if (l == config().depth) return forecast(pass, cache);
    at_layer(l, cache, [&](const auto& layer, auto& mine) {
      cache.scores = layer.mix(folded.at(l), cache.x, cache.scores, mine);
    });
    return {};
  }

  void backward_stage(const auto& pass, std::size_t stage, Rows<const Scalar> dforecast,
                      Cache& cache) const {
    const std::size_t l = stage / 2;
    const auto folded = pass.folded(cache.channels);
    if (stage % 2 == 1)
      return at_layer(
          l, cache, [&](const auto& layer, auto& mine) { layer.backward_transform(folded, mine); });
    if (l == config().depth)
      backward_forecast(pass, dforecast, cache);
    else
      at_layer(l, cache, [&](const auto& layer, auto& mine) {
        const auto d = layer.backward_mix(folded.at(l), cache.dscores, mine);
        cache.dx = d.x;
        cache.dscores = d.scores;
      });
    if (l > 0)
      return at_layer(l - 1, cache, [&](const auto& layer, auto& mine) {
        layer.backward_normalize(folded, cache.dx, mine);
      });
    const auto dtokens = embedding_dropout.backward_input(pass, cache.dx, cache.embedding_dropout);
    embedding.skip_input(positions.backward_input(pass, dtokens, cache.positions), cache.embedding);
  }

  void reduce(std::size_t stage, Caches<Cache> caches) const {
    at_norm(stage, caches, [](const auto& norm, auto of_norm) { norm.reduce(of_norm); });
  }
  void reduce_backward(std::size_t stage, Caches<Cache> caches) const {
    at_norm(stage, caches, [](const auto& norm, auto of_norm) { norm.reduce_backward(of_norm); });
  }
  void commit(const Cache& cache, Scalar weight) {
    for_each_block([&](std::size_t, auto& layer, const auto& mine) { layer.commit(mine, weight); },
                   encoder.blocks, cache.encoder.blocks);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, OfficialPatchTST& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    positions.backward_weights(pass, caches.of(&Cache::positions), gradients.positions, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    head.backward_weights(pass, caches.of(&Cache::head), gradients.head, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    const std::size_t tokens = config().patches();
    return embedding.multiply_adds(channels * tokens) + channels * encoder.multiply_adds(tokens) +
           head.multiply_adds(channels);
  }

  /// Numbers in the widest activation of one sample of the unpruned architecture, including scores.
  /// Determines how a batch is divided into micro-batches.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    const std::size_t tokens = config().patches();
    return channels * tokens *
           std::max({config().width, config().ffn_width, config().heads * tokens});
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Positions::for_each(self.positions, prefix + "model.backbone.W_pos", list, {},
                        Initial::uniform(0.02));
    Embedding::for_each(self.embedding, prefix + "model.backbone.W_P.", list);
    Encoder::for_each(self.encoder, prefix + "model.backbone.encoder.layers.", list);
    Head::for_each(self.head, prefix + "model.head.", list);
  }

  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("model.backbone.encoder.layers.", i, ".self_attn");
  }

 private:
  /// Calls use(layer l, its cache).
  template <class Use>
  void at_layer(std::size_t l, Cache& cache, Use&& use) const {
    for_each_block(
        [&](std::size_t i, const auto& layer, auto& mine) {
          if (i == l) use(layer, mine);
        },
        encoder.blocks, cache.encoder.blocks);
  }

  /// Calls use(norm, its cache in each micro-batch) for the batch normalization between stages
  /// `stage` and `stage + 1`.
  template <class Use>
  void at_norm(std::size_t stage, Caches<Cache> caches, Use&& use) const {
    const auto encoders = caches.of(&Cache::encoder);
    for_each_block(
        [&](auto l, const auto& layer) {
          using Memory = typename std::remove_cvref_t<decltype(layer)>::Cache;
          if (l != stage / 2) return;
          const auto memory = Encoder::caches_of(l, encoders);
          if (stage % 2 == 0)
            use(layer.attention_norm, memory.of(&Memory::attention_norm));
          else
            use(layer.ffn_norm, memory.of(&Memory::ffn_norm));
        },
        encoder.blocks);
  }

  void embed(const Pass& pass, const WindowBatch<Scalar>& batch, Cache& cache) const {
    const auto n = Base::enter(pass, batch, cache);
    const auto tokens =
        embedding.forward(pass, patches.forward(pass, n, cache.patches), cache.embedding);
    cache.x = embedding_dropout.forward(pass, positions.forward(pass, tokens, cache.positions),
                                        cache.embedding_dropout);
    cache.scores = {};
  }

  Rows<const Scalar> forecast(const Pass& pass, Cache& cache) const {
    return frame.leave(pass, head.forward(pass, cache.x, cache.head), cache.frame);
  }
  void backward_forecast(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    cache.dx = head.backward_input(pass, dy, cache.head);
    cache.dscores = {};
  }
};

}  // namespace spat
