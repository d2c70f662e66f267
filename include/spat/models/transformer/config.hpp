// models. The configuration of the encoder-decoder Transformer, and the numbering of its modules.
#pragma once

#include <spat/models/forecaster_base.hpp>
#include <spat/nn/positions.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of Transformer: integers and bools, so that it can be a template argument.
struct TransformerConfig {
  static constexpr const char* title = "Transformer";  // used in messages

  std::size_t channels = 0;       // C
  std::size_t marks = 4;          // M, time marks per step; required
  std::size_t lookback = 96;      // L
  std::size_t horizon = 96;       // T
  std::size_t label = 48;         // known steps at the decoder's start
  std::size_t width = 512;        // D
  std::size_t ffn_width = 2048;   // F
  std::size_t heads = 8;          // H
  std::size_t depth = 2;          // encoder layers, one attention module each
  std::size_t decoder_depth = 1;  // decoder layers, two attention modules each
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth + 2 * decoder_depth; }
  [[nodiscard]] constexpr std::size_t decoder_steps() const { return label + horizon; }
  [[nodiscard]] double parameters() const {
    const auto c = static_cast<double>(channels), m = static_cast<double>(marks),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width);
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    const double ffn = 2 * d * f + f + d;
    return 2 * (3 * c + m) * d + attentions * 4 * (d * d + d) +
           static_cast<double>(depth) * (ffn + 4 * d) +
           static_cast<double>(decoder_depth) * (ffn + 6 * d) + 4 * d + (d * c + c);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(marks > 0, "Transformer needs time marks", "marks", marks) &&
           rule(label <= lookback, "the decoder's known steps must lie in the lookback", "label",
                label, "lookback", lookback) &&
           rule(lookback <= most_positions && horizon <= most_positions - label,
                "sequences are too long", "lookback", lookback, "label", label, "horizon", horizon,
                "most", most_positions) &&
           rules::widths(*this, rule) &&
           rule(depth > 0 && decoder_depth > 0 && depth <= most_modules &&
                    decoder_depth <= most_modules && modules() <= most_modules,
                "attentions, one per encoder layer and two per decoder layer, must be at most 64",
                "encoder layers", depth, "decoder layers", decoder_depth) &&
           rules::heads(*this, rule);
  }
  friend constexpr bool operator==(const TransformerConfig&, const TransformerConfig&) = default;

  static constexpr auto fields() {
    using C = TransformerConfig;
    return all_fields<C>({{"decoder_depth", &C::decoder_depth}});
  }
};

}  // namespace spat
