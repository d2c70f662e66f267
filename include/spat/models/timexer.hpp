// models. TimeXer: attention over the patches of each variate. A global token per variate attends
// to all variates and time marks.
#pragma once

#include <spat/models/framed_forecaster.hpp>
#include <spat/models/timexer/endogenous_embedding.hpp>
#include <spat/models/timexer/global_token_layer.hpp>
#include <spat/nn/flatten_head.hpp>
#include <spat/nn/inverted_embedding.hpp>
#include <spat/nn/stack.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of TimeXer: integers and bools, so that it can be a template argument.
struct TimeXerConfig {
  static constexpr const char* title = "TimeXer";  // used in messages

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
  std::size_t patch = 16;        // length and stride of a patch, in rows
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return 2 * depth; }
  /// Number of variates that are forecast. These are read as patches.
  [[nodiscard]] constexpr std::size_t endogenous() const { return targets ? targets : channels; }
  /// Number of variates that are read as whole series: all of them, or those that are not forecast.
  [[nodiscard]] constexpr std::size_t exogenous() const {
    return endogenous() == channels ? channels : channels - endogenous();
  }
  [[nodiscard]] constexpr std::size_t memory_tokens() const { return exogenous() + marks; }
  [[nodiscard]] constexpr std::size_t tokens() const {
    return lookback / patch + 1;
  }  // of a variate: P patches and the global token
  [[nodiscard]] constexpr std::size_t head_inputs() const { return width * tokens(); }
  /// Whether any cross-attention is kept: modules 1, 3, 5, ...
  [[nodiscard]] constexpr bool crosses() const {
    return !(kept & ModuleMask::first(modules()) & ModuleMask::every_other(1)).empty();
  }
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width),
               p = static_cast<double>(patch);
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    const double embeddings = p * d + static_cast<double>(endogenous()) * d + (l * d + d);
    const double block = 2 * d * f + f + d + 6 * d;
    return embeddings + attentions * 4 * (d * d + d) + static_cast<double>(depth) * block + 2 * d +
           (d * (std::floor(l / p) + 1) * t + t);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(targets <= channels, "targets are the last of the channels", "targets", targets,
                "channels", channels) &&
           rule(patch > 0, "the patch must be positive", "patch", patch) &&
           rule(lookback >= patch, "the lookback must hold a patch", "lookback", lookback, "patch",
                patch) &&
           rules::attention_blocks(*this, rule, most_modules / 2);
  }
  friend constexpr bool operator==(const TimeXerConfig&, const TimeXerConfig&) = default;

  static constexpr auto fields() {
    using C = TimeXerConfig;
    return all_fields<C>({{"patch", &C::patch}});
  }
};

/// Transformer with exogenous variables (Wang et al., "TimeXer", NeurIPS 2024), as in the
/// Time-Series-Library:
///
///     n = instance_norm(history);  tokens = endogenous(n_S);  m = embed(n_X^T, marks^T)
///     tokens = LN(encoder(tokens, m))
///     forecast = restore(Drop(W_h flatten(tokens) + b_h)^T)
///
/// n_S: the S variates that are forecast, the last ones. n_X: all variates if all are forecast,
/// else the others.
///
/// Shapes:
///
///     history [B*L x C]   history_marks [B*L x M]   tokens [B*S * (P+1) x D]
///     m [B * (X+M) x D]   forecast [B*T x S]
///
/// Modules: self-attention and cross-attention of each encoder layer, in this order. Without
/// self-attention, patches interact only in the head. Without cross-attention, variates never
/// interact, the memory m is dead, and inference skips it. A global token is learned for each
/// variate, so C is fixed. Errors: ConfigError for sizes that do not fit together and for missing
/// time marks; ShapeError for a batch of other channels or sizes.
template <class Scalar, class ModelForm = Dynamic<TimeXerConfig>>
class TimeXer : public FramedForecaster<Scalar, ModelForm> {
  using Base = FramedForecaster<Scalar, ModelForm>;
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
  using Base::config, Base::frame;
  template <ModuleMask mask>
  using Pruned = TimeXer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "timexer";
  /// Whether variates that are not forecast may end later than the history of the others.
  static constexpr bool takes_known_covariates = true;

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

  void set_dropout(double rate) {
    Base::keep_dropout(rate);
    endogenous.dropout = {rate, 0};
    exogenous.dropout = {rate, 1};
    encoder.set_dropout(rate, 2);
    head.dropout = {rate, 2 + Block<BlockMask{}>::sites * config().depth};
  }

  struct Cache : Base::FrameCache {
    typename EndogenousEmbedding<Scalar, patch, width>::Cache endogenous;
    typename InvertedEmbedding<Scalar, lookback, width>::Cache exogenous;
    typename Encoder::Cache encoder;
    typename LayerNorm<Scalar, width>::Cache norm;
    typename FlattenHead<Scalar, head_inputs, horizon, width>::Cache head;
    Rows<Scalar> targets, others;  // [B*L x S], [B*L x X] if not all variates are forecast
    Rows<Scalar, width> dmemory;
    bool memory = false;
  };

