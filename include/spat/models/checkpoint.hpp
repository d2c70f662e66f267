// models. A model in a safetensors file. Tensors have the reference's names; the configuration and
// the mask are in the metadata.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/io/fields.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/config.hpp>
#include <spat/models/stored_weights.hpp>

namespace spat::inline SPAT_ABI {

/// Metadata key of the model's name, as "itransformer".
inline constexpr const char* model_key = "spat.model";
/// Metadata key of the configuration: its sizes as JSON.
inline constexpr const char* config_key = "spat.config";
/// Metadata key of the mask: one digit per module, 1 = kept.
inline constexpr const char* kept_key = "spat.kept";
/// Metadata key of the version of spat that wrote the file.
inline constexpr const char* version_key = "spat.version";

namespace detail {

/// The name of our tensor in `file`: our name, or the one that the model's alias table gives.
template <class Model>
[[nodiscard]] std::string name_in_file(const SafetensorsFile& file, const std::string& name) {
  if (file.contains(name)) return name;
  if constexpr (requires { Model::aliases; })
    for (const auto& [ours, theirs] : Model::aliases)
      if (name.starts_with(ours))
        if (std::string other = message(theirs, name.substr(ours.size())); file.contains(other))
          return other;
  return name;  // the read reports that it is missing
}

/// Reads a tensor of finite numbers.
template <class Scalar>
[[nodiscard]] std::vector<Scalar> read_finite(const SafetensorsFile& file, const std::string& name,
                                              Narrowing narrowing = Narrowing::refused) {
  auto values = file.read<Scalar>(name, narrowing);
  expect_finite<Scalar>(file, name, values);
  return values;
}

/// Reads a counter. Throws FileError for a negative one.
[[nodiscard]] inline std::int64_t read_count(const SafetensorsFile& file, const std::string& name) {
  const std::int64_t count = file.read<std::int64_t>(name)[0];
  if (count < 0)
    throw FileError(message(file.path(), ": ", name, ": expected a count, found ", count));
  return count;
}

/// load_tensors() into a model that is thrown away on an error: each number is read to its place.
template <class Model>
std::vector<std::string> read_tensors(Model& model, const SafetensorsFile& file,
                                      Narrowing narrowing) {
  using Scalar = typename Model::Value;
  const auto list = parameters(model);
  std::vector<std::string> names, unused;
  for (const auto& parameter : list) {
    names.push_back(name_in_file<Model>(file, parameter.name));
    if (parameter.kind != ParameterKind::constant || file.contains(names.back()))
      file.expect_shape(names.back(), parameter.shape);
  }
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].kind == ParameterKind::constant) continue;
    if (list[i].kind == ParameterKind::counter) {
      list[i].values[0] = static_cast<Scalar>(read_count(file, names[i]));
    } else {
      read_weight(file, names[i], list[i].values, narrowing);
      expect_finite<Scalar>(file, names[i], list[i].values);
      for (const Scalar value : list[i].values)
        if (static_cast<double>(value) < list[i].least)
          throw FileError(message(file.path(), ": ", names[i], ": expected at least ",
                                  list[i].least, ", found ", value));
    }
  }
  const auto is_used = [&](std::string_view name) {
    return std::ranges::find(names, name) != names.end();
  };
  for (const auto& tensor : file.tensors()) {
    if (is_used(tensor.name)) continue;
    if (const auto of = scaled_name(tensor.name); !is_used(of) || !file.contains(of))
      unused.push_back(tensor.name);
    else if (const Dtype found = file.at(of).dtype; found != Dtype::i8)
      throw FileError(message(file.path(), ": tensor ", in_quotes(tensor.name),
                              ": holds scales, but ", in_quotes(of), " is ", dtype_name(found),
                              "; expected I8"));
  }
  return unused;
}

}  // namespace detail

/// Reads every tensor of the model from the tensor of its name or alias. A state_dict of the
/// reference loads unchanged. Constants may be missing: the model computes its own. All shapes are
/// checked before the first value is read. Weights of every type that SafetensorsFile reads are
/// taken, I8 with the scales of save_model(). Returns the names in the file that the model did not
/// use. Throws FileError for a missing tensor or a wrong dtype, ShapeError for a wrong shape; the
/// model is then unchanged.
template <class Model>
std::vector<std::string> load_tensors(Model& model, const SafetensorsFile& file,
                                      Narrowing narrowing = Narrowing::refused) {
  Model found = model;
  auto unused = detail::read_tensors(found, file, narrowing);
  const auto to = parameters(model), from = parameters(found);
  for (std::size_t i = 0; i < to.size(); ++i)
    std::ranges::copy(from[i].values, to[i].values.begin());
  return unused;
}

