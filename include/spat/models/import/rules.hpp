// models. How the sizes of each model of the library follow from the shapes of a checkpoint's
// tensors.
#pragma once

#include <spat/models/import/import_sizes.hpp>

#include <cmath>
#include <span>

namespace spat::inline SPAT_ABI {

/// What import knows of a model: its sizes by shapes, further names of its tensors, and tensors
/// that real checkpoints carry and no forecast reads.
struct ImportRule {
  std::string_view model;
  void (*sizes)(ImportSizes&) = nullptr;
  std::vector<NameAlias> aliases = {};
  std::vector<std::string_view> dead = {};  // pieces of their names
};

namespace detail {

inline const char* const heads_hint = "the attention heads, a divisor of the width";

/// The first tensor `before`N.`after` that the file has; the one of layer 0 if it has none.
[[nodiscard]] inline std::string first_of(const ImportSizes& s, const std::string& before,
                                          const std::string& after) {
  for (std::size_t n = 0; n < s.value("depth").value_or(0); ++n)
    if (std::string name = message(before, n, ".", after); s.tensors().find(name)) return name;
  return message(before, 0, ".", after);
}

/// The sizes of the models whose tokens are whole variates.
inline void take_inverted(ImportSizes& s, const std::string& projection) {
  const std::string embedding = "enc_embedding.value_embedding.weight";
  s.take("lookback", embedding, 1, 2);
  s.take("horizon", projection, 0, 2);
  s.take("width", embedding, 0, 2);
  s.take("ffn_width", "encoder.attn_layers.0.conv1.weight", 0, 3);
  s.take_count("depth", "encoder.attn_layers.");
  s.assume("instance_norm", 1, "as in the reference");
}

inline void take_itransformer(ImportSizes& s) {
  take_inverted(s, "projection.weight");
  s.need("heads", heads_hint);
  s.expect_record("activation", {"gelu"});
}

inline void take_smamba(ImportSizes& s) {
  take_inverted(s, "projector.weight");
  const auto of_mamba = [&](const char* name) {
    return first_of(s, "encoder.attn_layers.", message("attention.", name));
  };
  if (!s.tensors().find(of_mamba("A_log"))) return;  // every layer is pruned
  s.take("state", of_mamba("A_log"), 1, 2);
  s.take("convolution", of_mamba("conv1d.weight"), 2, 3);
  const auto inner = s.extent(of_mamba("A_log"), 0, 2), width = s.value("width");
  if (!inner || !width || *width == 0) return;
  if (*inner % *width != 0)
    throw ShapeError(message(s.tensors().file().path(), ": ", of_mamba("A_log"), " has ", *inner,
                             " rows, no multiple of the width ", *width));
  s.find("expand", *inner / *width, of_mamba("A_log"));
}

/// The stride that cuts so many patches out of the lookback; the model repeats the last value once
/// per row of the stride, which makes one patch more.
inline void take_patches(ImportSizes& s, std::optional<std::size_t> patches) {
  const auto patch = s.value("patch");
  if (!patch || !patches || *patch == 0) return;
  const auto lookback = s.hear("lookback"), stride = s.hear("stride");
  const auto fits = [&](std::size_t rows, std::size_t step) {
    return step > 0 && rows >= *patch && (rows - *patch) / step + 2 == *patches;
  };
  const std::string& path = s.tensors().file().path();
  if (*patches < 2)
    throw ShapeError(message(path, ": its tensors hold ", *patches,
                             " patches of a window; the library's PatchTST has at least 2"));
  if (lookback && stride) {
    if (!fits(*lookback, *stride))
      throw ConfigError(message("lookback ", *lookback, ", patch ", *patch, ", stride ", *stride,
                                ": these sizes do not make the ", *patches, " patches of ", path));
    return;
  }
  if (!lookback) {
    const std::size_t least = stride ? *patch + (*patches - 2) * *stride : *patch;
    s.need("lookback", stride ? message("the rows of history, ", least, " to ", least + *stride - 1)
                              : message("the rows of history, which give ", *patches,
                                        " patches of ", *patch, " rows"));
    return;
  }
  std::string all;
  std::size_t count = 0, last = 0;
  if (*patches > 2)
    for (std::size_t step = 1; step <= *lookback; ++step)
      if (fits(*lookback, step))
        last = step, ++count, all.append(all.empty() ? "" : ", ").append(std::to_string(step));
  if (count == 1) return s.derive("stride", last, message("the ", *patches, " patches"));
  if (count == 0 && (*patches > 2 || *lookback < *patch))
    throw ConfigError(message("lookback ", *lookback, ", patch ", *patch, ": no stride makes the ",
                              *patches, " patches of ", path));
  s.need("stride", message("the rows between patches: ", *patches > 2 ? all : "any", " fit"));
}

inline void take_patchtst(ImportSizes& s) {
  const std::string embedding = "patch_embedding.value_embedding.weight",
                    head = "head.linear.weight";
  s.take("horizon", head, 0, 2);
  s.take("width", embedding, 0, 2);
  s.take("ffn_width", "encoder.attn_layers.0.conv1.weight", 0, 3);
  s.take_count("depth", "encoder.attn_layers.");
  s.take("patch", embedding, 1, 2);
  const auto inputs = s.extent(head, 1, 2), width = s.value("width");
  if (inputs && width && *width > 0) {
    if (*inputs % *width != 0)
      throw ShapeError(message(s.tensors().file().path(), ": ", head, " reads ", *inputs,
                               " numbers, no multiple of the width ", *width));
    take_patches(s, *inputs / *width);
  }
  s.need("heads", heads_hint);
  s.assume("instance_norm", 1, "as in the reference");
  s.expect_record("activation", {"gelu"});
}

inline void take_patchtst_official(ImportSizes& s) {
  const std::string embedding = "model.backbone.W_P.weight",
                    layers = "model.backbone.encoder.layers.";
  s.take("horizon", "model.head.linear.weight", 0, 2);
  s.take("width", embedding, 0, 2);
  s.take_count("depth", layers);
  s.take("ffn_width", message(layers, "0.ff.0.weight"), 0, 2);
  s.take("patch", embedding, 1, 2);
  take_patches(s, s.extent("model.backbone.W_pos", 0, 2));
  const std::string scale = first_of(s, layers, "self_attn.sdp_attn.scale");
  const TensorInfo* const tensor = s.tensors().find(scale);
  const auto width = s.value("width");
  if (tensor && width && tensor->size() == 1 && tensor->dtype == Dtype::f32) {
    // 1 / sqrt(width / heads)
    const auto value = static_cast<double>(s.tensors().file().read<float>(tensor->name)[0]);
    const double heads = std::round(value * value * static_cast<double>(*width));
    if (heads >= 1 && heads <= static_cast<double>(*width))
      s.find("heads", static_cast<std::size_t>(heads), message(tensor->name, " = ", value));
  }
  if (!s.value("heads")) s.need("heads", heads_hint);
  s.assume("instance_norm", 1, "as in the reference");
  s.expect_record("activation", {"gelu"});
  s.expect_record("res_attention", {"true", "1"});
}

inline void take_timexer(ImportSizes& s) {
  const std::string series = "ex_embedding.value_embedding.weight",
                    patches = "en_embedding.value_embedding.weight";
  s.take("lookback", series, 1, 2);
  s.take("horizon", "head.linear.weight", 0, 2);
  s.take("width", series, 0, 2);
  s.take("ffn_width", "encoder.layers.0.conv1.weight", 0, 3);
  s.take_count("depth", "encoder.layers.");
  s.take("patch", patches, 1, 2);
  // forecast channels: all of them, or the last one; the data say which
  s.take("targets", "en_embedding.glb_token", 1, 4);
  s.need("heads", heads_hint);
  s.assume("instance_norm", 1, "as in the reference");
  s.expect_record("activation", {"gelu"});
}

/// A number of rows that is cut into segments, of which the shapes say no more than their number.
inline void take_rows(ImportSizes& s, const std::string& field, const std::string& embedding) {
  const auto segments = s.extent(embedding, 2, 4), segment = s.value("segment");
  if (!segments || !segment || *segments == 0) return;
  const std::size_t most = *segments * *segment, least = most - *segment + 1;
  s.need(field, message(field == "lookback" ? "the rows of history, " : "the rows to forecast, ",
                        least, " to ", most));
  if (const auto rows = s.value(field); rows && (*rows < least || *rows > most))
    throw ConfigError(message(s.known().at(field).from, ": ", field, " ", *rows,
                              " does not lie in ", least, " to ", most, ", the ", *segments,
                              " segments of ", *segment, " rows in ", embedding));
}

inline void take_crossformer(ImportSizes& s) {
  const std::string embedding = "enc_value_embedding.value_embedding.weight",
                    blocks = "encoder.encode_blocks.", layers = "decoder.decode_layers.";
  s.take("channels", "enc_pos_embedding", 1, 4);
  s.take("width", embedding, 0, 2);
  s.take("ffn_width", message(blocks, "0.encode_layers.0.MLP1.0.weight"), 0, 2);
  s.take_count("depth", blocks);
  s.take("segment", embedding, 1, 2);
  take_rows(s, "lookback", "enc_pos_embedding");
  take_rows(s, "horizon", "dec_pos_embedding");
  const std::string merge = message(blocks, "1.merge_layer.linear_trans.weight");
  const auto merged = s.extent(merge, 1, 2), width = s.value("width");
  if (merged && width && *width > 0)
    s.find("window", *merged / *width, merge);
  else if (s.value("depth").value_or(1) > 1)
    s.find("window", 1, message("the absence of ", blocks, "1.merge_layer"));
  else
    s.assume("window", 2, "without effect in one layer");
  std::string router = first_of(s, blocks, "encode_layers.0.router");
  if (!s.tensors().find(router)) router = first_of(s, layers, "self_attention.router");
  s.take("routers", router, 1, 3);
  s.need("heads", heads_hint);
}

inline void take_transformer(ImportSizes& s) {
  const std::string values = "enc_embedding.value_embedding.tokenConv.weight";
  s.take("channels", values, 1, 3);
  s.take("marks", "enc_embedding.temporal_embedding.embed.weight", 1, 2);
  s.need("lookback", "the rows of history");
  s.need("horizon", "the rows to forecast");
  s.need("label", "the rows of history that the decoder begins with");
  s.take("width", values, 0, 3);
  s.take("ffn_width", "encoder.attn_layers.0.conv1.weight", 0, 3);
  s.take_count("depth", "encoder.attn_layers.");
  s.take_count("decoder_depth", "decoder.layers.");
  s.need("heads", heads_hint);
  s.expect_record("activation", {"gelu"});
}

inline void take_dlinear(ImportSizes& s) {
  s.take("lookback", "Linear_Seasonal.weight", 1, 2);
  s.take("horizon", "Linear_Seasonal.weight", 0, 2);
  s.assume("kernel", 25, "no file holds it");
}

inline void take_rlinear(ImportSizes& s) {
  s.take("lookback", "Linear.weight", 1, 2);
  s.take("horizon", "Linear.weight", 0, 2);
  s.assume("instance_norm", 1, "as in the reference");
}

inline void take_tsmixer(ImportSizes& s) {
  s.take("channels", "model.0.channel.0.weight", 1, 2);
  s.take("lookback", "projection.weight", 1, 2);
  s.take("horizon", "projection.weight", 0, 2);
  s.take("width", "model.0.temporal.0.weight", 0, 2);
  s.take_count("depth", "model.");
}

}  // namespace detail

/// The rules of the library's models.
[[nodiscard]] inline const std::vector<ImportRule>& import_rules() {
  static const std::vector<ImportRule> rules{
      {"itransformer", detail::take_itransformer, {{{"projection.", "projector."}}}, {}},
      {"patchtst", detail::take_patchtst, {}, {}},
      {"patchtst_official", detail::take_patchtst_official, {{{"model.", ""}}}, {}},
      {"timexer", detail::take_timexer, {}, {}},
      {"crossformer", detail::take_crossformer, {}, {}},
      {"transformer", detail::take_transformer, {}, {}},
      {"dlinear",
       detail::take_dlinear,
       {{{"Linear_Seasonal.", "linear_season."}}, {{"Linear_Trend.", "linear_trend."}}},
       {}},
      {"rlinear", detail::take_rlinear, {{{"Linear.", "linear."}}}, {}},
      {"tsmixer", detail::take_tsmixer, {}, {}},
      {"smamba",
       detail::take_smamba,
       {{{"projector.", "projection."}}},
       {".man.", ".man2.", ".a."}}};
  return rules;
}

/// The rule of a model. Throws ConfigError for a model without one.
[[nodiscard]] inline const ImportRule& import_rule(std::string_view model) {
  for (const ImportRule& rule : import_rules())
    if (rule.model == model) return rule;
  throw ConfigError(
      message("no rule says how the sizes of a ", model, " follow from a checkpoint's tensors"));
}

}  // namespace spat
