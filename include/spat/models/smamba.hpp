// models. S-Mamba: selective scans over variates, each embedded as one token, in place of
// attention.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/models/smamba/mamba_layer.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/series_frame.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Everything that shapes an S-Mamba: integers and bools, so that it can be a template argument.
struct SMambaConfig {
  std::size_t channels = 0;     // C
  std::size_t marks = 0;        // M, time marks as further tokens
  std::size_t lookback = 96;    // L
  std::size_t horizon = 96;     // T
  std::size_t width = 512;      // D
  std::size_t ffn_width = 512;  // F
  std::size_t depth = 2;        // encoder layers, one module each: the Mambas of both directions
  std::size_t state = 32;       // numbers of the state a channel
  std::size_t convolution = 2;  // tokens that the convolution sees
  std::size_t expand = 1;       // channels of a Mamba in widths
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t inner() const { return expand * width; }
  [[nodiscard]] constexpr SMambaConfig with_kept(ModuleMask mask) const {
    SMambaConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const {
    return channels && lookback && horizon && width && ffn_width && depth &&
           depth <= most_modules && state && convolution && expand;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width),
               s = static_cast<double>(state), i = static_cast<double>(expand) * d,
               k = static_cast<double>(convolution), r = std::ceil(d / 16);
    const auto layers = static_cast<double>(kept.slice(0, depth).count());
    const double mamba =
        2 * d * i + (i * k + i) + i * (r + 2 * s) + (r * i + i) + (i * s + i) + i * d;
    const double block = 2 * d * f + f + d + 4 * d;
    return (l * d + d) + layers * 2 * mamba + static_cast<double>(depth) * block + 2 * d +
           (d * t + t);
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "S-Mamba needs at least one channel: channels, marks", channels,
                 marks);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
    require_rule(width > 0 && ffn_width > 0, "width and ffn width must be positive", width,
                 ffn_width);
    require_rule(depth > 0 && depth <= most_modules, "layers must be 1 to 64: layers, most", depth,
                 most_modules);
    require_rule(state > 0 && convolution > 0 && expand > 0,
                 "state, convolution and expand must be positive", state, convolution, expand);
  }

  friend constexpr bool operator==(const SMambaConfig&, const SMambaConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again, the kept modules
  /// apart.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("marks", self.marks), visit("lookback", self.lookback);
    visit("horizon", self.horizon), visit("width", self.width), visit("ffn_width", self.ffn_width);
    visit("depth", self.depth), visit("state", self.state), visit("convolution", self.convolution);
    visit("expand", self.expand), visit("instance_norm", self.instance_norm);
  }
};

