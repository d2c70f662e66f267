// models. TimeXer: attention over the patches of each variate, whose global token looks at all
// variates and time marks.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/models/timexer/endogenous_embedding.hpp>
#include <spat/models/timexer/global_token_layer.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/instance_norm.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// Everything that shapes a TimeXer: integers and bools, so that it can be a template argument.
struct TimeXerConfig {
  std::size_t channels = 0;  // C
  std::size_t marks = 0;     // M, time marks as exogenous tokens
  std::size_t targets = 0;   // how many of the last channels are forecast: features MS is 1; 0: all
                             // of them, features M
  std::size_t lookback = 96;     // L
  std::size_t horizon = 96;      // T
  std::size_t width = 512;       // D
  std::size_t ffn_width = 2048;  // F
  std::size_t heads = 8;         // H
  std::size_t depth = 2;         // encoder layers, two attention modules each
  std::size_t patch = 16;        // rows of a patch, and from one to the next
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return 2 * depth; }
  /// Variates that are forecast, from patches.
  [[nodiscard]] constexpr std::size_t endogenous() const { return targets ? targets : channels; }
  /// Variates that are looked at whole: all of them, or those that are not forecast.
  [[nodiscard]] constexpr std::size_t exogenous() const {
    return endogenous() == channels ? channels : channels - endogenous();
  }
  [[nodiscard]] constexpr std::size_t memory_tokens() const { return exogenous() + marks; }
  [[nodiscard]] constexpr std::size_t tokens() const {
    return lookback / patch + 1;
  }  // of a variate: P and the global
  [[nodiscard]] constexpr std::size_t head_inputs() const { return width * tokens(); }
  /// Whether a cross-attention is kept: modules 1, 3, 5, ...
  [[nodiscard]] constexpr bool crosses() const {
    return !(kept & ModuleMask::first(modules()) & ModuleMask::every_other(1)).empty();
  }
  [[nodiscard]] constexpr TimeXerConfig with_kept(ModuleMask mask) const {
    TimeXerConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const {
    return channels && targets <= channels && lookback && horizon && width && ffn_width && heads &&
           depth && depth <= most_modules / 2 && patch && lookback >= patch && width % heads == 0;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width),
               p = static_cast<double>(patch);
    const auto attentions = static_cast<double>(kept.slice(0, modules()).count());
    const double embeddings = p * d + static_cast<double>(endogenous()) * d + (l * d + d);
    const double block = 2 * d * f + f + d + 6 * d;
    return embeddings + attentions * 4 * (d * d + d) + static_cast<double>(depth) * block + 2 * d +
           (d * (std::floor(l / p) + 1) * t + t);
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "TimeXer needs at least one channel: channels, marks", channels,
                 marks);
    require_rule(targets <= channels, "targets are the last of the channels: targets, channels",
                 targets, channels);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
    require_rule(patch > 0, "the patch must be positive", patch);
    require_rule(lookback >= patch, "the lookback must hold a patch: lookback, patch", lookback,
                 patch);
    require_rule(width > 0 && ffn_width > 0, "width and ffn width must be positive", width,
                 ffn_width);
    require_rule(depth > 0 && depth <= most_modules / 2, "layers must be 1 to 32: layers, most",
                 depth, most_modules / 2);
    require_rule(heads > 0 && width % heads == 0, "heads must divide width: heads, width", heads,
                 width);
  }

  friend constexpr bool operator==(const TimeXerConfig&, const TimeXerConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again, the kept modules
  /// apart.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("marks", self.marks), visit("targets", self.targets);
    visit("lookback", self.lookback), visit("horizon", self.horizon), visit("width", self.width);
    visit("ffn_width", self.ffn_width), visit("heads", self.heads), visit("depth", self.depth);
    visit("patch", self.patch), visit("instance_norm", self.instance_norm);
  }
};

