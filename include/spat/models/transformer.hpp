// models. Transformer: an encoder over the steps of the history, and a decoder over the steps to
// forecast.
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
///     steps  = the last `label` steps of the history, then T zeros; with their marks, the future
///     ones at the end forecast = W_p LN(decoder(embed(steps), memory)) + b_p, of the last T steps
///
/// Shapes:  history [B*L x C]   history_marks [B*L x M]   future_marks [B*T x M]
/// steps [B * (label+T) x C]   memory [B*L x D]
/// forecast [B*T x C]. Modules: the attention of each encoder layer, then self- and cross-attention
/// of each decoder layer. Without any cross-attention nobody reads the memory, without any
/// self-attention nobody reads the tokens of the known steps: inference leaves the encoder, or
/// these tokens, out. Their neighbours' embedding still sees one step of each end. Errors:
/// ConfigError for sizes that do not fit together and for a batch without marks or of other
/// channels than the configuration's, ShapeError for a batch of other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<TransformerConfig>>
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
  static constexpr const char* source = "Vaswani et al., 2017, as in the Time-Series-Library";
  static constexpr const char* without_attention =
      "a perceptron of each step's time marks and position";

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

  /// One rate everywhere, as in the reference; sites are numbered by the unpruned architecture.
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
    struct Views {
      typename Embedding::Cache enc_embedding, dec_embedding;
      typename Encoder::Cache encoder;
      typename Decoder::Cache decoder;
      typename LayerNorm<Scalar, width>::Cache encoder_norm, decoder_norm;
      typename Projection::Cache projection;
      Rows<Scalar> steps, step_marks;  // of the decoder
      Rows<Scalar, width> last;        // the last T of its tokens
      Rows<Scalar, width> dtokens, dmemory;
      std::size_t samples = 0, skipped = 0;  // tokens of known steps that nobody reads
      bool reads_memory = true;
    } views;
  };

  /// Lays the cache out for batches of `samples`; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples,
               std::size_t channel_count) const {
    expect_channels(channel_count);
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples, my.skipped = skipped(arena.training()),
      my.reads_memory = reads_memory(arena.training());
      const auto& c = config();
      const std::size_t tokens = c.decoder_steps() - my.skipped;
      if (my.reads_memory) {
        my.encoder_norm.lay_out(arena, encoder_norm, samples * c.lookback);
        arena.temporarily([&] {
          my.enc_embedding.lay_out(arena, enc_embedding, samples, c.lookback);
          my.encoder.lay_out(arena, encoder, samples, c.lookback);
        });
      }
      arena.take(my.steps, samples * c.decoder_steps(), c.channels);
      arena.take(my.step_marks, samples * tokens, c.marks);
      my.dec_embedding.lay_out(arena, dec_embedding, samples, c.decoder_steps(), my.skipped);
      my.decoder.lay_out(arena, decoder, samples, tokens, c.lookback);
      arena.take(my.last, samples * c.horizon, c.width);
      my.decoder_norm.lay_out(arena, decoder_norm, samples * c.horizon);
      my.projection.lay_out(arena, projection, samples * c.horizon);
      if (!arena.training()) return;
      arena.take(my.dtokens, samples * tokens, c.width);
      arena.take(my.dmemory, samples * c.lookback, c.width);
    });
  }

  template <class PassType>
  Rows<const Scalar> forward(const PassType& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    auto& my = cache.views;
    check(batch, my);
    assert(!pass.training || cache.arena.training());
    Rows<const Scalar, width> memory;
    if (my.reads_memory) {
      const auto tokens =
          enc_embedding.forward(pass, batch.history, batch.history_marks, my.enc_embedding);
      memory =
          encoder_norm.forward(pass, encoder.forward(pass, tokens, my.encoder), my.encoder_norm);
    }
    begin_decoder(batch, my);
    auto tokens = dec_embedding.forward(pass, my.steps, my.step_marks, my.dec_embedding);
    tokens = decoder.forward(pass, tokens, my.decoder, memory);
    const std::size_t t = config().horizon, n = tokens.rows() / my.samples;
    for (std::size_t s = 0; s < my.samples; ++s)
      std::ranges::copy(tokens.middle_rows((s + 1) * n - t, t).flat(), my.last.row(s * t));
    return projection.forward(pass, decoder_norm.forward(pass, my.last, my.decoder_norm),
                              my.projection);
  }

  /// dforecast [B*T x C]. The history is data: no gradient with respect to it.
  template <class PassType>
  void backward_input(const PassType& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    auto& my = cache.views;
    const auto dlast = decoder_norm.backward_input(
        pass, projection.backward_input(pass, dforecast, my.projection), my.decoder_norm);
    const std::size_t t = config().horizon, n = config().decoder_steps();
    std::ranges::fill(my.dtokens.flat(), Scalar(0));
    for (std::size_t s = 0; s < my.samples; ++s)
      std::ranges::copy(dlast.middle_rows(s * t, t).flat(), my.dtokens.row((s + 1) * n - t));
    std::ranges::fill(my.dmemory.flat(), Scalar(0));
    const auto dsteps =
        decoder.backward_input(pass, Rows<const Scalar, width>(my.dtokens), my.decoder, my.dmemory);
    dec_embedding.skip_input(pass, dsteps, my.dec_embedding);
    const auto dtokens = encoder_norm.backward_input(pass, my.dmemory, my.encoder_norm);
    enc_embedding.skip_input(pass, encoder.backward_input(pass, dtokens, my.encoder),
                             my.enc_embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, Transformer& gradients,
                        Share& share) const {
    using Views = typename Cache::Views;
    const auto views = caches.of(&Cache::views);
    enc_embedding.backward_weights(pass, views.of(&Views::enc_embedding), gradients.enc_embedding,
                                   share);
    encoder.backward_weights(pass, views.of(&Views::encoder), gradients.encoder, share);
    encoder_norm.backward_weights(pass, views.of(&Views::encoder_norm), gradients.encoder_norm,
                                  share);
    dec_embedding.backward_weights(pass, views.of(&Views::dec_embedding), gradients.dec_embedding,
                                   share);
    decoder.backward_weights(pass, views.of(&Views::decoder), gradients.decoder, share);
    decoder_norm.backward_weights(pass, views.of(&Views::decoder_norm), gradients.decoder_norm,
                                  share);
    projection.backward_weights(pass, views.of(&Views::projection), gradients.projection, share);
  }

  /// Of the forecast of one window: matrix products alone, dead parts not counted.
  [[nodiscard]] std::size_t multiply_adds(std::size_t /*channels*/) const {
    const std::size_t l = config().lookback, tokens = config().decoder_steps() - skipped(false);
    const std::size_t encoding = reads_memory(false)
                                     ? enc_embedding.multiply_adds(l) + encoder.multiply_adds(l)
                                     : std::size_t{0};
    return encoding + dec_embedding.multiply_adds(tokens) + decoder.multiply_adds(tokens, l) +
           projection.multiply_adds(config().horizon);
  }

  /// Columns of a forecast.
  [[nodiscard]] std::size_t target_channels(std::size_t /*channels*/) const {
    return config().channels;
  }

  /// Numbers in the widest activation of one sample, of the unpruned architecture: what a batch is
  /// cut into blocks by.
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

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const {
    std::vector<std::string> parts;
    if (!reads_memory(false)) parts.emplace_back("encoder");
    if (skipped(false) > 0) parts.emplace_back("tokens of the known steps");
    if (!reads_memory(false) && skipped(false) == config().label)
      parts.emplace_back("time marks of the history");
    return parts;
  }

  /// The name of module i, as in the reference's state_dict.
  [[nodiscard]] std::string module_name(std::size_t i) const {
    if (i < config().depth) return message("encoder.attn_layers.", i, ".attention");
    const std::size_t j = i - config().depth;
    return message("decoder.layers.", j / 2, j % 2 == 0 ? ".self_attention" : ".cross_attention");
  }

 private:
  [[nodiscard]] ModuleMask decoder_mask() const {
    return Base::mask(config().depth, 2 * config().decoder_depth);
  }

  /// Whether some cross-attention is there to read what the encoder makes.
  [[nodiscard]] bool reads_memory(bool training) const {
    return training || !(decoder_mask() & ModuleMask::every_other(1)).empty();
  }
  /// How many tokens at the decoder's head no self-attention reads.
  [[nodiscard]] std::size_t skipped(bool training) const {
    return training || !(decoder_mask() & ModuleMask::every_other(0)).empty() ? 0 : config().label;
  }

  /// Known steps, zeros, and the marks of the tokens that are read.
  void begin_decoder(const WindowBatch<Scalar>& batch, typename Cache::Views& my) const {
    const std::size_t l = config().lookback, t = config().horizon, label = config().label,
                      n = label + t;
    const std::size_t known = label - my.skipped;  // steps whose marks are read
    for (std::size_t s = 0; s < my.samples; ++s) {
      std::ranges::copy(batch.history.middle_rows((s + 1) * l - label, label).flat(),
                        my.steps.row(s * n));
      std::ranges::fill(my.steps.middle_rows(s * n + label, t).flat(), Scalar(0));
      Scalar* const to = my.step_marks.row(s * (known + t));
      if (known > 0)
        std::ranges::copy(batch.history_marks.middle_rows((s + 1) * l - known, known).flat(), to);
      std::ranges::copy(batch.future_marks.middle_rows(s * t, t).flat(),
                        to + known * config().marks);
    }
  }

  /// The tokens' convolution has a column for each channel.
  void expect_channels(std::size_t found) const {
    detail::require_rule(found == config().channels,
                         "Transformer forecasts the channels it was built for: built, found",
                         config().channels, found);
  }
  void check(const WindowBatch<Scalar>& batch, const typename Cache::Views& my) const {
    expect_channels(batch.channels());
    Base::expect_history("Transformer", batch, my.samples, config().channels);
    if (my.reads_memory || my.skipped < config().label)
      Base::expect_marks("Transformer", "time marks", batch.history_marks,
                         my.samples * config().lookback);
    Base::expect_marks("Transformer", "future time marks", batch.future_marks,
                       my.samples * config().horizon);
  }
};

}  // namespace spat
