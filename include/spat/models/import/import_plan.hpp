// models. The plan of an import: which tensor of a foreign checkpoint is which of a model's, and
// the model's sizes, before any number is read.
#pragma once

#include <spat/models/checkpoint.hpp>
#include <spat/models/import/rules.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spat::inline SPAT_ABI {

/// What the user says of a checkpoint.
struct ImportOptions {
  std::map<std::string, GivenSize> sizes = {};  // by field of the configuration
  NameMap map = {};
  std::optional<std::string> prefix = {};  // none: found by looking
  bool allow_unused = false;               // tensors that the model does not know
};

/// What import found in a checkpoint before any number was read.
struct ImportPlan {
  std::string prefix = {};                               // before the names in the file
  std::map<std::string, std::string> names = {};         // of tensors: ours, theirs
  std::map<std::string, ImportSizes::Known> sizes = {};  // by field
  std::vector<AskedSize> asked = {};                     // sizes that nothing says
  ModuleMask kept = {};                                  // modules whose tensors the file has
  std::size_t modules = 0;
  std::vector<std::string> unused = {};   // expected to be there and not to be read
  std::vector<std::string> unknown = {};  // read by another model, perhaps; with allow_unused
  bool reads_marks = true;  // false if the library that wrote the file gives models no time marks
  std::optional<double> dropout = {};  // as recorded

  [[nodiscard]] std::optional<std::size_t> size(const std::string& field) const {
    const auto found = sizes.find(field);
    return found == sizes.end() ? std::nullopt : std::optional(found->second.value);
  }
  /// Throws ConfigError, with all of them, if sizes have to be asked for.
  void expect_complete(const std::string& path) const {
    if (asked.empty()) return;
    std::string text;
    for (const AskedSize& one : asked)
      text.append(text.empty() ? "" : "; ").append(one.field).append(": ").append(one.hint);
    throw ConfigError(message(path, " does not say all sizes. Missing: ", text));
  }
};

namespace detail {

/// A name of a model's tensor, and whether the model computes it.
struct ImportName {
  std::string name;
  bool constant = false;
};

/// The smallest configuration whose tensors have the names of `structure`, which sets depths and
/// whether Crossformer merges.
template <class Config>
[[nodiscard]] Config skeleton(const ImportSizes* structure) {
  Config config;
  for_each_field(config, [&]<class Value>(std::string_view field, Value& value) {
    if constexpr (std::is_same_v<Value, std::size_t>) {
      const bool counts = field == "depth" || field == "decoder_depth" || field == "window";
      if (field == "marks")
        value = value > 0 ? 1 : 0;
      else if (field == "targets" || field == "label")
        value = 0;
      else if (counts)
        value = structure ? structure->value(std::string(field)).value_or(1) : 1;
      else
        value = field == "lookback" ? 2 : 1;
      if (field == "window") value = value > 1 ? 2 : 1;
    }
  });
  if constexpr (requires { config.kernel; }) config.kernel = 1;
  return config;
}

template <class Model>
[[nodiscard]] std::vector<ImportName> names_of(const typename Model::Config& config) {
  const Model model({config});
  std::vector<ImportName> names;
  for (const auto& parameter : parameters(model))
    names.push_back({parameter.name, parameter.kind == ParameterKind::constant});
  return names;
}

/// Whether a tensor is what trainings keep beside a model.
[[nodiscard]] inline bool belongs_to_training(std::string_view name) {
  constexpr auto begins = std::to_array<std::string_view>(
      {"optimizer", "optimizers", "optim", "lr_schedulers", "scheduler", "loops", "callbacks",
       "grad_scaler", "amp", "loss", "train_loss", "valid_loss", "criterion"});
  const std::string_view first = name.substr(0, name.find('.'));
  return first.starts_with("optimizer_state") || std::ranges::find(begins, first) != begins.end();
}

/// Throws FileError, with the nearest names in the file and their shapes, for missing tensors.
inline void refuse_missing(const NamedTensors& tensors, const std::string& model, std::size_t all,
                           const std::vector<std::string>& missing,
                           const std::vector<const TensorInfo*>& free) {
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(missing.size(), 5); ++i) {
    text.append(i ? "; " : "").append(in_quotes(missing[i]));
    const auto* const closest =
        nearest(message(tensors.prefix(), missing[i]), free,
                [](const TensorInfo* one) -> std::string_view { return one->name; });
    if (closest)
      text.append(message(" (nearest: ", in_quotes((*closest)->name), " ",
                          shape_text((*closest)->shape), ")"));
  }
  if (missing.size() > 5) text.append(message(" and ", missing.size() - 5, " more"));
  if (!tensors.prefix().empty())
    text.append(message(". The others are under the prefix ", in_quotes(tensors.prefix())));
  const auto skipped = tensors.file().metadata().find("torch.skipped");
  if (skipped != tensors.file().metadata().end())
    text.append(
        message(". Left out of the file: ", skipped->second.substr(0, skipped->second.find('\n'))));
  throw FileError(message(tensors.file().path(), ": ", missing.size(), " of the ", all,
                          " tensors of ", model, " are missing: ", text));
}

