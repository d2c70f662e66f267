// export. What a C++ header says of a model.
#pragma once

#include <spat/data/data_description.hpp>
#include <spat/export/cpp/constant_forecaster.hpp>
#include <spat/export/cpp/cpp_text.hpp>
#include <spat/models/concepts.hpp>
#include <spat/models/config.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// How to write a model as a C++ header.
struct CppHeaderOptions {
  std::string name = {};  // of the namespace
  bool scaled = false;    // without the scaler: history and forecast are in scaled units
};

/// The most numbers of a model in a C++ header: compilers need about 200 bytes of memory and two
/// microseconds for each.
inline constexpr std::size_t most_header_numbers = 16'000'000;

/// A model as its C++ header has it.
struct CppModel {
  std::string name = {};   // the namespace
  std::string file = {};   // the model's name in files, as "patchtst", and of its header
  std::string type = {};   // the model's template, as "PatchTST"
  std::string title = {};  // the model's name in words
  std::vector<std::string> configuration = {};  // ".channels = 7", ...: all but the kept modules
  ModuleMask kept = {};
  std::size_t modules = 0;
  std::size_t lookback = 0, horizon = 0, channels = 0, targets = 0;
  std::size_t history_marks = 0, future_marks = 0;  // per row; 0: the forecast reads none
  bool scaled = false;
  std::vector<std::string> columns = {};          // [channels]
  std::vector<double> mean = {}, deviation = {};  // [channels]; empty if scaled
  DataDescription data = {};
  std::vector<std::uint64_t> weights = {};  // weight_words()
  std::uint64_t digest = 0;                 // tensor_digest()
};

namespace detail {

/// The templates of the library's models by their names in files. A configuration has the name of
/// its template with Config behind it.
struct CppTemplate {
  std::string_view name, type;
};
inline constexpr std::array<CppTemplate, 10> cpp_templates{
    {{"crossformer", "Crossformer"},
     {"dlinear", "DLinear"},
     {"itransformer", "ITransformer"},
     {"patchtst", "PatchTST"},
     {"patchtst_official", "OfficialPatchTST"},
     {"rlinear", "RLinear"},
     {"smamba", "SMamba"},
     {"timexer", "TimeXer"},
     {"transformer", "Transformer"},
     {"tsmixer", "TSMixer"}}};

[[nodiscard]] inline std::string_view cpp_template(std::string_view model) {
  for (const CppTemplate& one : cpp_templates)
    if (one.name == model) return one.type;
  throw ConfigError(
      message("model ", in_quotes(model), ": a C++ header is made of the library's models only"));
}

/// Takes the columns and the scaler of the channels that the model reads.
inline void take_columns(CppModel& model, const DataDescription& data) {
  model.data = data;
  if (data.alone) {  // a model of one channel for each series of a long table
    if (!model.scaled)
      throw ConfigError(
          "the model forecasts each series of a long table alone, by the scaler of the series: "
          "--scaled leaves the scaler out");
    model.columns = {data.long_columns ? data.long_columns->value : "value"};
    return;
  }
  const std::size_t found = data.names.size(), inputs = data.window.inputs(found);
  if (found == 0 || inputs != model.channels || data.scaler.channels() != found)
    throw ShapeError(message("the model has ", model.channels, " channels, its data ", inputs,
                             " and a scaler of ", data.scaler.channels()));
  const auto take_last = [&](const auto& from, auto& to) {
    to.assign(from.end() - static_cast<std::ptrdiff_t>(inputs), from.end());
  };
  take_last(data.names, model.columns);
  if (model.scaled) return;
  take_last(data.scaler.mean(), model.mean);
  take_last(data.scaler.deviation(), model.deviation);
}

}  // namespace detail

/// What a C++ header says of a model that was trained on `data`. Throws ConfigError for a name that
/// cannot name a namespace, for a model that is not the library's or that has more than
/// most_header_numbers, and for one that forecasts each series of a long table alone, unless it is
/// scaled. Throws ShapeError for data of other channels.
template <class Model>
[[nodiscard]] CppModel cpp_model(const Model& model, const DataDescription& data,
                                 const CppHeaderOptions& options) {
  static_assert(std::same_as<typename Model::Value, float>, "spat: a C++ header holds floats");
  expect_cpp_name(options.name);
  const auto list = parameters(model);
  std::size_t numbers = 0;
  for (const auto& parameter : list) numbers += parameter.values.size();
  if (numbers > most_header_numbers)
    throw ConfigError(message("a C++ header holds at most ", most_header_numbers,
                              " numbers, which compilers can read; the model has ", numbers));
  const auto& config = model.config();
  CppModel found{.name = options.name,
                 .file = Model::name,
                 .type = std::string(detail::cpp_template(Model::name)),
                 .title = Model::Config::title,
                 .kept = model.form.kept(),
                 .modules = model.form.modules(),
                 .lookback = config.lookback,
                 .horizon = config.horizon,
                 .channels = config.channels,
                 .targets = model.target_channels(config.channels),
                 .scaled = options.scaled,
                 .weights = weight_words(list),
                 .digest = tensor_digest(list)};
  for_each_field(config, [&]<class Value>(const char* name, const Value& value) {
    if constexpr (std::same_as<Value, bool>)
      found.configuration.push_back(message(".", name, value ? " = true" : " = false"));
    else
      found.configuration.push_back(message(".", name, " = ", value));
  });
  if constexpr (requires { config.marks; }) {
    const auto dead = model.dead_parts();
    const auto is_dead = [&](const char* part) {
      return std::ranges::find(dead, part) != dead.end();
    };
    if (!is_dead("time marks") && !is_dead("time marks of the history"))
      found.history_marks = config.marks;
    if constexpr (requires { Model::needs_marks; }) found.future_marks = config.marks;
  }
  detail::take_columns(found, data);
  return found;
}

}  // namespace spat
