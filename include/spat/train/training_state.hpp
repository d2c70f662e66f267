// train. Saves and restores a Trainer between two epochs: weights, moments, best weights, early
// stopping, observer, options.
#pragma once

#include <spat/io/fields.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/train/trainer.hpp>

#include <stdexcept>
#include <string_view>

namespace spat::inline SPAT_ABI {

namespace detail {

inline constexpr const char* training_key = "spat.training";
inline constexpr std::size_t history_columns = 6;

/// The tensors of parameter p, with the prefixes of their names.
template <class Scalar>
[[nodiscard]] std::array<std::pair<const char*, std::span<Scalar>>, 5> training_tensors(
    const TrainingParts<Scalar>& parts, std::size_t p) {
  return {{{"weight.", parts.weights[p].values},
           {"best.", parts.best[p]},
           {"first.", parts.optimizer.first_moment(p)},
           {"second.", parts.optimizer.second_moment(p)},
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
  if constexpr (requires { trainer.model().dropout(); })
    fields.set("dropout", trainer.model().dropout());
  else
    fields.set("dropout", 0.0);
  fields.set("layer_drop", options.layer_drop);
  fields.set("averaging", static_cast<int>(options.averaging.kind));
  fields.set("average_decay", options.averaging.decay);
  fields.set("average_from", options.averaging.first_epoch);
  fields.set("average_steps", parts.average.steps());
  fields.set("distillation", options.distillation);
  fields.set("optimizer",
             parts.hooks.has_optimizer() ? std::int64_t{-1} : std::int64_t(options.optimizer.rule));
  fields.set("beta1", options.optimizer.beta1);
  fields.set("beta2", options.optimizer.beta2);
  fields.set("epsilon", options.optimizer.epsilon);
  fields.set("weight_decay", options.optimizer.weight_decay);
  fields.set("momentum", options.optimizer.momentum);
  fields.set("loss", parts.hooks.own_loss ? std::int64_t{-1} : std::int64_t(options.loss.rule));
  fields.set("loss_delta", options.loss.delta);
  fields.set("loss_level", options.loss.level);
  fields.set("own_rate", int{static_cast<bool>(parts.hooks.rate)});
  fields.set("step", parts.optimizer.steps());
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
           "average_from", "optimizer", "loss", "own_rate"},
          std::int64_t{});
  compare({"rate", "clip_norm", "dropout", "layer_drop", "average_decay", "distillation", "beta1",
           "beta2", "epsilon", "weight_decay", "momentum", "loss_delta", "loss_level"},
          0.0);
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

/// The file of a training's state, as save_training() writes it.
template <class Model, class Observer>
[[nodiscard]] SafetensorsWriter training_writer(Trainer<Model>& trainer, const Observer& observer,
                                                std::string_view about = {}) {
  using Scalar = typename Model::Value;
  if (trainer.within_epoch())
    throw ConfigError("a training is saved between two epochs, not within one");
  const auto parts = trainer.parts();
  SafetensorsWriter writer;
  for (std::size_t p = 0; p < parts.weights.size(); ++p)
    for (const auto& [name, values] : training_tensors(parts, p))
      writer.add(message(name, parts.weights[p].name), {values.size()},
                 std::span<const Scalar>(values));
  if constexpr (requires { observer.state(); })
    for (const auto& [name, values] : observer.state())
      writer.add(message("observer.", name), {values.size()}, std::span<const double>(values));
  if (parts.hooks.state)
    for (const auto& [name, values] : parts.hooks.state())
      writer.add(message("optimizer.", name), {values.size()}, std::span<const double>(values));
  std::vector<double> history;
  for (const EpochRecord& e : parts.history)
    history.insert(history.end(), {e.rate, e.training_loss, e.validation_loss, e.validation_mse,
                                   e.validation_mae, e.best ? 1.0 : 0.0});
  writer.add("history", {parts.history.size(), history_columns}, std::span<const double>(history));
  const double& best = parts.stopping.best;  // infinite before the first epoch
  writer.add("best_loss", {1}, std::span<const double>(&best, 1));
  Fields fields = training_fields(trainer);
  fields.set("about", std::string(about));
  writer.set_metadata(training_key, to_json(fields));
  if constexpr (requires { typename Model::Config; })
    writer.set_metadata(config_key, to_json(config_fields(trainer.model())));
  return writer;
}

/// How far a training has come, as a file says it.
struct TrainingProgress {
  std::uint64_t steps = 0, average_steps = 0;
  EarlyStopping stopping;
  std::vector<EpochRecord> history;
};

/// Reads the progress of a training of `options`. Throws FileError if its numbers contradict each
/// other, and ShapeError for tensors of another shape.
[[nodiscard]] inline TrainingProgress read_progress(const SafetensorsFile& file,
                                                    const Fields& fields,
                                                    const TrainingOptions& options) {
  const auto expect = [&](bool holds, const auto&... problem) {
    if (!holds) throw FileError(message(file.path(), ": ", problem...));
  };
  const auto& shape = file.at("history").shape;
  const std::size_t epochs = shape.empty() ? 0 : shape[0];
  file.expect_shape("history", {epochs, history_columns});
  file.expect_shape("best_loss", {1});
  expect(epochs <= options.epochs, "expected at most ", options.epochs, " epochs, found ", epochs);

  TrainingProgress progress{.steps = fields.get<std::uint64_t>("step"),
                            .average_steps = fields.get<std::uint64_t>("average_steps"),
                            .stopping = {.patience = options.patience,
                                         .best = file.read<double>("best_loss")[0],
                                         .worse = fields.get<std::size_t>("worse"),
                                         .best_epoch = fields.get<std::size_t>("best_epoch")},
                            .history = {}};
  expect(progress.steps >= epochs, "expected a step for each of ", epochs, " epochs, found ",
         progress.steps);
  expect(progress.average_steps <= progress.steps, "expected averages of at most ", progress.steps,
         " steps, found ", progress.average_steps);
  expect(progress.stopping.worse <= epochs && progress.stopping.best_epoch <= epochs,
         "expected early stopping within ", epochs, " epochs, found ", progress.stopping.worse,
         " worse ones and epoch ", progress.stopping.best_epoch, " as the best");
  const bool own_loss = fields.get<std::int64_t>("loss") < 0;  // which may be negative
  expect(own_loss || progress.stopping.best >= 0, "expected a best loss of at least 0, found ",
         progress.stopping.best);
  const auto rows = file.read<double>("history");
  for (std::size_t e = 0; e < epochs; ++e) {
    const double* row = rows.data() + e * history_columns;
    expect(row[5] == 0 || row[5] == 1, "history: expected 0 or 1 for the best epoch, found ",
           row[5]);
    progress.history.push_back({e + 1, row[0], row[1], row[2], row[3], row[4], 0, row[5] == 1});
  }
  return progress;
}

/// The rows of doubles whose names begin with `prefix`, without it.
[[nodiscard]] inline std::map<std::string, std::vector<double>> rows_of(const SafetensorsFile& file,
                                                                        std::string_view prefix) {
  std::map<std::string, std::vector<double>> rows;
  for (const TensorInfo& tensor : file.tensors())
    if (tensor.name.starts_with(prefix))
      rows[tensor.name.substr(prefix.size())] = file.read<double>(tensor.name);
  return rows;
}

/// Hands over a part of the state. Throws FileError if its owner does not take it.
template <class Restore>
void restore_rows(const SafetensorsFile& file, const char* what, Restore&& restore) {
  try {
    restore(rows_of(file, message(what, ".")));
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {
    throw FileError(message(file.path(), ": is no state of this ", what, ": ", error.what()));
  }
}

}  // namespace detail

/// Writes the state of a training between two epochs, for restore_training(). A resumed training
/// has the bytes of one that never stopped. The file contains no timestamps, so equal trainings
/// write equal bytes.
///
/// The file is a safetensors file, written beside `path` and renamed. It holds weight.*, best.*,
/// first.*, second.* (Adam's moments) and average.* for each parameter, observer.* for the
/// criterion, optimizer.* for an optimizer of one's own, and history [epochs x 6]. Its metadata
/// hold the options and the model's configuration. `about` is whatever else must be the same, in
/// the caller's words (for example a criterion's options). Own losses, optimizers and rate
/// schedules are compared only for being there: name them in `about`. Throws FileError if the file
/// cannot be written, and ConfigError within an epoch.
template <class Model, class Observer>
void save_training(const std::string& path, Trainer<Model>& trainer, const Observer& observer,
                   std::string_view about = {}) {
  detail::training_writer(trainer, observer, about).save(path);
}

/// Restores a trainer and its observer from a file that save_training() wrote.
///
/// Throws FileError for a file that is no such state, holds a weight or a moment that is not
/// finite, or contradicts itself, ShapeError if it belongs to another model, and ConfigError if it
/// was written with other options. The trainer is then unchanged, and so is an observer that
/// changes nothing when its restore() throws.
template <class Model, class Observer>
void restore_training(const SafetensorsFile& file, Trainer<Model>& trainer, Observer& observer,
                      std::string_view about = {}) {
  using Scalar = typename Model::Value;
  if (trainer.within_epoch())
    throw ConfigError("a training is restored between two epochs, not within one");
  const std::string& path = file.path();
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
  auto progress = detail::read_progress(file, found, trainer.options());

  std::vector<std::pair<std::span<Scalar>, std::vector<Scalar>>> tensors;
  for (std::size_t p = 0; p < weights.size(); ++p)
    for (const auto& [prefix, values] : detail::training_tensors(parts, p)) {
      const std::string name = message(prefix, weights[p].name);
      tensors.emplace_back(values, detail::read_finite<Scalar>(file, name));
      if (std::string_view(prefix) == "second.")
        for (const Scalar moment : tensors.back().second)
          if (moment < 0)
            throw FileError(
                message(path, ": ", name, ": expected means of squares, found ", moment));
    }
  if constexpr (requires { observer.state(); })
    detail::restore_rows(file, "observer", [&](const auto& rows) { observer.restore(rows); });
  if (parts.hooks.restore) detail::restore_rows(file, "optimizer", parts.hooks.restore);

  for (const auto& [to, values] : tensors) std::ranges::copy(values, to.begin());
  parts.optimizer.set_steps(progress.steps);
  parts.average.set_steps(progress.average_steps);
  parts.stopping = progress.stopping;
  parts.history = std::move(progress.history);
}
/// Restores from the file at `path`. Throws the errors above, and FileError if the file cannot be
/// read.
template <class Model, class Observer>
void restore_training(const std::string& path, Trainer<Model>& trainer, Observer& observer,
                      std::string_view about = {}) {
  restore_training(SafetensorsFile(path), trainer, observer, about);
}

}  // namespace spat
