// models. What shapes a PatchTST, of either variant.
#pragma once

#include <spat/models/forecaster_base.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// Two models share the name: that of the Time-Series-Library, and that of the paper's authors.
enum class PatchTSTVariant { library, official };

/// Everything that shapes a PatchTST: integers and bools, so that it can be a template argument.
template <PatchTSTVariant variant>
struct BasicPatchTSTConfig {
  std::size_t channels = 0;      // C
  std::size_t lookback = 96;     // L
  std::size_t horizon = 96;      // T
  std::size_t width = 512;       // D
  std::size_t ffn_width = 2048;  // F
  std::size_t heads = 8;         // H
  std::size_t depth = 2;         // encoder layers, one attention module each
  std::size_t patch = 16;        // rows of a patch
  std::size_t stride =
      8;  // rows from one patch to the next; as many copies of the last value continue the series
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t patches() const {
    return (lookback - patch) / stride + 2;
  }  // P
  [[nodiscard]] constexpr std::size_t head_inputs() const { return width * patches(); }
  [[nodiscard]] constexpr BasicPatchTSTConfig with_kept(ModuleMask mask) const {
    BasicPatchTSTConfig config = *this;
    config.kept = mask;
    return config;
  }
  [[nodiscard]] constexpr bool valid() const {
    return channels && lookback && horizon && width && ffn_width && heads && depth &&
           depth <= most_modules && patch && stride && lookback >= patch && width % heads == 0;
  }
  /// How many numbers such a model learns; in double, because a file may claim any sizes.
  [[nodiscard]] double parameters() const {
    const auto t = static_cast<double>(horizon), d = static_cast<double>(width),
               f = static_cast<double>(ffn_width),
               n = std::floor((static_cast<double>(lookback) - static_cast<double>(patch)) /
                              static_cast<double>(stride)) +
                   2;
    const auto attentions = static_cast<double>(kept.slice(0, depth).count());
    const double block = 2 * d * f + f + d + 4 * d;
    const double common = static_cast<double>(patch) * d + attentions * 4 * (d * d + d) +
                          static_cast<double>(depth) * block + (d * n * t + t);
    if constexpr (variant == PatchTSTVariant::library)
      return common + 2 * d;  // the last norm
    else
      return common + d + n * d;  // the embedding's bias, the positions
  }
  /// Throws ConfigError with the rule and the values.
  void check() const {
    using detail::require_rule;
    require_rule(channels > 0, "PatchTST needs at least one channel: channels", channels);
    require_rule(lookback > 0 && horizon > 0, "lookback and horizon must be positive", lookback,
                 horizon);
    require_rule(patch > 0 && stride > 0, "patch and stride must be positive", patch, stride);
    require_rule(lookback >= patch, "the lookback must hold a patch: lookback, patch", lookback,
                 patch);
    require_rule(width > 0 && ffn_width > 0, "width and ffn width must be positive", width,
                 ffn_width);
    require_rule(depth > 0 && depth <= most_modules, "layers must be 1 to 64: layers, most", depth,
                 most_modules);
    require_rule(heads > 0 && width % heads == 0, "heads must divide width: heads, width", heads,
                 width);
  }

  friend constexpr bool operator==(const BasicPatchTSTConfig&,
                                   const BasicPatchTSTConfig&) = default;

  /// Calls visit(name, member) for what a file needs to build the model again, the kept modules
  /// apart.
  template <class Self, class Visit>
  static void for_each(Self& self, Visit&& visit) {
    visit("channels", self.channels), visit("lookback", self.lookback),
        visit("horizon", self.horizon);
    visit("width", self.width), visit("ffn_width", self.ffn_width), visit("heads", self.heads);
    visit("depth", self.depth), visit("patch", self.patch), visit("stride", self.stride);
    visit("instance_norm", self.instance_norm);
  }
};

using PatchTSTConfig = BasicPatchTSTConfig<PatchTSTVariant::library>;
using OfficialPatchTSTConfig = BasicPatchTSTConfig<PatchTSTVariant::official>;

}  // namespace spat
