// models. iTransformer: attention over variates, each embedded as one token.
#pragma once

#include <spat/models/inverted_forecaster.hpp>
#include <spat/nn/encoder_layer.hpp>

namespace spat::inline SPAT_ABI {

/// The configuration of iTransformer: integers and bools, so that it can be a template argument.
struct ITransformerConfig {
  static constexpr const char* title = "iTransformer";  // used in messages

  std::size_t channels = 0;     // C
  std::size_t marks = 0;        // M, time marks as further tokens
  std::size_t lookback = 96;    // L
  std::size_t horizon = 96;     // T
  std::size_t width = 512;      // D
  std::size_t ffn_width = 512;  // F
  std::size_t heads = 8;        // H
  std::size_t depth = 2;        // encoder layers, one attention module each
  bool instance_norm = true;
  ModuleMask kept = ModuleMask::all();

  [[nodiscard]] constexpr std::size_t modules() const { return depth; }
  [[nodiscard]] constexpr std::size_t tokens() const { return channels + marks; }
  /// Width of the widest activation of a token.
  [[nodiscard]] constexpr std::size_t widest() const { return std::max(width, ffn_width); }
  [[nodiscard]] double parameters() const {
    const auto l = static_cast<double>(lookback), t = static_cast<double>(horizon),
               d = static_cast<double>(width), f = static_cast<double>(ffn_width);
    const auto attentions = static_cast<double>(kept_modules(*this).count());
    const double block = 2 * d * f + f + d + 4 * d;
    return (l * d + d) + attentions * 4 * (d * d + d) + static_cast<double>(depth) * block + 2 * d +
           (d * t + t);
  }

  [[nodiscard]] constexpr bool rules_hold(const auto& rule) const {
    return rules::window(*this, rule) && rules::attention_blocks(*this, rule);
  }
  friend constexpr bool operator==(const ITransformerConfig&, const ITransformerConfig&) = default;

  static constexpr auto fields() { return all_fields<ITransformerConfig>(); }
};

namespace detail {

template <class Scalar, class ModelForm>
struct ITransformerBlocks {
  using C = typename ModelForm::Config;
  template <BlockMask kept>
  using Block = EncoderLayer<Scalar, kept, extent<ModelForm, &C::width>(),
                             extent<ModelForm, &C::ffn_width>(), extent<ModelForm, &C::heads>()>;
};

}  // namespace detail

/// Inverted transformer (Liu et al., "iTransformer", ICLR 2024), encoder only: an
/// InvertedForecaster with EncoderLayers as its blocks.
///
/// Modules: the attention of each encoder layer.
template <class Scalar, class ModelForm = Dynamic<ITransformerConfig>>
class ITransformer
    : public InvertedForecaster<Scalar, ModelForm,
                                detail::ITransformerBlocks<Scalar, ModelForm>::template Block> {
  using Base = InvertedForecaster<Scalar, ModelForm,
                                  detail::ITransformerBlocks<Scalar, ModelForm>::template Block>;

 public:
  template <ModuleMask mask>
  using Pruned = ITransformer<Scalar, typename ModelForm::template Pruned<mask>>;
  static constexpr const char* name = "itransformer";
  /// Other names that files use for the same tensor, as pairs of prefixes: {ours, theirs}.
  static constexpr std::array<std::array<std::string_view, 2>, 1> aliases{
      {{"projection.", "projector."}}};

  explicit ITransformer(ModelForm model_form = {})
      : Base(model_form, model_form.value.width, model_form.value.ffn_width,
             model_form.value.heads) {}

  template <class Self, class List>
  static void for_each(Self& self, const std::string& prefix, List& list) {
    Base::for_each_named(self, prefix, list, "projection.");
  }
};

}  // namespace spat
