// models. Crossformer: attention over time and over variates in two stages, at several scales. The
// variant of the Time-Series-Library.
#pragma once

#include <spat/models/crossformer/config.hpp>
#include <spat/models/crossformer/scale_block.hpp>
#include <spat/models/crossformer/segment_decoder_layer.hpp>
#include <spat/nn/patch_embedding.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Crossformer (Zhang and Yan, "Transformer Utilizing Cross-Dimension Dependency for Multivariate
/// Time Series Forecasting", ICLR 2023), as in the Time-Series-Library:
///
///     scale_0 = LN(W segments(history) + pe + W_enc)
///     scale_{l+1} = block_l(scale_l), which merges segments for l > 0
///     x_0 = W_dec;  x_{i+1}, prediction_i = decoder_i(x_i, scale_i)
///     forecast = sum_i prediction_i, its last T rows
///
/// Shapes, with s_i segments at scale i and u = ceil(T / segment) in the forecast:
///
///     history [B*L x C]   scale_i [B*C * s_i x D]   x_i [B*C * u x D]
///     prediction_i [B*C x u segment]   forecast [B*T x C]
///
/// If L is no multiple of the segment, the last value of the history fills its last segment.
///
/// Modules: for each encoder block, attention over time and over variates (sender and receiver
/// count as one); then for each decoder layer these two and the cross-attention. Everything above
/// the last scale that a cross-attention reads is dead, and inference skips it. Time marks are not
/// read. Errors: ConfigError for sizes that do not fit together; ShapeError for a batch of other
/// sizes, or of other channels: each channel has positions of its own.
template <class Scalar, class ModelForm = Dynamic<CrossformerConfig>>
class Crossformer : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t width = extent<ModelForm, &CrossformerConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &CrossformerConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &CrossformerConfig::heads>();
  static constexpr std::size_t segment = extent<ModelForm, &CrossformerConfig::segment>();
  static constexpr std::size_t depth = extent<ModelForm, &CrossformerConfig::depth>();
  static constexpr std::size_t scales = extent<ModelForm, &CrossformerConfig::scales>();
  static constexpr std::size_t encoder_modules =
      extent<ModelForm, &CrossformerConfig::encoder_modules>();

  template <BlockMask kept>
  using Block = ScaleBlock<Scalar, kept, width, ffn_width, heads>;
  template <BlockMask kept>
  using Layer = SegmentDecoderLayer<Scalar, kept, width, ffn_width, heads, segment>;
  using Encoder = Stack<Block, depth, Base::static_mask(0, encoder_modules)>;
  using Decoder = Stack<Layer, scales, Base::static_mask(encoder_modules)>;
  using Tokens = Rows<const Scalar, width>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = Crossformer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "crossformer";

  explicit Crossformer(ModelForm model_form = {})
      : Base(model_form),
        embedding(config().lookback, config().segment, config().segment,
                  config().segments(0) * config().segment - config().lookback, config().width),
        enc_positions(config().channels * config().segments(0), config().width),
        pre_norm(config().width),
        encoder(
            config().depth, Base::mask(), [this](std::size_t l) { return config().segments(l); },
            [this](std::size_t l) { return l == 0 ? 1 : config().window; }, config().routers,
            config().width, config().ffn_width, config().heads),
        dec_tokens(config().channels * config().forecast_segments(), config().width),
        decoder(config().scales(), Base::mask(config().encoder_modules()),
                config().forecast_segments(), config().segment, config().routers, config().width,
                config().ffn_width, config().heads) {
    decoder.first_module = config().encoder_modules();
    set_dropout(0);
  }

  PatchEmbedding<Scalar, segment, width> embedding;
  LearnedPositions<Scalar, width> enc_positions;
  LayerNorm<Scalar, width> pre_norm;
  Encoder encoder;
  LearnedPositions<Scalar, width> dec_tokens;
  Decoder decoder;

  /// Sets one rate everywhere except in the embedding, as in the reference. Sites are numbered by
  /// the unpruned architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    encoder.set_dropout(rate, 0);
    decoder.set_dropout(rate, Block<BlockMask{}>::sites * config().depth);
  }

  struct Cache {
    Arena arena;
    typename PatchEmbedding<Scalar, segment, width>::Cache embedding;
    typename LearnedPositions<Scalar, width>::Cache enc_positions, dec_tokens;
    typename LayerNorm<Scalar, width>::Cache pre_norm;
    typename Encoder::Cache encoder;
    typename Decoder::Cache decoder;
    std::vector<Tokens> memories, dmemories;  // of each scale; empty if nothing reads it
    Rows<Scalar, segment> sum, dsum;          // of the predictions, [B*C * u x segment]
    Rows<Scalar> forecast;                    // [B*T x C]
    Rows<Scalar, width> dembedded;
    std::size_t samples = 0, channels = 0, scales = 0;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::expect_channels(channels);
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples;
      cache.channels = channels;
      cache.scales = arena.training() ? config().scales() : config().live_scales();
      const std::size_t series = samples * channels, rows = series * config().segments(0),
                        forecast_rows = series * config().forecast_segments();
      cache.memories.assign(config().scales(), {});
      cache.dmemories.assign(config().scales(), {});
      if (cache.scales > 0) {
        cache.pre_norm.lay_out(arena, pre_norm, rows);
        arena.temporarily([&] {
          cache.embedding.lay_out(arena, embedding, samples, channels);
          cache.enc_positions.lay_out(arena, enc_positions, rows);
        });
      }
      cache.encoder.lay_out(arena, encoder, samples_of_block(samples, cache.scales), channels);
      cache.dec_tokens.lay_out(arena, dec_tokens, forecast_rows);
      cache.decoder.lay_out(arena, decoder, samples, channels, segments_of_scale());
      arena.take(cache.sum, forecast_rows, config().segment);
      arena.take(cache.forecast, samples * config().horizon, channels);
      if (!arena.training()) return;
      arena.take(cache.dsum, forecast_rows, config().segment);
      arena.take(cache.dembedded, rows, config().width);
    });
  }

  Rows<const Scalar> forward(const auto& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    Base::expect_history(batch, cache.samples, config().channels);
    assert(!pass.training || cache.arena.training());
    if (cache.scales > 0) {
      const auto embedded = enc_positions.forward(
          pass, embedding.forward(pass, batch.history, cache.embedding), cache.enc_positions);
      cache.memories[0] = pre_norm.forward(pass, embedded, cache.pre_norm);
      encoder.forward(pass, cache.memories[0], cache.encoder);
      for_each_block([&](std::size_t l, const auto& block) { cache.memories[l + 1] = block.y; },
                     cache.encoder.blocks);
    }
    decoder.forward(pass, dec_tokens.repeat(pass, cache.dec_tokens), cache.decoder,
                    [&](std::size_t i) { return cache.memories[i]; });
    std::ranges::fill(cache.sum.flat(), Scalar(0));
    for_each_block(
        [&](std::size_t, const auto& layer) {
          kernels::add<Scalar>(cache.sum.flat(), layer.prediction.flat(), cache.sum.flat());
        },
        cache.decoder.blocks);
    for_each_forecast(
        cache, [](Scalar& forecast, const Scalar& sum) { forecast = sum; }, cache.forecast,
        cache.sum);
    return cache.forecast;
  }

  void backward_input(const auto& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    std::ranges::fill(cache.dsum.flat(), Scalar(0));
    for_each_forecast(
        cache, [](const Scalar& dy, Scalar& dsum) { dsum = dy; }, dforecast, cache.dsum);
    const Rows<const Scalar, segment> dsum = cache.dsum;
    dec_tokens.backward_input(pass, decoder.backward_input(pass, Tokens{}, cache.decoder, dsum),
                              cache.dec_tokens);
    for_each_block([&](std::size_t i, const auto& layer) { cache.dmemories[i] = layer.dmemory; },
                   cache.decoder.blocks);
    const Tokens dscale = encoder.backward_input(
        pass, Tokens{}, cache.encoder, [&](std::size_t l) { return cache.dmemories[l + 1]; });
    const Tokens dembedded = pre_norm.backward_input(
        pass, sum_of_gradients(dscale, cache.dmemories[0], cache.dembedded), cache.pre_norm);
    embedding.skip_input(pass, enc_positions.backward_input(pass, dembedded, cache.enc_positions),
                         cache.embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, Crossformer& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    enc_positions.backward_weights(pass, caches.of(&Cache::enc_positions), gradients.enc_positions,
                                   share);
    pre_norm.backward_weights(pass, caches.of(&Cache::pre_norm), gradients.pre_norm, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    dec_tokens.backward_weights(pass, caches.of(&Cache::dec_tokens), gradients.dec_tokens, share);
    decoder.backward_weights(pass, caches.of(&Cache::decoder), gradients.decoder, share);
  }

  /// Multiply-adds of the forecast of one window. Counts matrix products only, without dead scales.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    const std::size_t live = config().live_scales();
    return (live > 0 ? embedding.multiply_adds(channels) : 0) +
           encoder.multiply_adds(samples_of_block(1, live), channels) +
           decoder.multiply_adds(channels, segments_of_scale());
  }

  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return channels * std::max(config().segments(0), config().forecast_segments()) *
           std::max(config().width, config().ffn_width);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    const auto& c = self.config();
    using Positions = LearnedPositions<Scalar, width>;
    Positions::for_each(self.enc_positions, prefix + "enc_pos_embedding", list,
                        {1, c.channels, c.segments(0), c.width});
    Positions::for_each(self.dec_tokens, prefix + "dec_pos_embedding", list,
                        {1, c.channels, c.forecast_segments(), c.width});
    decltype(self.embedding)::for_each(self.embedding, prefix + "enc_value_embedding.", list);
    decltype(self.pre_norm)::for_each(self.pre_norm, prefix + "pre_norm.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.encode_blocks.", list);
    Decoder::for_each(self.decoder, prefix + "decoder.decode_layers.", list);
  }

  [[nodiscard]] std::vector<std::string> dead_parts() const {
    const std::size_t live = config().live_scales();
    std::vector<std::string> parts;
    if (live == 0) parts = {"enc_value_embedding", "enc_pos_embedding", "pre_norm"};
    for (std::size_t l = 0; l < config().depth; ++l)
      if (l + 1 >= live) parts.push_back(message("encoder.encode_blocks.", l));
    return parts;
  }

  /// The name of module i in the reference's state_dict. For sender and receiver it is the
  /// receiver's.
  [[nodiscard]] std::string module_name(std::size_t i) const {
    constexpr std::array stages{"time_attention", "dim_receiver"};
    const std::size_t first = config().encoder_modules();
    if (i < first)
      return message("encoder.encode_blocks.", i / 2, ".encode_layers.0.", stages[i % 2]);
    const std::size_t layer = (i - first) / 3, j = (i - first) % 3;
    const std::string prefix = message("decoder.decode_layers.", layer, ".");
    return j == 2 ? prefix + "cross_attention" : message(prefix, "self_attention.", stages[j]);
  }

 private:
  [[nodiscard]] auto segments_of_scale() const {
    return [this](std::size_t i) { return config().segments(i); };
  }
  /// The samples of block l: none for a block whose output is not a live scale.
  [[nodiscard]] static auto samples_of_block(std::size_t samples, std::size_t live) {
    return [samples, live](std::size_t l) { return l + 1 < live ? samples : 0; };
  }

  /// Calls visit(forecast(b, t, c), sum(b, c, t + padding)) for each element. The reference takes
  /// the last T rows of the padded horizon.
  template <class Visit, class Forecast, class Sum>
  void for_each_forecast(const Cache& cache, const Visit& visit, const Forecast& forecast,
                         const Sum& sum) const {
    const std::size_t t = config().horizon, c = cache.channels,
                      padded = config().forecast_segments() * config().segment;
    for (std::size_t s = 0; s < cache.samples; ++s)
      for (std::size_t i = 0; i < t; ++i)
        for (std::size_t j = 0; j < c; ++j)
          visit(forecast.row(s * t + i)[j], sum.data()[(s * c + j + 1) * padded - t + i]);
  }
};

}  // namespace spat
