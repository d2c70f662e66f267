// train. Saves and restores a Trainer between two epochs: weights, moments, best weights, early
// stopping, observer, options.
#pragma once

#include <spat/io/fields.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/train/trainer.hpp>

#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

inline constexpr const char* training_key = "spat.training";
inline constexpr std::size_t history_columns = 5;

/// The tensors of parameter p, with the prefixes of their names.
template <class Scalar>
[[nodiscard]] std::array<std::pair<const char*, std::span<Scalar>>, 5> training_tensors(
    const TrainingParts<Scalar>& parts, std::size_t p) {
  return {{{"weight.", parts.weights[p].values},
           {"best.", parts.best[p]},
           {"first.", parts.adam.first_moment(p)},
           {"second.", parts.adam.second_moment(p)},
           {"average.", parts.average.average(p)}}};
}

/// The options that a resumed training must share with its saved state, then its position.
template <class Model>
[[nodiscard]] Fields training_fields(Trainer<Model>& trainer) {
  const TrainingOptions& options = trainer.options();
  const auto parts = trainer.parts();
  Fields fields;
  // A field holds 64 signed bits. Seeds from 2^63 are written as the negative number of their bits.
  fields.set("seed", static_cast<std::int64_t>(options.seed));
  fields.set("batch_size", options.batch_size);
  fields.set("epochs", options.epochs);
  fields.set("schedule", static_cast<int>(options.schedule));
  fields.set("drop_last", int{options.drop_last});
  fields.set("patience", options.patience);
  fields.set("rate", options.rate);
  fields.set("clip_norm", options.clip_norm);
  fields.set("dropout", trainer.model().dropout());
  fields.set("layer_drop", options.layer_drop);
  fields.set("averaging", static_cast<int>(options.averaging.kind));
  fields.set("average_decay", options.averaging.decay);
  fields.set("average_from", options.averaging.first_epoch);
  fields.set("average_steps", parts.average.steps());
  fields.set("distillation", options.distillation);
  fields.set("step", parts.adam.steps());
  fields.set("worse", parts.stopping.worse);
  fields.set("best_epoch", parts.stopping.best_epoch);
  return fields;
}

/// Throws ConfigError unless the options in `found` are the trainer's.
template <class Model>
void check_training_options(const std::string& path, const Fields& found, Trainer<Model>& trainer) {
  const Fields expected = training_fields(trainer);
  const auto compare = [&]<class Value>(std::initializer_list<const char*> options, Value) {
    for (const char* option : options)
      if (found.get<Value>(option) != expected.get<Value>(option))
        throw ConfigError(
            message(path, ": was written with another ", option, " than this training has"));
  };
  compare({"seed", "batch_size", "epochs", "schedule", "drop_last", "patience", "averaging",
           "average_from"},
          std::int64_t{});
  compare({"rate", "clip_norm", "dropout", "layer_drop", "average_decay", "distillation"}, 0.0);
}

/// Throws ConfigError unless the configuration in the file is the model's. It holds what the
/// tensors' shapes do not show. A model without a configuration has nothing to compare.
template <class Model>
void check_training_model(const SafetensorsFile& file, const Model& model) {
  if constexpr (requires { typename Model::Config; }) {
    const Fields written = fields_from_json(file.metadata(config_key), file.path());
    for (const auto& [name, value] : config_fields(model))
      if (const Field* const other = written.find(name); !other || *other != value)
        throw ConfigError(
            message(file.path(), ": was written with another ", name, " than this training has"));
  }
}

}  // namespace detail

