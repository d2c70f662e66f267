// models. S-Mamba: selective scans over variates, each embedded as one token, instead of attention.
#pragma once

#include <spat/models/inverted_forecaster.hpp>
#include <spat/models/smamba/mamba_layer.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of S-Mamba: integers and bools, so that it can be a template argument.
struct SMambaConfig {
  static constexpr const char* title = "S-Mamba";  // used in messages

  std::size_t channels = 0;     // C
  std::size_t marks = 0;        // M, time marks as further tokens
  std::size_t lookback = 96;    // L
  std::size_t horizon = 96;     // T
  std::size_t width = 512;      // D
  std::size_t ffn_width = 512;  // F
  std::size_t depth = 2;        // encoder layers, one module each: the Mambas of both directions
  std::size_t state = 32;       // state values per channel
  std::size_t convolution = 2;  // kernel of the convolution, in tokens
  std::size_t expand = 1;       // channels of a Mamba per unit of width
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t inner() const { return expand * width; }
  /// Width of the widest activation of a token.
  [[nodiscard]] constexpr std::size_t widest() const {
    return std::max({width, ffn_width, 2 * inner()});
  }
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width),
               s = static_cast<double>(state), i = static_cast<double>(expand) * d,
               k = static_cast<double>(convolution), r = std::ceil(d / 16);
    const auto layers = static_cast<double>(kept_modules(*this).count());
    const double mamba =
        2 * d * i + (i * k + i) + i * (r + 2 * s) + (r * i + i) + (i * s + i) + i * d;
    const double block = 2 * d * f + f + d + 4 * d;
    return (l * d + d) + layers * 2 * mamba + static_cast<double>(depth) * block + 2 * d +
           (d * t + t);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::widths(*this, rule) && rules::depth(*this, rule) &&
           rule(state > 0 && convolution > 0 && expand > 0,
                "state, convolution and expand must be positive", "state", state, "convolution",
                convolution, "expand", expand);
  }
  friend constexpr bool operator==(const SMambaConfig&, const SMambaConfig&) = default;

  static constexpr auto fields() {
    using C = SMambaConfig;
    return all_fields<C>(
        {{"state", &C::state}, {"convolution", &C::convolution}, {"expand", &C::expand}});
  }
};

namespace detail {

template <class Scalar, class ModelForm>
struct SMambaBlocks {
  using C = typename ModelForm::Config;
  template <BlockMask kept>
  using Block =
      MambaLayer<Scalar, kept, extent<ModelForm, &C::width>(), extent<ModelForm, &C::ffn_width>(),
                 extent<ModelForm, &C::inner>(), extent<ModelForm, &C::state>()>;
};

}  // namespace detail

/// S-Mamba (Wang et al., "Is Mamba Effective for Time Series Forecasting?", 2024): an
/// InvertedForecaster with MambaLayers as its blocks.
///
/// Modules: the two Mambas of each encoder layer, as one. They contain no attention, so no
/// criterion receives their events: their scores stay NaN, and the caller names the mask to prune.
/// A scan has an order: permuted variates have another forecast. multiply_adds() also counts
/// convolutions and scans.
template <class Scalar, class ModelForm = Dynamic<SMambaConfig>>
class SMamba : public InvertedForecaster<Scalar, ModelForm,
                                         detail::SMambaBlocks<Scalar, ModelForm>::template Block> {
  using Base = InvertedForecaster<Scalar, ModelForm,
                                  detail::SMambaBlocks<Scalar, ModelForm>::template Block>;

 public:
  template <ModuleMask mask>
  using Pruned = SMamba<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "smamba";
  static constexpr bool scored = false;  // no criterion receives events of its modules

  explicit SMamba(ModelForm model_form = {})
      : Base(model_form, model_form.value.width, model_form.value.ffn_width,
             model_form.value.inner(), model_form.value.state, model_form.value.convolution) {}

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Base::for_each_named(self, prefix, list, "projector.");
  }
};

}  // namespace spat
