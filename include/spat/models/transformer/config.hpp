// models. What shapes an encoder-decoder Transformer, and how its modules are numbered.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/positions.hpp>

namespace spat::inline SPAT_ABI {

/// Everything that shapes a Transformer: integers and bools, so that it can be a template argument.
struct TransformerConfig {
  std::size_t channels = 0;       // C
  std::size_t marks = 4;          // M, time marks of a step; needed
  std::size_t lookback = 96;      // L
  std::size_t horizon = 96;       // T
  std::size_t label = 48;         // known steps that the decoder begins with
  std::size_t width = 512;        // D
  std::size_t ffn_width = 2048;   // F
  std::size_t heads = 8;          // H
  std::size_t depth = 2;          // encoder layers, one attention module each
  std::size_t decoder_depth = 1;  // decoder layers, two each
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth + 2 * decoder_depth; }
  [[nodiscard]] constexpr std::size_t decoder_steps() const { return label + horizon; }
  [[nodiscard]] constexpr TransformerConfig with_kept(ModuleMask mask) const {
    TransformerConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const {
    return channels && marks && lookback && horizon && label <= lookback &&
           lookback <= most_positions && horizon <= most_positions - label && width && ffn_width &&
           heads && width % heads == 0 && depth && decoder_depth && depth <= most_modules &&
           decoder_depth <= most_modules && modules() <= most_modules;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto c = static_cast<double>(channels), m = static_cast<double>(marks),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width);
    const auto attentions = static_cast<double>(kept.slice(0, modules()).count());
    const double ffn = 2 * d * f + f + d;
    return 2 * (3 * c + m) * d + attentions * 4 * (d * d + d) +
           static_cast<double>(depth) * (ffn + 4 * d) +
           static_cast<double>(decoder_depth) * (ffn + 6 * d) + 4 * d + (d * c + c);
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "Transformer needs at least one channel: channels", channels);
    require_rule(marks > 0, "Transformer needs time marks: marks", marks);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
    require_rule(label <= lookback,
                 "the decoder's known steps must lie in the lookback: label, lookback", label,
                 lookback);
    require_rule(lookback <= most_positions && horizon <= most_positions - label,
                 "sequences are too long: lookback, label, horizon, most", lookback, label, horizon,
                 most_positions);
    require_rule(width > 0 && ffn_width > 0, "width and ffn width must be positive", width,
                 ffn_width);
    require_rule(depth > 0 && decoder_depth > 0 && depth <= most_modules &&
                     decoder_depth <= most_modules && modules() <= most_modules,
                 "attentions, one an encoder layer and two a decoder layer, must be at most 64: "
                 "layers of each",
                 depth, decoder_depth);
    require_rule(heads > 0 && width % heads == 0, "heads must divide width: heads, width", heads,
                 width);
  }

  friend constexpr bool operator==(const TransformerConfig&, const TransformerConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again, the kept modules
  /// apart.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("marks", self.marks), visit("lookback", self.lookback);
    visit("horizon", self.horizon), visit("label", self.label), visit("width", self.width);
    visit("ffn_width", self.ffn_width), visit("heads", self.heads), visit("depth", self.depth);
    visit("decoder_depth", self.decoder_depth);
  }
};

}  // namespace spat
