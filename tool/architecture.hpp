// The interface of a model to the commands, which do not know its type. Each file in models/
// registers one.
#pragma once

#include "data.hpp"

#include <spat/export/graph.hpp>
#include <spat/io/weight_type.hpp>
#include <spat/models/config.hpp>
#include <spat/models/cost.hpp>
#include <spat/models/forecast.hpp>
#include <spat/models/import/import_plan.hpp>
#include <spat/train/backtest.hpp>
#include <spat/train/conformal.hpp>

#include <map>
#include <type_traits>

namespace tool {

struct RunOptions;
struct PruneOptions;
struct CompareOptions;
struct BacktestJob;
struct UpdateOptions;
struct ImportJob;

/// One member of a model's configuration: a number, or 0 and 1 of a flag.
struct Field {
  std::string name;
  std::size_t value = 0;
  bool flag = false;
};
/// A model's configuration as a list of fields.
using Configuration = std::vector<Field>;

/// The fields of a configuration struct.
template <class Config>
Configuration configuration_of(const Config& config) {
  Configuration fields;
  spat::for_each_field(config, [&]<class Value>(const char* name, const Value& value) {
    fields.push_back({name, static_cast<std::size_t>(value), std::is_same_v<Value, bool>});
  });
  return fields;
}

/// The configuration struct with these fields, which are those of configuration_of(Config{}).
template <class Config>
Config config_of(const Configuration& configuration) {
  Config config;
  auto field = configuration.begin();
  spat::for_each_field(config, [&]<class Value>(const char*, Value& value) {
    value = static_cast<Value>(field++->value);
  });
  return config;
}

/// The value that one option gives to one field. `option` is the option as the user wrote it.
struct Setting {
  std::string option, field, value;
};

/// The cost of a configuration. `share` is its modules' share of the multiply-adds.
struct Summary {
  spat::Cost cost;
  std::size_t modules = 0;
  double share = 0;
};

/// The contents of a model file besides its tensors.
struct Inspection {
  Configuration configuration;
  double dropout = 0;
  spat::Cost cost;
  spat::ModuleMask kept;
  std::vector<std::string> modules, dead_parts;
};

/// The options of `spat latency`.
struct LatencyOptions {
  std::size_t batch = 1, threads = 1;
  double seconds = 0.5;  // per mask
};
/// The cost and the median latency of a mask.
struct MaskLatency {
  std::string mask;
  spat::Cost cost;
  double milliseconds = 0;
};

/// Two columns of the table of models: the paper, and what remains without attention.
struct Texts {
  const char *source, *without_attention;
};

/// A model, as functions that hide its type.
struct Architecture {
  const char* name;
  Texts texts;
  bool scored;  // criteria score its modules
  ModelTraits traits;
  Configuration (*configuration)();  // its fields with their defaults
  Summary (*summary)(const Configuration&);
  void (*run)(const RunOptions&, const Configuration&, const Data&,
              const std::vector<Data>& others);
  void (*compare)(const CompareOptions&, const Configuration&, const Data&,
                  const std::vector<Data>& others);
  std::vector<MaskLatency> (*latency)(const LatencyOptions&, const Configuration&, const Data&);
  void (*prune)(const PruneOptions&, const Data&, const std::vector<Data>& others);
  spat::Metrics (*evaluate)(const std::string& file, const spat::WindowDataset<float>&,
                            std::size_t threads);
  std::vector<spat::Coverage> (*coverage)(const std::string& file, const spat::ConformalIntervals&,
                                          const spat::WindowDataset<float>&, std::size_t threads);
  /// The forecast of each series.
  std::vector<spat::Series> (*forecast)(const std::string& file, const Data&,
                                        const spat::KnownFuture&);
  /// The backtest of all series together.
  spat::Backtest (*backtest)(const std::string& file, const BacktestJob&, const Data&);
  void (*update)(const UpdateOptions&, const Data&);
  Inspection (*inspect)(const std::string& file);
  /// The forecasts of a batch of windows, in scaled units.
  std::vector<float> (*forecast_windows)(const std::string& file, const spat::WindowBatch<float>&);
  /// The forecast as a graph, in the file's units, or in scaled ones. Throws ConfigError for a
  /// model that has none.
  spat::ForecastGraph (*graph)(const std::string& file, const spat::DataDescription&, bool scaled);
  /// Writes the model with weights of another type.
  void (*convert)(const std::string& file, const std::string& out, spat::WeightType);
  /// The model as one C++ header, whose code is in namespace `name`.
  std::string (*header)(const std::string& file, const std::string& name, bool scaled);
  /// What a foreign checkpoint says of the model.
  spat::ImportPlan (*plan_import)(const spat::SafetensorsFile&, const spat::ImportOptions&);
  /// Reads a checkpoint by its plan, and writes a model file.
  void (*import_checkpoint)(const ImportJob&, const spat::SafetensorsFile&, const spat::ImportPlan&,
                            const Configuration&, const spat::DataDescription&);
};

/// All architectures by name. Each file in models/ adds its own before main().
const std::map<std::string, Architecture>& architectures();
/// Adds an architecture to the table.
void add(const Architecture& architecture);
/// The names of all architectures: "crossformer, itransformer, ...".
std::string architecture_names();
/// The architecture of this name. Throws ConfigError, with all names, for an unknown one.
const Architecture& architecture(const std::string& name);

/// The value of a field; null if the model has no field of that name.
std::size_t* find(Configuration& configuration, const std::string& name);
/// Sets a field if the model has it.
void set(Configuration& configuration, const std::string& name, std::size_t value);
/// Whether the field's value comes from the data: channels, marks, targets.
bool comes_from_data(const std::string& field);
/// Formats a field as "patch = 16".
std::string text(const Field& field);

/// The model's defaults with these settings. Throws ConfigError, with the option, for an unknown
/// field, a field that comes from the data, a field that is already set, or an invalid value.
Configuration configured(const Architecture& architecture, const std::vector<Setting>& settings);

}  // namespace tool
