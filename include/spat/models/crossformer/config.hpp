// models. What shapes a Crossformer, and how its modules and scales are numbered.
#pragma once

#include <spat/models/forecaster_base.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// Everything that shapes a Crossformer: integers, so that it can be a template argument.
struct CrossformerConfig {
  static constexpr const char* title = "Crossformer";  // in messages

  std::size_t channels = 0;      // C
  std::size_t lookback = 96;     // L
  std::size_t horizon = 96;      // T
  std::size_t width = 512;       // D
  std::size_t ffn_width = 2048;  // F
  std::size_t heads = 8;         // H
  std::size_t depth =
      2;  // E, blocks of the encoder; the decoder has a layer more, one for each scale
  std::size_t segment = 12;  // rows of a segment
  std::size_t window = 2;    // segments that become one from a block to the next
  std::size_t routers = 3;   // through which the variates of a segment meet
  ModuleMask kept = ModuleMask::all();

  static constexpr std::size_t most_depth = (most_modules - 3) / 5;

  /// Modules 2 l and 2 l + 1 are those of encoder block l; then come three of each decoder layer.
  [[nodiscard]] constexpr std::size_t encoder_modules() const { return 2 * depth; }
  [[nodiscard]] constexpr std::size_t scales() const { return depth + 1; }
  [[nodiscard]] constexpr std::size_t modules() const { return encoder_modules() + 3 * scales(); }
  /// The cross-attention that reads scale i: the embedding, then the blocks' outputs.
  [[nodiscard]] constexpr std::size_t cross_module(std::size_t i) const {
    return encoder_modules() + 3 * i + 2;
  }
  /// Segments of scale i. Block i reads scale i; the first does not merge.
  [[nodiscard]] constexpr std::size_t segments(std::size_t i) const {
    std::size_t count = divide_up(lookback, segment);
    for (std::size_t merged = 1; merged < i; ++merged) count = divide_up(count, window);
    return count;
  }
  [[nodiscard]] constexpr std::size_t forecast_segments() const {
    return divide_up(horizon, segment);
  }
  /// Without any cross-attention the forecast would not depend on the history.
  [[nodiscard]] constexpr ModuleMask guard() const {
    ModuleMask mask{};
    for (std::size_t i = 0; i < scales(); ++i) mask = mask.with(cross_module(i));
    return mask;
  }
  /// Scales up to the last one that is read; no other reaches the forecast.
  [[nodiscard]] constexpr std::size_t live_scales() const {
    std::size_t count = scales();
    while (count > 0 && !kept.keeps(cross_module(count - 1))) --count;
    return count;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto c = static_cast<double>(channels), d = static_cast<double>(width),
               f = static_cast<double>(ffn_width), rows = static_cast<double>(segment),
               w = static_cast<double>(window), r = static_cast<double>(routers);
    const double attention = 4 * (d * d + d), norm = 2 * d;
    const auto two_stage = [&](std::size_t module, double segments) {
      return 4 * norm + 2 * (2 * d * f + f + d) + (kept.keeps(module) ? attention : 0) +
             (kept.keeps(module + 1) ? 2 * attention + segments * r * d : 0);
    };
    double s = std::ceil(static_cast<double>(lookback) / rows);
    const double t = std::ceil(static_cast<double>(horizon) / rows);
    double total = rows * d + c * s * d + norm + c * t * d;
    for (std::size_t l = 0; l < depth; ++l) {
      if (l > 0 && window > 1) s = std::ceil(s / w), total += w * norm + (w * d * d + d);
      total += two_stage(2 * l, s);
    }
    for (std::size_t i = 0; i < scales(); ++i)
      total += two_stage(cross_module(i) - 2, t) + (kept.keeps(cross_module(i)) ? attention : 0) +
               2 * norm + 2 * (d * d + d) + (d * rows + rows);
    return total;
  }

  [[nodiscard]] constexpr auto with_kept(ModuleMask mask) const { return keeping(*this, mask); }
  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::attention_blocks(*this, rule, most_depth) &&
           rule(segment > 0 && window > 0 && routers > 0,
                "segment, window and routers must be positive", "segment", segment, "window",
                window, "routers", routers) &&
           rule(unmergeable() == 0, "too few segments to merge", "segments", unmergeable(),
                "window", window);
  }
  [[nodiscard]] constexpr bool valid() const { return is_valid(*this); }
  /// Throws ConfigError with the rule and the values.
  void check() const { check_rules(*this); }
  friend constexpr bool operator==(const CrossformerConfig&, const CrossformerConfig&) = default;

  static constexpr auto fields() {
    using C = CrossformerConfig;
    return std::array{
        ConfigField{"channels", &C::channels},   ConfigField{"lookback", &C::lookback},
        ConfigField{"horizon", &C::horizon},     ConfigField{"width", &C::width},
        ConfigField{"ffn_width", &C::ffn_width}, ConfigField{"heads", &C::heads},
        ConfigField{"depth", &C::depth},         ConfigField{"segment", &C::segment},
        ConfigField{"window", &C::window},       ConfigField{"routers", &C::routers}};
  }

 private:
  /// The first number of segments of which a window cannot be filled by repeating the last ones; 0:
  /// all can.
  [[nodiscard]] constexpr std::size_t unmergeable() const {
    for (std::size_t l = 1; l < depth; ++l)
      if (const std::size_t s = segments(l); divide_up(s, window) * window - s > s) return s;
    return 0;
  }
};

}  // namespace spat