/// The model's sizes by name, without the kept modules.
template <class Model>
[[nodiscard]] Fields config_fields(const Model& model) {
  Fields config;
  for_each_field(model.config(),
                 [&](const char* field, const auto& value) { config.set(field, value); });
  return config;
}

namespace detail {

/// The file of a model, as save_model() writes it. load_model() does not need the constants, which
/// only files of float weights have.
template <class Model>
[[nodiscard]] SafetensorsWriter model_writer(const Model& model,
                                             const std::map<std::string, std::string>& extra = {},
                                             bool with_constants = true,
                                             WeightType type = WeightType::f32) {
  static_assert(Storable<Model>,
                "spat: save_model needs a model with a name, a Config, config(), "
                "dropout(), set_dropout() and a form (concept Storable)");
  SafetensorsWriter writer;
  for (const auto& parameter : parameters(model)) {
    if (parameter.kind == ParameterKind::counter) {
      const auto value = static_cast<std::int64_t>(parameter.values[0]);
      writer.add(parameter.name, parameter.shape, std::span(&value, 1));
    } else if (parameter.kind == ParameterKind::constant) {
      if (!with_constants || type != WeightType::f32) continue;
      std::size_t size = 1;
      for (const std::size_t extent : parameter.shape) size *= extent;
      AlignedBuffer<typename Model::Value> values(size);
      parameter.compute(values, parameter.shape);
      writer.add(parameter.name, parameter.shape, std::span<const typename Model::Value>(values));
    } else if (parameter.kind == ParameterKind::weight) {
      add_weight(writer, parameter, type);
    } else {
      writer.add(parameter.name, parameter.shape, parameter.values);
    }
  }
  Fields config = config_fields(model);
  config.set("dropout", model.dropout());
  writer.set_metadata(model_key, Model::name);
  writer.set_metadata(config_key, to_json(config));
  writer.set_metadata(kept_key, to_string(model.form.kept(), model.form.modules()));
  writer.set_metadata(version_key, SPAT_VERSION);
  for (const auto& [key, value] : extra)
    if (key != weights_key) writer.set_metadata(key, value);
  if (type != WeightType::f32)
    writer.set_metadata(weights_key, std::string(name_of(weight_types, type)));
  return writer;
}

}  // namespace detail

/// Writes the model to a temporary file beside `path` and renames it. Adds `extra` to the metadata.
template <class Model>
void save_model(const std::string& path, const Model& model,
                const std::map<std::string, std::string>& extra = {}) {
  detail::model_writer(model, extra).save(path);
}

/// The same with learned numbers of this type: bf16 and f16 round each, int8 has 8-bit integers
/// and a scale per row in place of each matrix (is_matrix). Every function that reads a model reads
/// such a file. Throws NumericError, with the tensor, for a number that the type does not hold.
template <class Model, std::same_as<WeightType> Type>  // braces stand for `extra`
void save_model(const std::string& path, const Model& model, Type type,
                const std::map<std::string, std::string>& extra = {}) {
  detail::model_writer(model, extra, true, type).save(path);
}

/// The same with the description of the model's data, which load_data_description() reads.
template <class Model, std::same_as<DataDescription> Data>  // braces stand for `extra`
void save_model(const std::string& path, const Model& model, const Data& data,
                std::map<std::string, std::string> extra = {}) {
  extra[data_key] = to_json(data);
  save_model(path, model, extra);
}