/// Transformer with exogenous variables (Wang et al., "TimeXer", NeurIPS 2024), as in the
/// Time-Series-Library:
///
///     n = instance_norm(history);  tokens = endogenous(n_S);  m = embed(n_X^T, marks^T)
///     tokens = LN(encoder(tokens, m))
///     forecast = restore(Drop(W_h flatten(tokens) + b_h)^T)
///
/// n_S: the S variates that are forecast, the last ones. n_X: all variates where all are forecast,
/// else the others.
///
/// Shapes:  history [B*L x C]   history_marks [B*L x M]   tokens [B*S * (P+1) x D]
/// m [B * (X+M) x D]   forecast [B*T x S].
/// Modules: self-attention and cross-attention of each encoder layer, in this order. Without
/// self-attention patches meet in the head alone; without cross-attention variates never meet, the
/// memory m is dead, and inference leaves it out. A global token is learned for each variate, so C
/// is fixed. Errors: ConfigError for sizes that do not fit together, for another number of channels
/// and for missing time marks; ShapeError for a batch of other sizes.
template <std::floating_point Scalar, class ModelForm = Dynamic<TimeXerConfig>>
class TimeXer : public ForecasterBase<Scalar, ModelForm> {
  using Base = ForecasterBase<Scalar, ModelForm>;
  static constexpr std::size_t lookback = extent<ModelForm, &TimeXerConfig::lookback>();
  static constexpr std::size_t horizon = extent<ModelForm, &TimeXerConfig::horizon>();
  static constexpr std::size_t patch = extent<ModelForm, &TimeXerConfig::patch>();
  static constexpr std::size_t width = extent<ModelForm, &TimeXerConfig::width>();
  static constexpr std::size_t ffn_width = extent<ModelForm, &TimeXerConfig::ffn_width>();
  static constexpr std::size_t heads = extent<ModelForm, &TimeXerConfig::heads>();
  static constexpr std::size_t depth = extent<ModelForm, &TimeXerConfig::depth>();
  static constexpr std::size_t head_inputs = extent<ModelForm, &TimeXerConfig::head_inputs>();

  template <BlockMask kept>
  using Block = GlobalTokenLayer<Scalar, kept, width, ffn_width, heads>;
  using Encoder = Stack<Block, depth, Base::static_mask()>;

 public:
  using Base::config;
  template <ModuleMask mask>
  using Pruned = TimeXer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "timexer";
  static constexpr const char* source = "Wang et al., NeurIPS 2024, as in the Time-Series-Library";
  static constexpr const char* without_attention =
      "a perceptron of each patch and a constant; patches meet in the linear head";

  explicit TimeXer(ModelForm model_form = {})
      : Base(model_form),
        endogenous(config().lookback, config().patch, config().endogenous(), config().width),
        exogenous(config().lookback, config().width),
        encoder(config().depth, config().kept, config().width, config().ffn_width, config().heads),
        norm(config().width), head(config().tokens(), config().width, config().horizon) {
    set_dropout(0);
  }

  EndogenousEmbedding<Scalar, patch, width> endogenous;
  InvertedEmbedding<Scalar, lookback, width> exogenous;
  Encoder encoder;
  LayerNorm<Scalar, width> norm;
  FlattenHead<Scalar, head_inputs, horizon, width> head;
  [[no_unique_address]] InstanceNorm<Scalar> instance_norm;

