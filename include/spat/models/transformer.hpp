// models. Transformer: an encoder over the steps of the history, a decoder over the forecast steps.
#pragma once

#include <spat/models/transformer/config.hpp>
#include <spat/models/transformer/data_embedding.hpp>
#include <spat/models/transformer/decoder_layer.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// The encoder-decoder (Vaswani et al., "Attention Is All You Need", 2017) over time steps, as in
/// the Time-Series-Library:
///
///     memory = LN(encoder(embed(history, history_marks)))
///     steps = the last `label` steps of the history, then T zeros; with their marks, the future
///             ones at the end
///     forecast = W_p LN(decoder(embed(steps), memory)) + b_p, of the last T steps
///
/// Shapes:
///
///     history [B*L x C]   history_marks [B*L x M]   future_marks [B*T x M]
///     steps [B * (label+T) x C]   memory [B*L x D]   forecast [B*T x C]
///
/// Modules: the attention of each encoder layer, then self- and cross-attention of each decoder
/// layer. If no cross-attention is kept, the memory is dead, and inference skips the encoder. If no
/// self-attention of the decoder is kept, the tokens of the known steps are dead, and inference
/// skips them; the embedding of their neighbours still reads one step at each end. Errors:
/// ConfigError for sizes that do not fit together and for a batch without marks, ShapeError for a
/// batch of other channels or sizes.
template <class Scalar, class ModelForm = Dynamic<TransformerConfig>>
class Transformer : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t channels = extent<ModelForm, &TransformerConfig::channels>();
  static constexpr std::size_t marks = extent<ModelForm, &TransformerConfig::marks>();
  static constexpr std::size_t width = extent<ModelForm, &TransformerConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &TransformerConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &TransformerConfig::heads>();
  static constexpr std::size_t depth = extent<ModelForm, &TransformerConfig::depth>();
  static constexpr std::size_t decoder_depth =
      extent<ModelForm, &TransformerConfig::decoder_depth>();

  template <BlockMask kept>
  using EncoderBlock = EncoderLayer<Scalar, kept, width, ffn_width, heads>;
  template <BlockMask kept>
  using DecoderBlock = DecoderLayer<Scalar, kept, width, ffn_width, heads>;
  using Embedding = DataEmbedding<Scalar, channels, marks, width>;
  using Encoder = Stack<EncoderBlock, depth, Base::static_mask()>;
  using Decoder = Stack<DecoderBlock, decoder_depth, Base::static_mask(depth, 2 * decoder_depth)>;
  using Projection = Linear<Scalar, width, channels>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = Transformer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "transformer";
  static constexpr bool needs_marks = true;  // its decoder reads nothing else of the future

  explicit Transformer(ModelForm model_form = {})
      : Base(model_form),
        enc_embedding(config().channels, config().marks, config().lookback, config().width),
        encoder(config().depth, config().kept, config().width, config().ffn_width, config().heads),
        encoder_norm(config().width),
        dec_embedding(config().channels, config().marks, config().decoder_steps(), config().width),
        decoder(config().decoder_depth, decoder_mask(), config().width, config().ffn_width,
                config().heads),
        decoder_norm(config().width), projection(config().width, config().channels) {
    decoder.first_module = config().depth;
    set_dropout(0);
  }

  Embedding enc_embedding;
  Encoder encoder;
  LayerNorm<Scalar, width> encoder_norm;
  Embedding dec_embedding;
  Decoder decoder;
  LayerNorm<Scalar, width> decoder_norm;
  Projection projection;

  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    const std::size_t encoder_sites = EncoderBlock<BlockMask{}>::sites * config().depth;
    enc_embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
    dec_embedding.dropout = {rate, 1 + encoder_sites};
    decoder.set_dropout(rate, 2 + encoder_sites);
  }

  struct Cache {
    Arena arena;
    typename Embedding::Cache enc_embedding, dec_embedding;
    typename Encoder::Cache encoder;
    typename Decoder::Cache decoder;
    typename LayerNorm<Scalar, width>::Cache encoder_norm, decoder_norm;
    typename Projection::Cache projection;
    Rows<Scalar> steps, step_marks;  // of the decoder
    Rows<Scalar, width> last;        // the last T of its tokens
    Rows<Scalar, width> dtokens, dmemory;
    std::size_t samples = 0, skipped = 0;  // tokens of known steps that no layer reads
    bool reads_memory = true;
  };

  /// Lays the cache out for batches of `samples` windows. Allocates; forward and backward do not.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples,
               std::size_t channel_count) const {
    Base::expect_channels(channel_count);
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples;
      cache.skipped = skipped(arena.training());
      cache.reads_memory = reads_memory(arena.training());
      const auto& c = config();
      const std::size_t tokens = c.decoder_steps() - cache.skipped;
      if (cache.reads_memory) {
        cache.encoder_norm.lay_out(arena, encoder_norm, samples * c.lookback);
        arena.temporarily([&] {
          cache.enc_embedding.lay_out(arena, enc_embedding, samples, c.lookback);
          cache.encoder.lay_out(arena, encoder, samples, c.lookback);
        });
      }
      arena.take(cache.steps, samples * c.decoder_steps(), c.channels);
      arena.take(cache.step_marks, samples * tokens, c.marks);
      cache.dec_embedding.lay_out(arena, dec_embedding, samples, c.decoder_steps(), cache.skipped);
      cache.decoder.lay_out(arena, decoder, samples, tokens, c.lookback);
      arena.take(cache.last, samples * c.horizon, c.width);
      cache.decoder_norm.lay_out(arena, decoder_norm, samples * c.horizon);
      cache.projection.lay_out(arena, projection, samples * c.horizon);
      if (!arena.training()) return;
      arena.take(cache.dtokens, samples * tokens, c.width);
      arena.take(cache.dmemory, samples * c.lookback, c.width);
    });
  }

  Rows<const Scalar> forward(const auto& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    check(batch, cache);
    assert(!pass.training || cache.arena.training());
    Rows<const Scalar, width> memory;
    if (cache.reads_memory) {
      const auto tokens =
          enc_embedding.forward(pass, batch.history, batch.history_marks, cache.enc_embedding);
      memory = encoder_norm.forward(pass, encoder.forward(pass, tokens, cache.encoder),
                                    cache.encoder_norm);
    }
    begin_decoder(batch, cache);
    auto tokens = dec_embedding.forward(pass, cache.steps, cache.step_marks, cache.dec_embedding);
    tokens = decoder.forward(pass, tokens, cache.decoder, memory);
    const std::size_t t = config().horizon, n = tokens.rows() / cache.samples;
    for (std::size_t s = 0; s < cache.samples; ++s)
      std::ranges::copy(tokens.middle_rows((s + 1) * n - t, t).flat(), cache.last.row(s * t));
    return projection.forward(pass, decoder_norm.forward(pass, cache.last, cache.decoder_norm),
                              cache.projection);
  }

  void backward_input(const auto& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dlast = decoder_norm.backward_input(
        pass, projection.backward_input(pass, dforecast, cache.projection), cache.decoder_norm);
    const std::size_t t = config().horizon, n = config().decoder_steps();
    std::ranges::fill(cache.dtokens.flat(), Scalar(0));
    for (std::size_t s = 0; s < cache.samples; ++s)
      std::ranges::copy(dlast.middle_rows(s * t, t).flat(), cache.dtokens.row((s + 1) * n - t));
    std::ranges::fill(cache.dmemory.flat(), Scalar(0));
    const auto dsteps = decoder.backward_input(pass, Rows<const Scalar, width>(cache.dtokens),
                                               cache.decoder, cache.dmemory);
    dec_embedding.skip_input(pass, dsteps, cache.dec_embedding);
    const auto dtokens = encoder_norm.backward_input(pass, cache.dmemory, cache.encoder_norm);
    enc_embedding.skip_input(pass, encoder.backward_input(pass, dtokens, cache.encoder),
                             cache.enc_embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, Transformer& gradients,
                        Share& share) const {
    enc_embedding.backward_weights(pass, caches.of(&Cache::enc_embedding), gradients.enc_embedding,
                                   share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    encoder_norm.backward_weights(pass, caches.of(&Cache::encoder_norm), gradients.encoder_norm,
                                  share);
    dec_embedding.backward_weights(pass, caches.of(&Cache::dec_embedding), gradients.dec_embedding,
                                   share);
    decoder.backward_weights(pass, caches.of(&Cache::decoder), gradients.decoder, share);
    decoder_norm.backward_weights(pass, caches.of(&Cache::decoder_norm), gradients.decoder_norm,
                                  share);
    projection.backward_weights(pass, caches.of(&Cache::projection), gradients.projection, share);
  }

  /// Multiply-adds of the forecast of one window. Counts matrix products only, without dead parts.
  [[nodiscard]] std::size_t multiply_adds(std::size_t /*channels*/) const {
    const std::size_t l = config().lookback, tokens = config().decoder_steps() - skipped(false);
    const std::size_t encoding = reads_memory(false)
                                     ? enc_embedding.multiply_adds(l) + encoder.multiply_adds(l)
                                     : std::size_t{0};
    return encoding + dec_embedding.multiply_adds(tokens) + decoder.multiply_adds(tokens, l) +
           projection.multiply_adds(config().horizon);
  }

  [[nodiscard]] std::size_t target_channels(std::size_t /*channels*/) const {
    return config().channels;
  }

  [[nodiscard]] std::size_t activation_size(std::size_t /*channels*/) const {
    return std::max(config().lookback, config().decoder_steps()) *
           std::max(config().width, config().ffn_width);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Embedding::for_each(self.enc_embedding, prefix + "enc_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.attn_layers.", list);
    decltype(self.encoder_norm)::for_each(self.encoder_norm, prefix + "encoder.norm.", list);
    Embedding::for_each(self.dec_embedding, prefix + "dec_embedding.", list);
    Decoder::for_each(self.decoder, prefix + "decoder.layers.", list);
    decltype(self.decoder_norm)::for_each(self.decoder_norm, prefix + "decoder.norm.", list);
    Projection::for_each(self.projection, prefix + "decoder.projection.", list);
  }

  [[nodiscard]] std::vector<std::string> dead_parts() const {
    std::vector<std::string> parts;
    if (!reads_memory(false)) parts.emplace_back("encoder");
    if (skipped(false) > 0) parts.emplace_back("tokens of the known steps");
    if (!reads_memory(false) && skipped(false) == config().label)
      parts.emplace_back("time marks of the history");
    return parts;
  }

  [[nodiscard]] std::string module_name(std::size_t i) const {
    if (i < config().depth) return message("encoder.attn_layers.", i, ".attention");
    const std::size_t j = i - config().depth;
    return message("decoder.layers.", j / 2, j % 2 == 0 ? ".self_attention" : ".cross_attention");
  }

 private:
  [[nodiscard]] ModuleMask decoder_mask() const {
    return Base::mask(config().depth, 2 * config().decoder_depth);
  }

  /// Whether any cross-attention reads the encoder's output.
  [[nodiscard]] bool reads_memory(bool training) const {
    return training || !(decoder_mask() & ModuleMask::every_other(1)).empty();
  }
  /// Number of tokens at the start of the decoder that no self-attention reads.
  [[nodiscard]] std::size_t skipped(bool training) const {
    return training || !(decoder_mask() & ModuleMask::every_other(0)).empty() ? 0 : config().label;
  }

  /// Fills the decoder's steps: known steps, zeros, and the marks of the tokens that are read.
  void begin_decoder(const WindowBatch<Scalar>& batch, Cache& cache) const {
    const std::size_t l = config().lookback, t = config().horizon, label = config().label,
                      n = label + t;
    const std::size_t known = label - cache.skipped;  // steps whose marks are read
    for (std::size_t s = 0; s < cache.samples; ++s) {
      std::ranges::copy(batch.history.middle_rows((s + 1) * l - label, label).flat(),
                        cache.steps.row(s * n));
      std::ranges::fill(cache.steps.middle_rows(s * n + label, t).flat(), Scalar(0));
      Scalar* const to = cache.step_marks.row(s * (known + t));
      if (known > 0)
        std::ranges::copy(batch.history_marks.middle_rows((s + 1) * l - known, known).flat(), to);
      std::ranges::copy(batch.future_marks.middle_rows(s * t, t).flat(),
                        to + known * config().marks);
    }
  }

  void check(const WindowBatch<Scalar>& batch, const Cache& cache) const {
    Base::expect_history(batch, cache.samples, config().channels);
    if (cache.reads_memory || cache.skipped < config().label)
      Base::expect_marks("time marks", batch.history_marks, cache.samples * config().lookback);
    Base::expect_marks("future time marks", batch.future_marks, cache.samples * config().horizon);
  }
};

}  // namespace spat