namespace detail {

/// The description in a file of the time before there was one: name.0, mean.0, deviation.0, ...
/// beside a configuration with the window's sizes.
[[nodiscard]] inline DataDescription numbered_description(const Fields& data,
                                                          const Fields& config) {
  DataDescription found;
  std::vector<double> mean, deviation;
  for (std::size_t c = 0; data.contains(message("name.", c)); ++c) {
    found.names.push_back(data.get<std::string>(message("name.", c)));
    mean.push_back(data.get<double>(message("mean.", c)));
    deviation.push_back(data.get<double>(message("deviation.", c)));
  }
  found.scaler = StandardScaler(std::move(mean), std::move(deviation));
  found.window = {.lookback = config.get<std::size_t>("lookback"),
                  .horizon = config.get<std::size_t>("horizon"),
                  .features = parse_features(data.get_or<std::string>("features", "M"))};
  found.protocol = parse_protocol(data.get_or<std::string>("protocol", "custom"));
  const auto marks = data.get_or<std::string>("marks", "none");
  if (marks != "none") found.window.marks = parse_frequency(marks);
  return found;
}

}  // namespace detail

/// Reads the description of a model's data. Throws FileError if the file has none, and for fields
/// that are missing or of the wrong kind; ConfigError for values that are none.
[[nodiscard]] inline DataDescription load_data_description(const SafetensorsFile& file) {
  const std::string& text = file.metadata(data_key);
  const Fields fields = fields_from_json(text, file.path());
  if (fields.contains("name.0"))
    return detail::numbered_description(fields,
                                        fields_from_json(file.metadata(config_key), file.path()));
  return data_description_from_json(text, file.path());
}
[[nodiscard]] inline DataDescription load_data_description(const std::string& path) {
  return load_data_description(SafetensorsFile(path));
}

/// Reads the configuration that save_model() wrote. Throws FileError for another model's file and
/// for fields that are missing or of the wrong kind, ConfigError for sizes that do not fit
/// together.
template <class Config>
[[nodiscard]] Config read_config(const SafetensorsFile& file, std::string_view model_name) {
  if (const std::string& found = file.metadata(model_key); found != model_name)
    throw FileError(
        message(file.path(), ": expected a model \"", model_name, "\", found \"", found, "\""));
  Config config;
  const Fields fields = fields_from_json(file.metadata(config_key), file.path());
  for_each_field(config, [&](const char* field, auto& value) {
    value = fields.get<std::remove_cvref_t<decltype(value)>>(field);
  });
  check_rules(config);
  const std::string& kept = file.metadata(kept_key);
  const auto mask = parse_module_mask(kept, config.modules());
  if (!mask)
    throw FileError(message(file.path(), ": ", kept_key, ": expected ", config.modules(),
                            " digits 0 or 1, found \"", kept, "\""));
  config.kept = *mask;
  return config;
}

/// Reads a model that save_model() wrote. Allocates no memory for sizes that the file's tensors do
/// not confirm. Throws the errors of read_config() and load_tensors(), ShapeError if the
/// configuration differs from a static form or needs more values than the tensors hold, and
/// FileError if there are tensors that the configuration does not need: a mask may have lost a
/// module.
template <class Model>
[[nodiscard]] Model load_model(const SafetensorsFile& file,
                               Narrowing narrowing = Narrowing::refused) {
  static_assert(Storable<Model>,
                "spat: load_model needs a model with a name, a Config, config(), "
                "dropout(), set_dropout() and a form (concept Storable)");
  typename Model::Form form;
  const auto config = read_config<typename Model::Config>(file, Model::name);
  if constexpr (!Model::Form::is_static)
    form.value = config;
  else if (!(config == form.value))
    throw ShapeError(message(file.path(), ": its configuration differs from the model's type: ",
                             differences(form.value, config)));
  detail::expect_stored_as(file);
  double numbers = 0;
  for (const TensorInfo& tensor : file.tensors())
    if (!detail::holds_scales(file, tensor)) numbers += static_cast<double>(tensor.size());
  if (config.parameters() > numbers)
    throw ShapeError(message(file.path(), ": its configuration asks for ", config.parameters(),
                             " numbers, its tensors hold ", numbers));
  Model model(form);
  model.set_dropout(
      fields_from_json(file.metadata(config_key), file.path()).template get<double>("dropout"));
  if (const auto unused = detail::read_tensors(model, file, narrowing); !unused.empty())
    throw FileError(message(file.path(), ": tensor ", in_quotes(unused.front()),
                            " does not belong to a model of its configuration"));
  return model;
}
/// Reads a model from the file at `path`. Throws the errors above, and FileError if the file cannot
/// be read.
template <class Model>
[[nodiscard]] Model load_model(const std::string& path, Narrowing narrowing = Narrowing::refused) {
  return load_model<Model>(SafetensorsFile(path), narrowing);
}

}  // namespace spat