/// The modules whose tensors are in the file; sets `missing` to what else is not.
template <class Model>
[[nodiscard]] ModuleMask found_modules(const NamedTensors& tensors,
                                       const typename Model::Config& config,
                                       const std::vector<ImportName>& names,
                                       std::vector<std::string>& missing) {
  std::set<std::string> lacking;
  for (const ImportName& one : names)
    if (!one.constant && !tensors.find(one.name)) lacking.insert(one.name);
  ModuleMask kept = ModuleMask::first(config.modules());
  if (lacking.empty()) return kept;
  for (std::size_t i = 0; i < config.modules(); ++i) {
    std::set<std::string> left;
    for (const ImportName& one :
         names_of<Model>(keeping(config, ModuleMask::first(config.modules()).without(i))))
      left.insert(one.name);
    std::vector<std::string> own;
    for (const ImportName& one : names)
      if (!one.constant && !left.contains(one.name)) own.push_back(one.name);
    if (own.empty() ||
        !std::ranges::all_of(own, [&](const std::string& name) { return lacking.contains(name); }))
      continue;
    kept = kept.without(i);
    for (const std::string& name : own) lacking.erase(name);
  }
  for (const ImportName& one : names)
    if (lacking.contains(one.name)) missing.push_back(one.name);
  return kept;
}

/// Throws ConfigError for a line of the map whose right side the model does not have.
inline void check_ours(const NamedTensors& tensors, const std::string& model,
                       const std::vector<ImportName>& names) {
  for (const NameMap::Line& line : tensors.map().lines) {
    const bool known = std::ranges::any_of(names, [&](const ImportName& one) {
      return line.is_prefix() ? one.name.starts_with(line.ours) : one.name == line.ours;
    });
    if (known) continue;
    const auto* const closest = nearest(
        line.ours, names, [](const ImportName& one) -> std::string_view { return one.name; });
    throw ConfigError(
        message(tensors.map().place(line), model, " has no tensor ",
                line.is_prefix() ? "under " : "", in_quotes(line.ours),
                closest ? message("; nearest: ", in_quotes(closest->name)) : std::string()));
  }
}

}  // namespace detail

/// Looks for the tensors and the sizes of a model in a file. Modules of which the file has no
/// tensor are pruned, if it has all others. Throws FileError for missing tensors, ConfigError for
/// tensors that the model does not know and for options that contradict the file, and ShapeError
/// for tensors of other dimensions.
template <class Model>
[[nodiscard]] ImportPlan plan_import(const SafetensorsFile& file, const ImportOptions& options) {
  using Config = typename Model::Config;
  static_assert(!Model::Form::is_static, "spat: import makes a model of the dynamic form");
  const ImportRule& rule = import_rule(Model::name);
  const std::string title = Config::title;
  std::vector<std::string> of_one_layer;
  for (const auto& one : detail::names_of<Model>(detail::skeleton<Config>(nullptr)))
    of_one_layer.push_back(one.name);
  const NamedTensors tensors(file, title, of_one_layer, rule.aliases, options.map, options.prefix);

  ImportSizes sizes(tensors, options.sizes);
  rule.sizes(sizes);
  sizes.expect_record("scaler_type", {"identity", "none", "null"});
  const auto structure = detail::skeleton<Config>(&sizes);
  check_rules(structure);
  const auto names = detail::names_of<Model>(structure);
  detail::check_ours(tensors, title, names);

  ImportPlan plan{.prefix = tensors.prefix()};
  plan.sizes = sizes.known(), plan.asked = sizes.asked(), plan.modules = structure.modules();
  plan.reads_marks = !sizes.records().of_neuralforecast();
  if (const auto rate = sizes.records().text_of("dropout"))
    if (const auto number = parse_number<double>(rate->value);
        number && *number >= 0 && *number < 1)
      plan.dropout = number;
  std::set<std::string_view> used;
  for (const auto& one : names)
    if (const TensorInfo* const tensor = tensors.find(one.name)) {
      plan.names[one.name] = tensor->name;
      if (!used.insert(tensor->name).second)
        throw ConfigError(message(file.path(), ": tensor ", in_quotes(tensor->name),
                                  " would be two tensors of ", title));
    }
  std::vector<const TensorInfo*> free;
  for (const TensorInfo& tensor : file.tensors())
    if (!used.contains(tensor.name)) free.push_back(&tensor);
  std::vector<std::string> missing;
  plan.kept = detail::found_modules<Model>(tensors, structure, names, missing);
  if (!missing.empty()) detail::refuse_missing(tensors, title, names.size(), missing, free);
  for (const TensorInfo* const tensor : free) {
    const bool dead = std::ranges::any_of(rule.dead, [&](std::string_view piece) {
      return tensor->name.find(piece) != std::string::npos;
    });
    const bool expected = dead || !tensors.is_inside(tensor->name) ||
                          detail::belongs_to_training(tensor->name) ||
                          tensor->name.ends_with("num_batches_tracked") ||
                          tensor->name.ends_with("position_embedding.pe");
    (expected ? plan.unused : plan.unknown).push_back(tensor->name);
  }
  if (!plan.unknown.empty() && !options.allow_unused) {
    const auto* const first = file.find(plan.unknown.front());
    throw ConfigError(message(
        file.path(), ": ", title, " does not know ", plan.unknown.size(),
        " of its tensors, such as ", in_quotes(first->name), " ", shape_text(first->shape),
        ": another variant of the model may forecast other numbers; --allow-unused leaves them "
        "unread"));
  }
  return plan;
}

}  // namespace spat
