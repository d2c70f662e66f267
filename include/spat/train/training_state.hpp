// train. The file from which a training goes on: weights, moments, best weights, early stopping,
// observer, seed.
#pragma once

#include <spat/io/fields.hpp>
#include <spat/io/safetensors.hpp>
#include <spat/models/checkpoint.hpp>
#include <spat/train/trainer.hpp>

#include <string_view>

namespace spat::inline SPAT_ABI {

/// No times are in it: the same training writes the same bytes. Saves and restores a Trainer
/// between two epochs; a resumed training has the bytes of one that never stopped.
///
/// One safetensors file, written beside and renamed: weight.*, best.*, first.*, second.* (Adam's
/// moments), average.* for each parameter, observer.* for the criterion, history [epochs x 5], and
/// options and the model's configuration in the metadata; `about` is what else has to be the same,
/// in the words of who saves it (a criterion's options). Throws FileError for a file that is not
/// such a state, ShapeError for another model's, ConfigError if it was written under other options;
/// then observer and trainer are as they were, unless a tensor's type is wrong.
template <class Model>
struct TrainingState {
  using Scalar = typename Model::Value;

  template <class Observer>
  static void save(const std::string& path, Trainer<Model>& trainer, const Observer& observer,
                   std::string_view about = {}) {
    SafetensorsWriter writer;
    for (std::size_t p = 0; p < trainer.weights_.size(); ++p) {
      const auto& weight = trainer.weights_[p];
      for (const auto& [name, values] : tensors(trainer, p))
        writer.add(message(name, weight.name), {values.size()}, std::span<const Scalar>(values));
    }
    if constexpr (requires { observer.state(); })
      for (const auto& [name, values] : observer.state())
        writer.add(message("observer.", name), {values.size()}, std::span<const double>(values));
    std::vector<double> history;
    for (const EpochRecord& e : trainer.history_)
      history.insert(history.end(), {e.rate, e.training_loss, e.validation_mse, e.validation_mae,
                                     e.best ? 1.0 : 0.0});
    writer.add("history", {trainer.history_.size(), columns}, std::span<const double>(history));
    writer.add(
        "best_loss", {1},
        std::span<const double>(&trainer.stopping_.best, 1));  // infinite before the first epoch
    Fields written = fields(trainer);
    written.set("about", std::string(about));
    writer.set_metadata(key, to_json(written));
    if constexpr (described)
      writer.set_metadata(config_key, to_json(config_fields(trainer.model_)));
    writer.save(path);
  }

  template <class Observer>
  static void restore(const std::string& path, Trainer<Model>& trainer, Observer& observer,
                      std::string_view about = {}) {
    const SafetensorsFile file(path);
    const Fields found = fields_from_json(file.metadata(key), path);
    const Fields expected = fields(trainer);
    for (const char* option : {"seed", "batch_size", "epochs", "schedule", "drop_last", "patience",
                               "averaging", "average_from"})
      if (found.get<std::int64_t>(option) != expected.get<std::int64_t>(option))
        differs(path, option);
    for (const char* option :
         {"rate", "clip_norm", "dropout", "layer_drop", "average_decay", "distillation"})
      if (found.get<double>(option) != expected.get<double>(option)) differs(path, option);
    if (const auto before = found.get<std::string>("about"); before != about)
      throw ConfigError(message(path, ": was written by a training of \"", before,
                                "\", this one is of \"", about, "\""));
    for (std::size_t p = 0; p < trainer.weights_.size(); ++p)
      for (const auto& [name, values] : tensors(trainer, p))
        file.expect_shape(message(name, trainer.weights_[p].name), {values.size()});
    const auto weights = std::ranges::count_if(
        file.tensors(), [](const TensorInfo& t) { return t.name.starts_with("weight."); });
    if (static_cast<std::size_t>(weights) != trainer.weights_.size())
      throw ShapeError(
          message(path, ": expected ", trainer.weights_.size(), " weights, found ", weights));
    if constexpr (described) {  // what no tensor's shape tells
      const Fields config = config_fields(trainer.model_),
                   written = fields_from_json(file.metadata(config_key), path);
      for (const auto& [name, value] : config)
        if (const Field* const other = written.find(name); !other || *other != value)
          differs(path, name.c_str());
    }
    const auto& shape = file.at("history").shape;
    const std::size_t epochs = shape.empty() ? 0 : shape[0];
    file.expect_shape("history", {epochs, columns});
    file.expect_shape("best_loss", {1});

    if constexpr (requires { observer.state(); }) {
      std::map<std::string, std::vector<double>> state;
      for (const TensorInfo& tensor : file.tensors())
        if (tensor.name.starts_with("observer."))
          state[tensor.name.substr(9)] = file.read<double>(tensor.name);
      try {
        observer.restore(state);
      } catch (const std::out_of_range&) {
        throw FileError(message(path, ": the state of the observer is missing or incomplete"));
      }
    }
    const auto history = file.read<double>("history");
    for (std::size_t p = 0; p < trainer.weights_.size(); ++p)
      for (const auto& [name, values] : tensors(trainer, p))
        file.read_into(message(name, trainer.weights_[p].name), values);
    trainer.adam_.set_steps(found.get<std::uint64_t>("step"));
    trainer.average_.set_steps(found.get<std::uint64_t>("average_steps"));
    trainer.stopping_.worse = found.get<std::size_t>("worse");
    trainer.stopping_.best_epoch = found.get<std::size_t>("best_epoch");
    trainer.history_.clear();
    for (std::size_t e = 0; e < epochs; ++e) {
      const double* row = history.data() + e * columns;
      trainer.history_.push_back({e + 1, row[0], row[1], row[2], row[3], 0, row[4] != 0});
    }
    trainer.stopping_.best = file.read<double>("best_loss")[0];
    pack_weights(trainer.weights_, Purpose::training);
  }

 private:
  static constexpr const char* key = "spat.training";
  static constexpr std::size_t columns = 5;
  static constexpr bool described = requires { typename Model::Config; };

  static std::array<std::pair<const char*, std::span<Scalar>>, 5> tensors(Trainer<Model>& trainer,
                                                                          std::size_t p) {
    return {{{"weight.", trainer.weights_[p].values},
             {"best.", trainer.best_[p]},
             {"first.", trainer.adam_.first_moment(p)},
             {"second.", trainer.adam_.second_moment(p)},
             {"average.", trainer.average_.average(p)}}};
  }
  static Fields fields(const Trainer<Model>& trainer) {
    const TrainingOptions& options = trainer.options_;
    Fields fields;
    fields.set("seed", options.seed), fields.set("batch_size", options.batch_size),
        fields.set("epochs", options.epochs);
    fields.set("schedule", static_cast<int>(options.schedule)),
        fields.set("drop_last", int{options.drop_last});
    fields.set("patience", options.patience), fields.set("rate", options.rate),
        fields.set("clip_norm", options.clip_norm);
    fields.set("dropout", trainer.model_.dropout()), fields.set("layer_drop", options.layer_drop);
    fields.set("averaging", static_cast<int>(options.averaging.kind));
    fields.set("average_decay", options.averaging.decay),
        fields.set("average_from", options.averaging.first_epoch);
    fields.set("average_steps", trainer.average_.steps()),
        fields.set("distillation", options.distillation);
    fields.set("step", trainer.adam_.steps()), fields.set("worse", trainer.stopping_.worse);
    fields.set("best_epoch", trainer.stopping_.best_epoch);
    return fields;
  }
  [[noreturn]] static void differs(const std::string& path, const char* option) {
    throw ConfigError(
        message(path, ": was written with another ", option, " than this training has"));
  }
};

}  // namespace spat
