// models. The configuration of PatchTST, in either variant.
#pragma once

#include <spat/models/forecaster_base.hpp>

#include <cmath>

namespace spat::inline SPAT_ABI {

/// The two models of this name: that of the Time-Series-Library, and that of the paper's authors.
enum class PatchTSTVariant { library, official };

/// The configuration of PatchTST: integers and bools, so that it can be a template argument.
template <PatchTSTVariant variant>
struct BasicPatchTSTConfig {
  static constexpr const char* title = "PatchTST";  // used in messages

  std::size_t channels = 0;      // C
  std::size_t lookback = 96;     // L
  std::size_t horizon = 96;      // T
  std::size_t width = 512;       // D
  std::size_t ffn_width = 2048;  // F
  std::size_t heads = 8;         // H
  std::size_t depth = 2;         // encoder layers, one attention module each
  std::size_t patch = 16;        // rows of a patch
  std::size_t stride = 8;  // of the patches; as many copies of the last value extend the series
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t patches() const {
    return (lookback - patch) / stride + 2;
  }  // P
  [[nodiscard]] constexpr std::size_t head_inputs() const { return width * patches(); }
  [[nodiscard]] double parameters() const {
    const auto t = static_cast<double>(horizon), d = static_cast<double>(width),
               f = static_cast<double>(ffn_width),
               n = std::floor((static_cast<double>(lookback) - static_cast<double>(patch)) /
                              static_cast<double>(stride)) +
                   2;
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    const double block = 2 * d * f + f + d + 4 * d;
    const double common = static_cast<double>(patch) * d + attentions * 4 * (d * d + d) +
                          static_cast<double>(depth) * block + (d * n * t + t);
    if constexpr (variant == PatchTSTVariant::library)
      return common + 2 * d;  // the last norm
    else
      return common + d + n * d;  // the embedding's bias, the positions
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) &&
           rule(patch > 0 && stride > 0, "patch and stride must be positive", "patch", patch,
                "stride", stride) &&
           rule(lookback >= patch, "the lookback must hold a patch", "lookback", lookback, "patch",
                patch) &&
           rules::attention_blocks(*this, rule);
  }
  friend constexpr bool operator==(const BasicPatchTSTConfig&,
                                   const BasicPatchTSTConfig&) = default;

  static constexpr auto fields() {
    using C = BasicPatchTSTConfig;
    return all_fields<C>({{"patch", &C::patch}, {"stride", &C::stride}});
  }
};

/// The configuration of PatchTST as in the Time-Series-Library.
using PatchTSTConfig = BasicPatchTSTConfig<PatchTSTVariant::library>;
/// The configuration of PatchTST as in its authors' code.
using OfficialPatchTSTConfig = BasicPatchTSTConfig<PatchTSTVariant::official>;

}  // namespace spat
