// What the commands ask of a model without knowing its type. Each model fills one in, by its file
// in models/.
#pragma once

#include "data.hpp"

#include <spat/models/config.hpp>
#include <spat/models/cost.hpp>
#include <spat/train/evaluate.hpp>

#include <map>
#include <type_traits>

namespace tool {

struct RunOptions;
struct PruneOptions;
struct CompareOptions;

/// One member of a model's configuration: a number, or 0 and 1 of a flag.
struct Field {
  std::string name;
  std::size_t value = 0;
  bool flag = false;
};
using Configuration = std::vector<Field>;

template <class Config>
Configuration configuration_of(const Config& config) {
  Configuration fields;
  spat::for_each_field(config, [&]<class Value>(const char* name, const Value& value) {
    fields.push_back({name, static_cast<std::size_t>(value), std::is_same_v<Value, bool>});
  });
  return fields;
}

/// `configuration` has the fields of configuration_of(Config{}).
template <class Config>
Config config_of(const Configuration& configuration) {
  Config config;
  auto field = configuration.begin();
  spat::for_each_field(config, [&]<class Value>(const char*, Value& value) {
    value = static_cast<Value>(field++->value);
  });
  return config;
}

/// What one option says of one field; `option` is how the user wrote it.
struct Setting {
  std::string option, field, value;
};

/// What a configuration costs, and `share` of its multiply-adds are gone with all its modules.
struct Summary {
  spat::Cost cost;
  std::size_t modules = 0;
  double share = 0;
};

/// What is in a model file beside its tensors.
struct Inspection {
  Configuration configuration;
  double dropout = 0;
  spat::Cost cost;
  spat::ModuleMask kept;
  std::vector<std::string> modules, dead_parts;
};

struct LatencyOptions {
  std::size_t batch = 1, threads = 1;
  double seconds = 0.5;  // a mask
};
struct MaskLatency {
  std::string mask;
  spat::Cost cost;
  double milliseconds = 0;
};

/// What the table of models says of one in words: the paper, and what is left without attention.
struct Texts {
  const char *source, *without_attention;
};

struct Architecture {
  const char* name;
  Texts texts;
  bool scored;                       // a criterion hears of its modules
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
  spat::Series (*forecast)(const std::string& file, const spat::DataDescription&,
                           const spat::Series&);
  Inspection (*inspect)(const std::string& file);
};

/// All there are, by name: each object file of models/ adds its own before main().
const std::map<std::string, Architecture>& architectures();
void add(const Architecture& architecture);
/// "crossformer, itransformer, ...".
std::string architecture_names();
/// Throws ConfigError, with the names there are, for another.
const Architecture& architecture(const std::string& name);

/// The value of a field; null where the model has none of that name.
std::size_t* find(Configuration& configuration, const std::string& name);
/// Sets a field, where the model has it.
void set(Configuration& configuration, const std::string& name, std::size_t value);
/// Whether the data says what its value is: channels, marks, targets.
bool comes_from_data(const std::string& field);
/// "patch = 16".
std::string text(const Field& field);

/// The model's defaults with these settings. Throws ConfigError, with the option, for a field that
/// the model does not have, that comes from the data or was set before, and for a value that it
/// cannot have.
Configuration configured(const Architecture& architecture, const std::vector<Setting>& settings);

}  // namespace tool