/// Wang et al., "Is Mamba Effective for Time Series Forecasting?", 2024: iTransformer's frame
/// around Mambas in both directions:
///
///     n = instance_norm(history);  tokens = embed(n^T, marks^T);  tokens = encoder(tokens); tokens
///     = LN(tokens) forecast = restore((tokens W_p^T + b_p)^T), the C channels' tokens alone
///
/// Shapes:  history [B*L x C]   history_marks [B*L x M]   tokens [B * (C+M) x D]
/// forecast [B*T x C].
/// Modules: the two Mambas of each encoder layer, as one. There is no attention in them, so no
/// criterion hears of them: their scores stay NaN and whoever prunes names the mask. With all of
/// them pruned tokens never meet, marks are dead, and inference leaves them out. No parameter
/// depends on C, but a scan has an order: variates in another order have another forecast. Errors:
/// ConfigError for sizes that do not fit together, ShapeError for a batch of other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<SMambaConfig>>
class SMamba : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &SMambaConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &SMambaConfig::horizon>();
  static constexpr std::size_t width = extent<ModelForm, &SMambaConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &SMambaConfig::ffn_width>();
  static constexpr std::size_t inner = extent<ModelForm, &SMambaConfig::inner>();
  static constexpr std::size_t state = extent<ModelForm, &SMambaConfig::state>();
  static constexpr std::size_t depth = extent<ModelForm, &SMambaConfig::depth>();

  template <BlockMask kept>
  using Block = MambaLayer<Scalar, kept, width, ffn_width, inner, state>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = SMamba<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "smamba";
  static constexpr const char* source = "Wang et al., 2024";
  static constexpr const char* without_attention =
      "a perceptron shared by the variates, which never meet";
  static constexpr bool scored = false;  // no criterion hears of its modules

  explicit SMamba(ModelForm model_form = {})
      : Base(model_form), embedding(config().lookback, config().width),
        encoder(config().depth, config().kept, config().width, config().ffn_width, config().inner(),
                config().state, config().convolution),
        norm(config().width), projection(config().width, config().horizon),
        frame(config().instance_norm) {
    set_dropout(0);
  }

  InvertedEmbedding<Scalar, lookback, width> embedding;
  Encoder encoder;
  LayerNorm<Scalar, width> norm;
  Linear<Scalar, width, horizon> projection;
  SeriesFrame<Scalar> frame;

  /// One rate everywhere, as in the reference; sites are numbered by the unpruned architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    embedding.dropout = {rate, 0};
    encoder.set_dropout(rate, 1);
  }

  struct Cache {
    Arena arena;
    struct Views {
      typename SeriesFrame<Scalar>::Cache frame;
      typename InvertedEmbedding<Scalar, lookback, width>::Cache embedding;
      typename Encoder::Cache encoder;
      typename LayerNorm<Scalar, width>::Cache norm;
      typename Linear<Scalar, width, horizon>::Cache projection;
      std::size_t samples = 0, channels = 0, marks = 0;
    } views;
  };

  /// Lays the cache out for batches of `samples` and `channels`; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples, my.channels = channels, my.marks = live_marks(arena.training());
      const std::size_t tokens = channels + my.marks, rows = samples * tokens;
      my.frame.lay_out(arena, frame, samples, config().lookback, config().horizon, channels,
                       tokens);
      my.embedding.lay_out(arena, embedding, samples, channels, my.marks);
      my.encoder.lay_out(arena, encoder, samples, tokens);
      my.norm.lay_out(arena, norm, rows);
      my.projection.lay_out(arena, projection, rows);
    });
  }

  Rows<const Scalar> forward(const Pass& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    auto& my = cache.views;
    Base::expect_history("S-Mamba", batch, my.samples, my.channels);
    if (my.marks)
      Base::expect_marks("S-Mamba", "time marks", batch.history_marks, batch.history.rows());
    assert(!pass.training || cache.arena.training());
    const auto n = frame.enter(pass, batch.history, my.frame);
    auto tokens = embedding.forward(pass, n, batch.history_marks, my.embedding);
    tokens = encoder.forward(pass, tokens, my.encoder);
    return frame.leave(pass,
                       projection.forward(pass, norm.forward(pass, tokens, my.norm), my.projection),
                       my.frame);
  }

  /// dforecast [B*T x C]. The history is data: no gradient with respect to it.
  void backward_input(const Pass& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    auto& my = cache.views;
    const auto dy = frame.backward_leave(pass, dforecast, my.frame);
    const auto dtokens =
        norm.backward_input(pass, projection.backward_input(pass, dy, my.projection), my.norm);
    embedding.skip_input(pass, encoder.backward_input(pass, dtokens, my.encoder), my.embedding);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, SMamba& gradients,
                        Share& share) const {
    using Views = typename Cache::Views;
    const auto views = caches.of(&Cache::views);
    embedding.backward_weights(pass, views.of(&Views::embedding), gradients.embedding, share);
    encoder.backward_weights(pass, views.of(&Views::encoder), gradients.encoder, share);
    norm.backward_weights(pass, views.of(&Views::norm), gradients.norm, share);
    projection.backward_weights(pass, views.of(&Views::projection), gradients.projection, share);
  }

  /// Of the forecast of one window: matrix products, convolutions and scans, dead tokens not
  /// counted.
  [[nodiscard]] std::size_t multiply_adds(std::size_t channels) const {
    const std::size_t tokens = channels + live_marks(false);
    return embedding.value_embedding.multiply_adds(tokens) + encoder.multiply_adds(tokens) +
           projection.multiply_adds(tokens);
  }

  /// Columns of a forecast from windows of `channels` channels.
  [[nodiscard]] std::size_t target_channels(std::size_t channels) const { return channels; }

  /// Numbers in the widest activation of one sample, of the unpruned architecture: what a batch is
  /// cut into blocks by.
  [[nodiscard]] std::size_t activation_size(std::size_t channels) const {
    return (channels + config().marks) *
           std::max({config().width, config().ffn_width, 2 * config().inner()});
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    decltype(self.embedding)::for_each(self.embedding, prefix + "enc_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.attn_layers.", list);
    decltype(self.norm)::for_each(self.norm, prefix + "encoder.norm.", list);
    decltype(self.projection)::for_each(self.projection, prefix + "projector.", list);
  }

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const {
    return live_marks(false) == config().marks ? std::vector<std::string>{}
                                               : std::vector<std::string>{"time marks"};
  }

  /// The name of module i, as in the reference's state_dict: its first direction's.
  [[nodiscard]] static std::string module_name(std::size_t i) {
    return message("encoder.attn_layers.", i, ".attention");
  }

  /// Whether module i adds nothing where this tensor is zero, together with all others of which
  /// this is true.
  [[nodiscard]] static bool silences(const std::string& tensor, std::size_t module) {
    const std::string both = module_name(module);
    return tensor == message(both, ".out_proj.weight") ||
           tensor == message(both, "_r.out_proj.weight");
  }

 private:
  [[nodiscard]] std::size_t live_marks(bool training) const {
    const bool dead = config().kept.slice(0, config().depth).empty();
    return dead && !training ? 0 : config().marks;
  }
};

}  // namespace spat
