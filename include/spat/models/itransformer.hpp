// models. iTransformer: attention over variates, each embedded as one token.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/encoder_layer.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/series_frame.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of iTransformer: integers and bools, so that it can be a template argument.
struct ITransformerConfig {
  static constexpr const char* title = "iTransformer";  // used in messages

  std::size_t channels = 0;     // C
  std::size_t marks = 0;        // M, time marks as further tokens
  std::size_t lookback = 96;    // L
  std::size_t horizon = 96;     // T
  std::size_t width = 512;      // D
  std::size_t ffn_width = 512;  // F
  std::size_t heads = 8;        // H
  std::size_t depth = 2;        // encoder layers, one attention module each
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t tokens() const { return channels + marks; }
  /// Number of learned values. A double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width);
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    const double block = 2 * d * f + f + d + 4 * d;
    return (l * d + d) + attentions * 4 * (d * d + d) + static_cast<double>(depth) * block + 2 * d +
           (d * t + t);
  }

  [[nodiscard]] constexpr auto with_kept(ModuleMask mask) const { return keeping(*this, mask); }
  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::attention_blocks(*this, rule);
  }
  [[nodiscard]] constexpr bool valid() const { return is_valid(*this); }
  /// Throws ConfigError with the rule that does not hold and its values.
  void check() const { check_rules(*this); }
  friend constexpr bool operator==(const ITransformerConfig&, const ITransformerConfig&) = default;

  static constexpr auto fields() {
    using C = ITransformerConfig;
    return std::array{ConfigField{"channels", &C::channels},
                      ConfigField{"marks", &C::marks},
                      ConfigField{"lookback", &C::lookback},
                      ConfigField{"horizon", &C::horizon},
                      ConfigField{"width", &C::width},
                      ConfigField{"ffn_width", &C::ffn_width},
                      ConfigField{"heads", &C::heads},
                      ConfigField{"depth", &C::depth},
                      ConfigField{"instance_norm", &C::instance_norm}};
  }
};