/// Writes the state of a training between two epochs, for restore_training(). A resumed training
/// has the bytes of one that never stopped. The file contains no timestamps, so equal trainings
/// write equal bytes.
///
/// The file is a safetensors file, written beside `path` and renamed. It holds weight.*, best.*,
/// first.*, second.* (Adam's moments) and average.* for each parameter, observer.* for the
/// criterion, and history [epochs x 5]. Its metadata hold the options and the model's
/// configuration. `about` is whatever else must be the same, in the caller's words (for example a
/// criterion's options). Throws FileError if the file cannot be written.
template <class Model, class Observer>
void save_training(const std::string& path, Trainer<Model>& trainer, const Observer& observer,
                   std::string_view about = {}) {
  using Scalar = typename Model::Value;
  const auto parts = trainer.parts();
  SafetensorsWriter writer;
  for (std::size_t p = 0; p < parts.weights.size(); ++p)
    for (const auto& [name, values] : detail::training_tensors(parts, p))
      writer.add(message(name, parts.weights[p].name), {values.size()},
                 std::span<const Scalar>(values));
  if constexpr (requires { observer.state(); })
    for (const auto& [name, values] : observer.state())
      writer.add(message("observer.", name), {values.size()}, std::span<const double>(values));
  std::vector<double> history;
  for (const EpochRecord& e : parts.history)
    history.insert(history.end(), {e.rate, e.training_loss, e.validation_mse, e.validation_mae,
                                   e.best ? 1.0 : 0.0});
  writer.add("history", {parts.history.size(), detail::history_columns},
             std::span<const double>(history));
  const double& best = parts.stopping.best;  // infinite before the first epoch
  writer.add("best_loss", {1}, std::span<const double>(&best, 1));
  Fields fields = detail::training_fields(trainer);
  fields.set("about", std::string(about));
  writer.set_metadata(detail::training_key, to_json(fields));
  if constexpr (requires { typename Model::Config; })
    writer.set_metadata(config_key, to_json(config_fields(trainer.model())));
  writer.save(path);
}

/// Restores a trainer and its observer from a file that save_training() wrote.
///
/// Throws FileError for a file that is no such state, ShapeError if it belongs to another model,
/// and ConfigError if it was written with other options. The observer and the trainer are then
/// unchanged, unless a tensor's type is wrong.
template <class Model, class Observer>
void restore_training(const std::string& path, Trainer<Model>& trainer, Observer& observer,
                      std::string_view about = {}) {
  const SafetensorsFile file(path);
  const auto parts = trainer.parts();
  const auto& weights = parts.weights;
  const Fields found = fields_from_json(file.metadata(detail::training_key), path);
  detail::check_training_options(path, found, trainer);
  if (const auto before = found.get<std::string>("about"); before != about)
    throw ConfigError(message(path, ": was written by a training of \"", before,
                              "\", this one is of \"", about, "\""));
  for (std::size_t p = 0; p < weights.size(); ++p)
    for (const auto& [name, values] : detail::training_tensors(parts, p))
      file.expect_shape(message(name, weights[p].name), {values.size()});
  const auto written = std::ranges::count_if(
      file.tensors(), [](const TensorInfo& t) { return t.name.starts_with("weight."); });
  if (static_cast<std::size_t>(written) != weights.size())
    throw ShapeError(message(path, ": expected ", weights.size(), " weights, found ", written));
  detail::check_training_model(file, trainer.model());
  const auto& shape = file.at("history").shape;
  const std::size_t epochs = shape.empty() ? 0 : shape[0];
  file.expect_shape("history", {epochs, detail::history_columns});
  file.expect_shape("best_loss", {1});

  if constexpr (requires { observer.state(); }) {
    std::map<std::string, std::vector<double>> state;
    for (const TensorInfo& tensor : file.tensors())
      if (tensor.name.starts_with("observer."))
        state[tensor.name.substr(9)] = file.read<double>(tensor.name);
    try {
      observer.restore(state);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception& error) {
      throw FileError(message(path, ": is no state of this observer: ", error.what()));
    }
  }
  const auto history = file.read<double>("history");
  for (std::size_t p = 0; p < weights.size(); ++p)
    for (const auto& [name, values] : detail::training_tensors(parts, p))
      file.read_into(message(name, weights[p].name), values);
  parts.adam.set_steps(found.get<std::uint64_t>("step"));
  parts.average.set_steps(found.get<std::uint64_t>("average_steps"));
  parts.stopping.worse = found.get<std::size_t>("worse");
  parts.stopping.best_epoch = found.get<std::size_t>("best_epoch");
  parts.history.clear();
  for (std::size_t e = 0; e < epochs; ++e) {
    const double* row = history.data() + e * detail::history_columns;
    parts.history.push_back({e + 1, row[0], row[1], row[2], row[3], 0, row[4] != 0});
  }
  parts.stopping.best = file.read<double>("best_loss")[0];
  pack_weights(weights, Purpose::training);
}

}  // namespace spat