  /// Lays the cache out for batches of `samples` windows, in the order of forward(). Allocates;
  /// forward and backward do not.
  void prepare(Cache& cache, Purpose purpose, std::size_t samples, std::size_t channels) const {
    Base::expect_channels(channels);
    Base::prepare_cache(cache, purpose, samples, channels, [&](Arena& arena) {
      cache.memory = lives(arena.training());
      const std::size_t l = config().lookback, s = config().endogenous(),
                        tokens = config().tokens(), memory_tokens = config().memory_tokens();
      cache.frame.lay_out(arena, frame, samples, channels, s, s);
      cache.targets = {}, cache.others = {};
      if (s < channels) arena.take(cache.targets, samples * l, s);
      if (s < channels && cache.memory) arena.take(cache.others, samples * l, config().exogenous());
      if (cache.memory)
        cache.exogenous.lay_out(arena, exogenous, samples, config().exogenous(), config().marks);
      cache.endogenous.lay_out(arena, endogenous, samples);
      cache.encoder.lay_out(arena, encoder, samples, s, tokens, memory_tokens);
      cache.norm.lay_out(arena, norm, samples * s * tokens);
      cache.head.lay_out(arena, head, samples, s, tokens);
      if (!arena.training()) return;
      arena.take(cache.dmemory, samples * memory_tokens, config().width);
    });
  }

  Rows<const Scalar> forward(const auto& pass, const WindowBatch<Scalar>& batch,
                             Cache& cache) const {
    const auto n = Base::enter(pass, batch, cache);
    if (cache.memory && config().marks)
      Base::expect_marks("time marks", batch.history_marks, batch.history.rows());
    Rows<const Scalar, width> memory;
    if (cache.memory)
      memory = exogenous.forward(pass, columns(n, 0, cache.others), batch.history_marks,
                                 cache.exogenous);
    const std::size_t first = n.cols() - config().endogenous();
    auto tokens = endogenous.forward(pass, columns(n, first, cache.targets), cache.endogenous);
    tokens = encoder.forward(pass, tokens, cache.encoder, memory);
    const auto y = head.forward(pass, norm.forward(pass, tokens, cache.norm), cache.head);
    return frame.leave(pass, y, cache.frame);
  }

  void backward_input(const auto& pass, Rows<const Scalar> dforecast, Cache& cache) const {
    const auto dy = frame.backward_leave(pass, dforecast, cache.frame);
    std::ranges::fill(cache.dmemory.flat(), Scalar(0));
    auto dtokens = norm.backward_input(pass, head.backward_input(pass, dy, cache.head), cache.norm);
    dtokens = encoder.backward_input(pass, dtokens, cache.encoder, cache.dmemory);
    endogenous.skip_input(pass, dtokens, cache.endogenous);
    exogenous.skip_input(pass, cache.dmemory, cache.exogenous);
  }

  void backward_weights(const Pass& pass, Caches<Cache> caches, TimeXer& gradients,
                        Share& share) const {
    endogenous.backward_weights(pass, caches.of(&Cache::endogenous), gradients.endogenous, share);
    exogenous.backward_weights(pass, caches.of(&Cache::exogenous), gradients.exogenous, share);
    encoder.backward_weights(pass, caches.of(&Cache::encoder), gradients.encoder, share);
    norm.backward_weights(pass, caches.of(&Cache::norm), gradients.norm, share);
    head.backward_weights(pass, caches.of(&Cache::head), gradients.head, share);
  }

  /// Multiply-adds of the forecast of one window. Counts matrix products only, without a dead
  /// memory. C is the configuration's.
  [[nodiscard]] std::size_t multiply_adds(std::size_t /*channels*/) const {
    const std::size_t series = config().endogenous(),
                      memory_tokens = lives(false) ? config().memory_tokens() : 0;
    return endogenous.multiply_adds() + exogenous.value_embedding.multiply_adds(memory_tokens) +
           encoder.multiply_adds(series, config().tokens(), memory_tokens) +
           head.multiply_adds(series);
  }

  [[nodiscard]] std::size_t target_channels(std::size_t /*channels*/) const {
    return config().endogenous();
  }

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

  [[nodiscard]] std::vector<std::string> dead_parts() const {
    if (lives(false)) return {};
    return config().marks ? std::vector<std::string>{"ex_embedding", "time marks"}
                          : std::vector<std::string>{"ex_embedding"};
  }

  [[nodiscard]] std::string module_name(std::size_t i) const {
    return message("encoder.layers.", i / 2, i % 2 == 0 ? ".self_attention" : ".cross_attention");
  }

 private:
  /// Whether the memory is computed.
  [[nodiscard]] bool lives(bool training) const { return training || config().crosses(); }

  /// Copies the columns of x from `first` on into `room`, as many as it holds. Returns x itself if
  /// `room` is empty.
  static Rows<const Scalar> columns(Rows<const Scalar> x, std::size_t first, Rows<Scalar> room) {
    if (room.size() == 0) return x;
    for (std::size_t r = 0; r < room.rows(); ++r)
      std::copy_n(x.row(r) + first, room.cols(), room.row(r));
    return room;
  }
};

}  // namespace spat
