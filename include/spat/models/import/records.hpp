// models. What a checkpoint records of its model besides tensors: the hyperparameters of its
// training.
#pragma once

#include <spat/core/text.hpp>
#include <spat/io/safetensors_file.hpp>

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace spat::inline SPAT_ABI {

/// The records of a checkpoint, such as "hyper_parameters.n_heads" = "8": metadata whose key ends
/// with a known name. A name with two different values counts as none.
class CheckpointRecords {
 public:
  struct Text {
    std::string key, value;
  };
  struct Size {
    std::string key;
    std::size_t value = 0;
  };

  /// The file must outlive the object.
  explicit CheckpointRecords(const SafetensorsFile& file) : file_(&file) {}

  /// The record of this name, with its whole key.
  [[nodiscard]] std::optional<Text> text_of(std::string_view name) const {
    std::optional<Text> found;
    for (const auto& [key, value] : file_->metadata()) {
      const bool ends = key.size() > name.size() && key.ends_with(name) &&
                        key[key.size() - name.size() - 1] == '.';
      if (key != name && !ends) continue;
      if (found && found->value != unquoted(value)) return {};
      if (!found) found.emplace(Text{key, unquoted(value)});
    }
    return found;
  }
  /// The value of a field of the configuration, under the names that libraries have for it.
  [[nodiscard]] std::optional<Size> size_of(std::string_view field) const {
    for (const auto& [ours, theirs] : names)
      if (ours == field)
        if (const auto found = text_of(theirs))
          if (const auto value = number(found->value)) return Size{found->key, *value};
    return {};
  }
  /// Whether neuralforecast wrote the file. Its models read no time marks.
  [[nodiscard]] bool of_neuralforecast() const {
    return text_of("input_size").has_value() && text_of("h").has_value();
  }

 private:
  /// Fields, and what the Time-Series-Library and neuralforecast call them.
  static constexpr auto names =
      std::to_array<std::array<std::string_view, 2>>({{"lookback", "seq_len"},
                                                      {"lookback", "input_size"},
                                                      {"horizon", "pred_len"},
                                                      {"horizon", "h"},
                                                      {"label", "label_len"},
                                                      {"heads", "n_heads"},
                                                      {"heads", "n_head"},
                                                      {"stride", "stride"},
                                                      {"kernel", "moving_avg"},
                                                      {"kernel", "moving_avg_window"},
                                                      {"instance_norm", "use_norm"},
                                                      {"instance_norm", "revin"},
                                                      {"window", "win_size"},
                                                      {"routers", "factor"}});

  [[nodiscard]] static std::optional<std::size_t> number(std::string_view text) {
    if (text == "True" || text == "true") return 1;
    if (text == "False" || text == "false") return 0;
    const auto value = parse_number<std::int64_t>(text);
    if (!value || !std::in_range<std::size_t>(*value)) return std::nullopt;
    return static_cast<std::size_t>(*value);
  }
  [[nodiscard]] static std::string unquoted(std::string_view text) {
    const bool quoted = text.size() > 1 && (text.front() == '"' || text.front() == '\'') &&
                        text.front() == text.back();
    return std::string(quoted ? text.substr(1, text.size() - 2) : text);
  }

  const SafetensorsFile* file_;
};

}  // namespace spat
