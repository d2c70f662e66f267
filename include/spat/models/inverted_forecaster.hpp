// models. The frame of the inverted forecasters: each variate is one token, and a stack of blocks
// mixes them.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/layer_norm.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// A forecaster whose tokens are whole variates (Liu et al., "iTransformer", ICLR 2024):
///
///     n = instance_norm(history);  tokens = embed(n^T, marks^T)
///     tokens = encoder(tokens);  tokens = LN(tokens)
///     forecast = restore((tokens W_p^T + b_p)^T), the C channels' tokens alone
///
/// Shapes:
///
///     history [B*L x C]   history_marks [B*L x M]   tokens [B * (C+M) x D]   forecast [B*T x C]
///
/// The encoder is a stack of `Block`s with one module each. If all modules are pruned, tokens never
/// interact, marks are dead, and inference skips them. No parameter depends on C: the dynamic form
/// forecasts any number of channels. Errors: ConfigError for sizes that do not fit together,
/// ShapeError for a batch of other sizes.
template <class Scalar, class ModelForm, template <BlockMask> class Block>
class InvertedForecaster : public FramedForecaster<Scalar, ModelForm> {
  using Base = FramedForecaster<Scalar, ModelForm>;
  using C = typename ModelForm::Config;
  static constexpr std::size_t lookback = extent<ModelForm, &C::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &C::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &C::width>();
  static constexpr std::size_t depth = extent<ModelForm, &C::depth>();

  using Embedding = InvertedEmbedding<Scalar, lookback, width>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;
  using Norm = LayerNorm<Scalar, width>;
  using Projection = Linear<Scalar, width, horizon>;

 public:
  using Base::config, Base::frame;

  /// `block_sizes` are the arguments of a block's constructor before its mask.
  template <class... Sizes>
  explicit InvertedForecaster(ModelForm model_form, Sizes... block_sizes)
      : Base(model_form), embedding(config().lookback, config().width),
        encoder(config().depth, config().kept, block_sizes...), norm(config().width),
        projection(config().width, config().horizon) {
    set_dropout(0);
  }

  Embedding embedding;
  Encoder encoder;
  Norm norm;
  Projection projection;

  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
  }

  struct Cache : Base::FrameCache {
    typename Embedding::Cache embedding;
    typename Encoder::Cache encoder;
    typename Norm::Cache norm;
    typename Projection::Cache projection;
    std::size_t marks = 0;
  };

  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      cache.marks = live_marks(arena.training());
      const std::size_t tokens = channels + cache.marks, rows = samples * tokens;
      cache.frame.lay_out(arena, frame, samples, channels, tokens);
      cache.embedding.lay_out(arena, embedding, samples, channels, cache.marks);
      cache.encoder.lay_out(arena, encoder, samples, tokens);
      cache.norm.lay_out(arena, norm, rows);
      cache.projection.lay_out(arena, projection, rows);
    });
  }

  Rows<const Scalar> forward(const auto& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    const auto n = Base::enter(pass, batch, cache);
    if (cache.marks) Base::expect_marks("time marks", batch.history_marks, batch.history.rows());
    auto tokens = embedding.forward(pass, n, batch.history_marks, cache.embedding);
    tokens = encoder.forward(pass, tokens, cache.encoder);
    const auto y =
        projection.forward(pass, norm.forward(pass, tokens, cache.norm), cache.projection);
    return frame.leave(pass, y, cache.frame);
  }

  void backward_input(const auto& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    const auto dtokens = norm.backward_input(
        pass, projection.backward_input(pass, dy, cache.projection), cache.norm);
    embedding.skip_input(pass, encoder.backward_input(pass, dtokens, cache.encoder),
                         cache.embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, InvertedForecaster& gradients,
                        Share& share) const {
    embedding.backward_weights(pass, caches.of(&Cache::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    projection.backward_weights(pass, caches.of(&Cache::projection), gradients.projection, share);
  }

  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    const std::size_t tokens = channels + live_marks(false);
    return embedding.value_embedding.multiply_adds(tokens) + encoder.multiply_adds(tokens) +
           projection.multiply_adds(tokens);
  }

  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return (channels + config().marks) * config().widest();
  }

  [[nodiscard]] std::vector<std::string> dead_parts() const {
    return live_marks(false) == config().marks ? std::vector<std::string>{}
                                               : std::vector<std::string>{"time marks"};
  }

  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("encoder.attn_layers.", i, ".attention");
  }

 protected:
  template <class Self, class List>
  static void for_each_named(Self& self, const std::string& prefix, List& list,
                             const char* projection_name) {
    Embedding::for_each(self.embedding, prefix + "enc_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.attn_layers.", list);
    Norm::for_each(self.norm, prefix + "encoder.norm.", list);
    Projection::for_each(self.projection, prefix + projection_name, list);
  }

 private:
  [[nodiscard]] std::size_t live_marks(bool training) const {
    const bool dead = config().kept.slice(0, config().depth).empty();
    return dead && !training ? 0 : config().marks;
  }
};

}  // namespace spat
