// Shared by the tests of import: checkpoints in memory, and a small iTransformer.
#pragma once

#include <spat/autograd/initialize.hpp>
#include <spat/models/import/import_model.hpp>
#include <spat/models/itransformer.hpp>

#include <tests/support/bits.hpp>
#include <tests/support/catch.hpp>
#include <tests/support/errors.hpp>

namespace import_example {

using namespace spat;

using Given = std::map<std::string, std::size_t>;

inline ImportOptions options_of(const Given& given) {
  ImportOptions options;
  for (const auto& [field, value] : given)
    options.sizes[field] = {value, message("--", field, " ", value)};
  return options;
}

/// Tensors of a file in memory: name, shape, numbers.
struct Checkpoint {
  struct One {
    std::vector<std::size_t> shape;
    std::vector<float> values;
    bool counter = false;
  };
  std::map<std::string, One> tensors;
  std::map<std::string, std::string> records;

  Checkpoint() = default;
  /// The state dict in a file of the fixtures folder.
  explicit Checkpoint(const SafetensorsFile& file) {
    for (const TensorInfo& tensor : file.tensors()) {
      const auto is = [&](auto... begins) { return (tensor.name.starts_with(begins) || ...); };
      if (is("fixture.", "grad.", "attn.", "pruned.", "adam.", "train.", "frozen_adam.")) continue;
      One& one = tensors[tensor.name];
      one.shape = tensor.shape;
      one.counter = tensor.dtype == Dtype::i64;
      if (one.counter)
        one.values = {static_cast<float>(file.read<std::int64_t>(tensor.name)[0])};
      else
        one.values = file.read<float>(tensor.name);
    }
  }
  /// The tensors of a model.
  template <class Model>
  static Checkpoint of(const Model& model) {
    Checkpoint made;
    for (const auto& parameter : parameters(model)) {
      if (parameter.kind == ParameterKind::constant) continue;
      made.tensors[parameter.name] = {parameter.shape,
                                      {parameter.values.begin(), parameter.values.end()},
                                      parameter.kind == ParameterKind::counter};
    }
    return made;
  }

  [[nodiscard]] Checkpoint under(const std::string& prefix) const {
    Checkpoint other;
    other.records = records;
    for (const auto& [name, one] : tensors) other.tensors[prefix + name] = one;
    return other;
  }
  [[nodiscard]] SafetensorsFile file(const std::string& origin = "checkpoint.pth") const {
    SafetensorsWriter writer;
    for (const auto& [name, one] : tensors) {
      if (one.counter) {
        const auto count = static_cast<std::int64_t>(one.values[0]);
        writer.add(name, one.shape, std::span(&count, 1));
      } else {
        writer.add(name, one.shape, std::span<const float>(one.values));
      }
    }
    for (const auto& [key, value] : records) writer.set_metadata(key, value);
    return SafetensorsFile::from_bytes(writer.to_bytes(), origin);
  }
};

/// The model of a file; channels and marks are those of data.
template <class Model>
Model imported(const SafetensorsFile& file, const ImportOptions& options, std::size_t channels,
               std::size_t marks = 0, std::size_t targets = 0) {
  const ImportPlan plan = plan_import<Model>(file, options);
  auto config = planned_config<typename Model::Config>(plan);
  config.channels = channels;
  if constexpr (requires { config.marks; }) config.marks = marks;
  if constexpr (requires { config.targets; }) config.targets = targets;
  return import_model<Model>(file, plan, config);
}

inline ITransformerConfig small_config() {
  return {.channels = 3,
          .lookback = 11,
          .horizon = 5,
          .width = 12,
          .ffn_width = 10,
          .heads = 3,
          .depth = 3,
          .kept = ModuleMask{0b111}};
}
template <class Model>
Model random(const typename Model::Config& config) {
  Model model({config});
  initialize(parameters(model), 7);
  return model;
}
inline Checkpoint small_dict(std::uint64_t mask = 0b111) {
  return Checkpoint::of(random<ITransformer<float>>(keeping(small_config(), ModuleMask{mask})));
}
inline ImportPlan plan_of(const Checkpoint& dict,
                          const ImportOptions& options = options_of({{"heads", 3}})) {
  const auto file = dict.file();
  return plan_import<ITransformer<float>>(file, options);
}
template <class Error>
std::string refusal(const Checkpoint& dict,
                    const ImportOptions& options = options_of({{"heads", 3}})) {
  return message_of<Error>([&] {
    const auto file = dict.file();
    (void)imported<ITransformer<float>>(file, options, 3);
  });
}

}  // namespace import_example