/// Inverted transformer (Liu et al., "iTransformer", ICLR 2024), encoder only:
///
///     n = instance_norm(history);  tokens = embed(n^T, marks^T)
///     tokens = encoder(tokens);  tokens = LN(tokens)
///     forecast = restore((tokens W_p^T + b_p)^T), the C channels' tokens alone
///
/// Shapes:
///
///     history [B*L x C]   history_marks [B*L x M]   tokens [B * (C+M) x D]   forecast [B*T x C]
///
/// Modules: the attention of each encoder layer. If all of them are pruned, tokens never interact,
/// marks are dead, and inference skips them. No parameter depends on C: the dynamic form forecasts
/// any number of channels. Errors: ConfigError for sizes that do not fit together, ShapeError for a
/// batch of other sizes.
template <class Scalar, class ModelForm = Dynamic<ITransformerConfig>>
class ITransformer : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &ITransformerConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &ITransformerConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &ITransformerConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &ITransformerConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &ITransformerConfig::heads>();
  static constexpr std::size_t depth = extent<ModelForm, &ITransformerConfig::depth>();

  template <BlockMask kept>
  using Block = EncoderLayer<Scalar, kept, width, ffn_width, heads>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = ITransformer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "itransformer";

  explicit ITransformer(ModelForm model_form = {})
      : Base(model_form), embedding(config().lookback, config().width),
        encoder(config().depth, config().kept, config().width, config().ffn_width, config().heads),
        norm(config().width), projection(config().width, config().horizon),
        frame(config().instance_norm, config().lookback, config().horizon) {
    set_dropout(0);
  }

  InvertedEmbedding<Scalar, lookback, width> embedding;
  Encoder encoder;
  LayerNorm<Scalar, width> norm;
  Linear<Scalar, width, horizon> projection;
  SeriesFrame<Scalar> frame;

  /// Sets one rate everywhere, as in the reference. Sites are numbered by the unpruned
  /// architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
  }

  struct Cache {
    Arena arena;
    typename SeriesFrame<Scalar>::Cache frame;
    typename InvertedEmbedding<Scalar, lookback, width>::Cache embedding;
    typename Encoder::Cache encoder;
    typename LayerNorm<Scalar, width>::Cache norm;
    typename Linear<Scalar, width, horizon>::Cache projection;
    std::size_t samples = 0, channels = 0, marks = 0;
  };

  /// Lays the cache out for batches of `samples` windows of `channels` channels. Allocates; forward
  /// and backward do not.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      cache.samples = samples;
      cache.channels = channels;
      cache.marks = live_marks(arena.training());
      const std::size_t rows = samples * (channels + cache.marks);
      cache.frame.lay_out(arena, frame, samples, channels, channels + cache.marks);
      cache.embedding.lay_out(arena, embedding, samples, channels, cache.marks);
      cache.encoder.lay_out(arena, encoder, samples, channels + cache.marks);
      cache.norm.lay_out(arena, norm, rows);
      cache.projection.lay_out(arena, projection, rows);
    });
  }

  template <class PassType>
  Rows<const Scalar> forward(const PassType& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    Base::expect_history(batch, cache.samples, cache.channels);
    if (cache.marks) Base::expect_marks("time marks", batch.history_marks, batch.history.rows());
    assert(!pass.training || cache.arena.training());
    const auto n = frame.enter(pass, batch.history, cache.frame);
    auto tokens = embedding.forward(pass, n, batch.history_marks, cache.embedding);
    tokens = encoder.forward(pass, tokens, cache.encoder);
    const auto y =
        projection.forward(pass, norm.forward(pass, tokens, cache.norm), cache.projection);
    return frame.leave(pass, y, cache.frame);
  }

  /// Takes dforecast [B*T x C]. The history is data and gets no gradient.
  template <class PassType>
  void backward_input(const PassType& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    const auto dtokens = norm.backward_input(
        pass, projection.backward_input(pass, dy, cache.projection), cache.norm);
    embedding.skip_input(pass, encoder.backward_input(pass, dtokens, cache.encoder),
                         cache.embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, ITransformer& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    projection.backward_weights(pass, caches.of(&Cache::projection), gradients.projection, share);
  }

  /// Multiply-adds of the forecast of one window. Counts matrix products only, without dead tokens.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    const std::size_t tokens = channels + live_marks(false);
    return embedding.value_embedding.multiply_adds(tokens) + encoder.multiply_adds(tokens) +
           projection.multiply_adds(tokens);
  }

  /// Numbers in the widest activation of one sample of the unpruned architecture. Determines how a
  /// batch is divided into micro-batches.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return (channels + config().marks) * std::max(config().width, config().ffn_width);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    decltype(self.embedding)::for_each(self.embedding, prefix + "enc_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.attn_layers.", list);
    decltype(self.norm)::for_each(self.norm, prefix + "encoder.norm.", list);
    decltype(self.projection)::for_each(self.projection, prefix + "projection.", list);
  }

  /// Other names that files use for the same tensor, as pairs of prefixes: {ours, theirs}.
  static constexpr std::array<std::array<std::string_view, 2>, 1> aliases{
      {{"projection.", "projector."}}};

  /// The parts that no longer reach the forecast. Inference skips them.
  [[nodiscard]] std::vector<std::string> dead_parts() const {
    return live_marks(false) == config().marks ? std::vector<std::string>{}
                                               : std::vector<std::string>{"time marks"};
  }

  /// The name of module i in the reference's state_dict.
  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("encoder.attn_layers.", i, ".attention");
  }

 private:
  [[nodiscard]] std::size_t live_marks(bool training) const {
    const bool dead = config().kept.slice(0, config().depth).empty();
    return dead && !training ? 0 : config().marks;
  }
};

}  // namespace spat