  /// One rate everywhere, as in the reference; sites are numbered by the unpruned architecture.
  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    endogenous.dropout = {rate, 0};
    exogenous.dropout = {rate, 1};
    encoder.set_dropout(rate, 2);
    head.dropout = {rate, 2 + Block<BlockMask{}>::sites * config().depth};
  }

  struct Cache {
    Arena arena;
    struct Views {
      typename InstanceNorm<Scalar>::Cache instance_norm;
      typename EndogenousEmbedding<Scalar, patch, width>::Cache endogenous;
      typename InvertedEmbedding<Scalar, lookback, width>::Cache exogenous;
      typename Encoder::Cache encoder;
      typename LayerNorm<Scalar, width>::Cache norm;
      typename FlattenHead<Scalar, head_inputs, horizon, width>::Cache head;
      Rows<Scalar> targets, others;  // [B*L x S], [B*L x X] where not all variates are forecast
      Rows<Scalar> z, dseries;       // [B*T x S] forecast before restoring, [B*S x T] its gradient
      Rows<Scalar, width> dmemory;
      std::size_t samples = 0;
      bool memory = false;
    } views;
  };

  /// Lays the cache out for batches of `samples`, in the order of forward; the only allocation.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    check_channels(channels);
    cache.arena.prepare(purpose, [&](Arena& arena) {
      auto& my = cache.views;
      my.samples = samples, my.memory = lives(arena.training());
      const std::size_t l = config().lookback, t = config().horizon, s = config().endogenous(),
                        tokens = config().tokens(), memory_tokens = config().memory_tokens();
      my.instance_norm.lay_out(arena, samples, l, t, channels, s);
      arena.take(my.z, samples * t, s);
      my.targets = {}, my.others = {};
      if (s < channels) arena.take(my.targets, samples * l, s);
      if (s < channels && my.memory) arena.take(my.others, samples * l, config().exogenous());
      if (my.memory)
        my.exogenous.lay_out(arena, exogenous, samples, config().exogenous(), config().marks);
      my.endogenous.lay_out(arena, endogenous, samples);
      my.encoder.lay_out(arena, encoder, samples, s, tokens, memory_tokens);
      my.norm.lay_out(arena, norm, samples * s * tokens);
      my.head.lay_out(arena, head, samples, s, tokens);
      if (!arena.training()) return;
      arena.take(my.dseries, samples * s, t);
      arena.take(my.dmemory, samples * memory_tokens, config().width);
    });
  }

  template <class PassType>
  Rows<const Scalar> forward(const PassType& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    auto& my = cache.views;
    check(batch, my);
    assert(!pass.training || cache.arena.training());
    Rows<const Scalar> x = batch.history;
    if (config().instance_norm) x = instance_norm.forward(pass, x, my.instance_norm);
    Rows<const Scalar, width> memory;
    if (my.memory)
      memory = exogenous.forward(pass, columns(x, 0, my.others), batch.history_marks, my.exogenous);
    const std::size_t s = config().endogenous(), t = config().horizon;
    auto tokens = endogenous.forward(pass, columns(x, x.cols() - s, my.targets), my.endogenous);
    tokens = encoder.forward(pass, tokens, my.encoder, memory);
    const auto y = head.forward(pass, norm.forward(pass, tokens, my.norm), my.head);
    for (std::size_t b = 0; b < my.samples; ++b)
      kernels::transpose(y.row(b * s), s, t, my.z.row(b * t));
    return config().instance_norm ? instance_norm.restore(pass, my.z, my.instance_norm)
                                  : Rows<const Scalar>(my.z);
  }

  /// dforecast [B*T x S]. The history is data: no gradient with respect to it.
  template <class PassType>
  void backward_input(const PassType& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    auto& my = cache.views;
    const auto dz = config().instance_norm
                        ? instance_norm.backward_restore(pass, dforecast, my.z, my.instance_norm)
                        : dforecast;
    const std::size_t s = config().endogenous(), t = config().horizon;
    for (std::size_t b = 0; b < my.samples; ++b)
      kernels::transpose(dz.row(b * t), t, s, my.dseries.row(b * s));
    std::ranges::fill(my.dmemory.flat(), Scalar(0));
    auto dtokens =
        norm.backward_input(pass, head.backward_input(pass, my.dseries, my.head), my.norm);
    dtokens = encoder.backward_input(pass, dtokens, my.encoder, my.dmemory);
    endogenous.skip_input(pass, dtokens, my.endogenous);
    exogenous.skip_input(pass, my.dmemory, my.exogenous);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TimeXer& gradients,
                        Share& share) const {
    using Views = typename Cache::Views;
    const auto views = caches.of(&Cache::views);
    endogenous.backward_weights(pass, views.of(&Views::endogenous), gradients.endogenous, share);
    exogenous.backward_weights(pass, views.of(&Views::exogenous), gradients.exogenous, share);
    encoder.backward_weights(pass, views.of(&Views::encoder), gradients.encoder, share);
    norm.backward_weights(pass, views.of(&Views::norm), gradients.norm, share);
    head.backward_weights(pass, views.of(&Views::head), gradients.head, share);
  }

  /// Of the forecast of one window: matrix products alone, a dead memory not counted. C is the
  /// configuration's.
  [[nodiscard]] std::size_t multiply_adds(std::size_t /*channels*/) const {
    const std::size_t series = config().endogenous(),
                      memory_tokens = lives(false) ? config().memory_tokens() : 0;
    return endogenous.multiply_adds() + exogenous.value_embedding.multiply_adds(memory_tokens) +
           encoder.multiply_adds(series, config().tokens(), memory_tokens) +
           head.multiply_adds(series);
  }

  /// Columns of a forecast.
  [[nodiscard]] std::size_t target_channels(std::size_t /*channels*/) const {
    return config().endogenous();
  }

  /// Numbers in the widest activation of one sample, of the unpruned architecture: what a batch is
  /// cut into blocks by.
  [[nodiscard]] std::size_t activation_size(std::size_t /*channels*/) const {
    const std::size_t tokens = config().endogenous() * config().tokens();
    return std::max(tokens * std::max(config().width, config().ffn_width),
                    config().memory_tokens() * config().width);
  }

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    decltype(self.endogenous)::for_each(self.endogenous, prefix + "en_embedding.", list);
    decltype(self.exogenous)::for_each(self.exogenous, prefix + "ex_embedding.", list);
    Encoder::for_each(self.encoder, prefix + "encoder.layers.", list);
    decltype(self.norm)::for_each(self.norm, prefix + "encoder.norm.", list);
    decltype(self.head)::for_each(self.head, prefix + "head.", list);
  }

  /// What no longer reaches the forecast, and inference leaves out.
  [[nodiscard]] std::vector<std::string> dead_parts() const {
    if (lives(false)) return {};
    return config().marks ? std::vector<std::string>{"ex_embedding", "time marks"}
                          : std::vector<std::string>{"ex_embedding"};
  }

  /// The name of module i, as in the reference's state_dict.
  [[nodiscard]] static std::string module_name(std::size_t i) {
    return message("encoder.layers.", i / 2, i % 2 == 0 ? ".self_attention" : ".cross_attention");
  }

 private:
  /// Whether the memory is computed.
  [[nodiscard]] bool lives(bool training) const { return training || config().crosses(); }

  /// The columns of x from `first` on that `room` holds, copied there; x itself where there is
  /// none.
  static Rows<const Scalar> columns(Rows<const Scalar> x, std::size_t first, Rows<Scalar> room) {
    if (room.size() == 0) return x;
    for (std::size_t r = 0; r < room.rows(); ++r)
      std::copy_n(x.row(r) + first, room.cols(), room.row(r));
    return room;
  }

  void check_channels(std::size_t channels) const {
    detail::require_rule(
        channels == config().channels,
        "TimeXer learns a global token for each variate, so its channels are fixed: its own, found",
        config().channels, channels);
  }
  void check(const WindowBatch<Scalar>& batch, const typename Cache::Views& my) const {
    check_channels(batch.channels());
    Base::expect_history("TimeXer", batch, my.samples, config().channels);
    if (my.memory && config().marks)
      Base::expect_marks("TimeXer", "time marks", batch.history_marks, batch.history.rows());
  }
};

}  // namespace spat
