// models. The configuration of Crossformer, and the numbering of its modules and scales.
#pragma once

#include <spat/models/forecaster_base.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// The configuration of Crossformer: integers, so that it can be a template argument.
struct CrossformerConfig {
  static constexpr const char* title = "Crossformer";  // used in messages

  std::size_t channels = 0;      // C
  std::size_t lookback = 96;     // L
  std::size_t horizon = 96;      // T
  std::size_t width = 512;       // D
  std::size_t ffn_width = 2048;  // F
  std::size_t heads = 8;         // H
  std::size_t depth = 2;         // E, encoder blocks; the decoder has E + 1 layers, one per scale
  std::size_t segment = 12;      // rows of a segment
  std::size_t window = 2;        // segments that are merged into one between two blocks
  std::size_t routers = 3;       // learned routers per segment
  ModuleMask kept = ModuleMask::all();

  static constexpr std::size_t most_depth = (most_modules - 3) / 5;

  /// Number of encoder modules: 2 l and 2 l + 1 for encoder block l. Three per decoder layer
  /// follow.
  [[nodiscard]] constexpr std::size_t encoder_modules() const { return 2 * depth; }
  [[nodiscard]] constexpr std::size_t scales() const { return depth + 1; }
  [[nodiscard]] constexpr std::size_t modules() const { return encoder_modules() + 3 * scales(); }
  /// The module of the cross-attention that reads scale i. Scale 0 is the embedding, scale i > 0
  /// the output of block i - 1.
  [[nodiscard]] constexpr std::size_t cross_module(std::size_t i) const {
    return encoder_modules() + 3 * i + 2;
  }
  /// Number of segments of scale i. Block i reads scale i; the first block does not merge.
  [[nodiscard]] constexpr std::size_t segments(std::size_t i) const {
    std::size_t count = divide_up(lookback, segment);
    for (std::size_t merged = 1; merged < i; ++merged) count = divide_up(count, window);
    return count;
  }
  [[nodiscard]] constexpr std::size_t forecast_segments() const {
    return divide_up(horizon, segment);
  }
  /// The cross-attentions: without any of them the forecast would not depend on the history.
  [[nodiscard]] constexpr ModuleMask guard() const {
    ModuleMask mask{};
    for (std::size_t i = 0; i < scales(); ++i) mask = mask.with(cross_module(i));
    return mask;
  }
  /// Number of scales up to the last one that is read. No other scale reaches the forecast.
  [[nodiscard]] constexpr std::size_t live_scales() const {
    std::size_t count = scales();
    while (count > 0 && !kept.keeps(cross_module(count - 1))) --count;
    return count;
  }
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

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::attention_blocks(*this, rule, most_depth) &&
           rule(segment > 0 && window > 0 && routers > 0,
                "segment, window and routers must be positive", "segment", segment, "window",
                window, "routers", routers) &&
           rule(unmergeable() == 0, "too few segments to merge", "segments", unmergeable(),
                "window", window);
  }
  friend constexpr bool operator==(const CrossformerConfig&, const CrossformerConfig&) = default;

  static constexpr auto fields() {
    using C = CrossformerConfig;
    return all_fields<C>(
        {{"segment", &C::segment}, {"window", &C::window}, {"routers", &C::routers}});
  }

 private:
  /// The first number of segments whose last window cannot be filled by repeating the last
  /// segments. Returns 0 if all windows can be filled.
  [[nodiscard]] constexpr std::size_t unmergeable() const {
    for (std::size_t l = 1; l < depth; ++l)
      if (const std::size_t s = segments(l); divide_up(s, window) * window - s > s) return s;
    return 0;
  }
};

}  // namespace spat
