// spat import: makes a model file of a PyTorch checkpoint.
#include "import.hpp"

#include "options.hpp"

#include <spat/models/checkpoint.hpp>
#include <spat/models/import/import_plan.hpp>
#include <spat/models/import/open_checkpoint.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace tool {

namespace {

struct ImportRequest {
  ImportJob job;
  ModelOptions model;
  DataOptions data;
  std::string map, scaler_from;
  std::optional<std::string> prefix;
  bool no_scaler = false, allow_unused = false, narrow = false;
  bool has_features = false, has_dropout = false;
};

/// The option that sets a field of the configuration.
std::string option_of(const std::string& field) {
  for (const auto& [name, option] : {std::pair{"lookback", "--lookback"},
                                     {"horizon", "--horizon"},
                                     {"depth", "--layers"},
                                     {"width", "--width"},
                                     {"ffn_width", "--ffn"},
                                     {"heads", "--heads"}})
    if (field == name) return option;
  return message("--set ", field, "=");
}

/// The sizes that the user gives.
std::map<std::string, spat::GivenSize> given_sizes(const ModelOptions& options) {
  Configuration configuration = options.configuration();
  std::map<std::string, spat::GivenSize> given;
  const auto give = [&](const std::string& field, const std::string& option) {
    given[field] = {*find(configuration, field), option};
  };
  for (const Setting& one : options.settings)
    give(one.field,
         one.option.starts_with("--no-") ? one.option : message(one.option, " ", one.value));
  for (const std::string& one : options.fields)
    give(one.substr(0, one.find('=')), message("--set ", one));
  return given;
}

/// Throws ConfigError, with all options that are needed, if any is.
void expect_all(const ImportRequest& o, const spat::ImportPlan& plan) {
  std::string missing;
  const auto need = [&](const std::string& option, const std::string& hint) {
    missing.append(missing.empty() ? "" : "; ")
        .append(option)
        .append(" (")
        .append(hint)
        .append(")");
  };
  for (const spat::AskedSize& one : plan.asked)
    need(message(option_of(one.field), option_of(one.field).ends_with('=') ? "N" : " N"), one.hint);
  if (o.data.path.empty() && !o.data.synthetic && o.scaler_from.empty())
    need("--data FILE",
         "the training data, on whose training part the scaler is fitted, or "
         "--scaler-from MODEL, a model file that has it");
  if (!missing.empty())
    throw spat::ConfigError(
        message(o.job.checkpoint, " does not say all that a model file holds; add ", missing));
}

/// Prints what import found.
void show(const ImportRequest& o, const Architecture& model, const spat::SafetensorsFile& file,
          const spat::ImportPlan& plan, const Configuration& configuration) {
  using Source = spat::ImportSizes::Known::Source;
  if (!o.data.quiet) {
    std::printf("tensors    %zu of %zu in %s are those of %s%s\n", plan.names.size(),
                file.tensors().size(), o.job.checkpoint.c_str(), model.name,
                plan.prefix.empty()
                    ? ""
                    : message(", under the prefix ", spat::in_quotes(plan.prefix)).c_str());
    std::string shapes, others;
    for (const Field& field : configuration) {
      const auto known = plan.sizes.find(field.name);
      const bool by_shape = known != plan.sizes.end() && known->second.source == Source::shape;
      if (by_shape) {
        shapes.append(shapes.empty() ? "" : ", ").append(text(field));
        continue;
      }
      const std::string from =
          known == plan.sizes.end()
              ? (field.name == "marks" ? "by --marks and the data, no shape says it" : "the data")
          : known->second.source == Source::assumed ? message("assumed, ", known->second.from)
                                                    : known->second.from;
      others.append(others.empty() ? "" : ", ").append(message(text(field), " (", from, ")"));
    }
    std::printf("by shapes  %s\n", shapes.c_str());
    std::printf("otherwise  %s\n", others.c_str());
    if (!plan.unused.empty())
      std::printf("not read   %zu tensors that no forecast needs: %s%s\n", plan.unused.size(),
                  plan.unused.front().c_str(), plan.unused.size() > 1 ? ", ..." : "");
  }
  if (!plan.unknown.empty())
    say(message("warning: ", o.job.checkpoint, ": ", model.name, " does not know ",
                plan.unknown.size(), " tensors, which are not read: ",
                spat::in_quotes(plan.unknown.front()), plan.unknown.size() > 1 ? ", ..." : ""));
  if (plan.kept != spat::ModuleMask::first(plan.modules))
    say(message("note: ", o.job.checkpoint,
                " has no tensors of some modules, which count as "
                "pruned: ",
                spat::to_string(plan.kept, plan.modules), " (1 = kept)"));
}

/// The features that the model was trained for, as far as its shapes say them.
spat::Features features_of(const ImportRequest& o, const spat::ImportPlan& plan) {
  const auto targets = plan.size("targets");
  if (!o.has_features)
    return targets == std::size_t{1} ? spat::Features::target_from_all : spat::Features::all;
  const spat::Features features = spat::parse_features(o.model.features);
  if (targets && *targets != 1 && features != spat::Features::all)
    throw spat::ConfigError(message("--features ", o.model.features, ": ", o.job.checkpoint,
                                    " forecasts ", *targets, " channels"));
  return features;
}

/// The description of the data that the user names.
spat::DataDescription describe(const ImportRequest& o, const spat::ImportPlan& plan,
                               bool model_reads_marks, const ModelTraits& traits) {
  const spat::WindowOptions window{.lookback = *plan.size("lookback"),
                                   .horizon = *plan.size("horizon"),
                                   .features = features_of(o, plan)};
  DataOptions options = o.data;
  if (!model_reads_marks && options.marks.value_or("none") != "none")
    throw spat::ConfigError(
        message("--marks ", *options.marks, ": ", o.model.name, " reads no time marks"));
  if (!model_reads_marks || (!plan.reads_marks && !options.marks)) options.marks = "none";
  spat::DataDescription found;
  if (o.scaler_from.empty()) {
    found = load(options, window, traits).description;
    if (o.no_scaler) {
      const std::size_t count = found.scaler.channels();
      found.scaler =
          spat::StandardScaler(std::vector<double>(count, 0.0), std::vector<double>(count, 1.0));
    }
    return found;
  }
  found = spat::load_data_description(spat::SafetensorsFile(o.scaler_from));
  if (o.has_features && found.window.features != window.features)
    throw spat::ConfigError(message("--features ", o.model.features, ": ", o.scaler_from, " has ",
                                    spat::name_of(spat::feature_choices, found.window.features)));
  const auto marks = found.window.marks;
  const auto features = found.window.features;
  const bool skips = found.window.skip_filled;
  found.window = window;
  found.window.features = o.has_features || plan.size("targets") ? window.features : features;
  found.window.skip_filled = skips;
  if (model_reads_marks && plan.reads_marks) found.window.marks = marks;
  return found;
}

/// Sets the sizes that the data say. Throws ConfigError, with both numbers, if the checkpoint has
/// others.
void take_data_sizes(Configuration& configuration, const ImportRequest& o,
                     const spat::ImportPlan& plan, const spat::DataDescription& data) {
  const std::string& from = o.scaler_from.empty() ? o.data.origin() : o.scaler_from;
  const std::size_t channels = data.alone ? 1 : data.names.size(),
                    marks = data.window.marks ? spat::mark_count(*data.window.marks) : 0;
  const auto expect = [&](const char* field, const char* what, std::size_t found,
                          const char* advice) {
    const auto size = plan.size(field);
    if (size && *size != found)
      throw spat::ConfigError(message(o.job.checkpoint, " has ", *size, " ", what, " (",
                                      plan.sizes.at(field).from, "), ", from, " has ", found, ": ",
                                      advice));
    set(configuration, field, found);
  };
  expect("channels", "channels", channels, "--columns or --ignore chooses columns");
  expect("marks", "time marks", marks, "--marks has to be that of the training");
  if (const auto targets = plan.size("targets")) {
    if (data.window.features == spat::Features::all && *targets != channels)
      throw spat::ConfigError(message(o.job.checkpoint, " forecasts ", *targets, " channels (",
                                      plan.sizes.at("targets").from, "), ", from, " has ", channels,
                                      ": --columns or --ignore chooses columns, --features MS is "
                                      "for the last one from all"));
    if (data.window.features == spat::Features::target && channels != 1)
      throw spat::ConfigError(message(from, ": --features S reads one column, found ", channels));
    set(configuration, "targets", data.window.features == spat::Features::target_from_all ? 1 : 0);
  }
}

void import_file(ImportRequest o, const CLI::App& command) {
  const Architecture& model = architecture(o.model.name);
  const bool with_data = o.scaler_from.empty();
  std::vector<Effect> effects{{"--no-scaler", with_data, "--data"},
                              {"--dropout", model.traits.has_dropout, "a model with dropout"}};
  for (const char* const option :
       {"--protocol", "--marks", "--frequency", "--missing", "--missing-code", "--long",
        "--separator", "--decimal", "--thousands", "--time-column", "--date-format", "--columns",
        "--ignore", "--header", "--no-header", "--strict-times", "--target"})
    effects.push_back({option, with_data, "--data"});
  expect_effects(command, effects);
  o.job.narrowing = o.narrow ? spat::Narrowing::allowed : spat::Narrowing::refused;
  spat::ImportOptions options{
      .sizes = given_sizes(o.model), .prefix = o.prefix, .allow_unused = o.allow_unused};
  if (!o.map.empty()) options.map = spat::NameMap::read(o.map);
  const spat::SafetensorsFile file = spat::open_checkpoint(o.job.checkpoint);
  if (file.metadata().contains(spat::model_key))
    throw spat::ConfigError(
        message(o.job.checkpoint, " is a model file of spat already; there is nothing to import"));
  const spat::ImportPlan plan = model.plan_import(file, options);
  expect_all(o, plan);

  Configuration configuration = model.configuration();
  for (Field& field : configuration)
    if (const auto size = plan.size(field.name)) field.value = *size;
  const spat::DataDescription data =
      describe(o, plan, find(configuration, "marks") != nullptr, model.traits);
  take_data_sizes(configuration, o, plan, data);
  o.job.dropout = !model.traits.has_dropout ? 0
                  : o.has_dropout           ? o.model.dropout
                                            : plan.dropout.value_or(o.model.dropout);
  show(o, model, file, plan, configuration);
  if (!plan.reads_marks && !o.no_scaler && with_data)
    say(message("note: ", o.job.checkpoint,
                " is a file of neuralforecast, which scales series "
                "only if it is told to; --no-scaler leaves the "
                "numbers as they are"));
  model.import_checkpoint(o.job, file, plan, configuration, data);
  if (!o.data.quiet) std::printf("wrote      %s\n", o.job.out.c_str());
}

}  // namespace

Command add_import(CLI::App& app) {
  const auto all = std::make_shared<ImportRequest>();
  CLI::App& command = *app.add_subcommand("import", "Make a model file of a PyTorch checkpoint");
  command
      .add_option("checkpoint", all->job.checkpoint,
                  "File of PyTorch (.pth, .pt, .ckpt) or of safetensors")
      ->required();
  all->model.add_to(command);
  all->model.add_dropout_to(command);
  command.get_option("--model")->required();
  command.add_option("--out", all->job.out, "Model file to write")->required();
  command.add_option("--map", all->map,
                     "File of lines \"name in the checkpoint = name in the model\"; a name that "
                     "ends with a point stands for all that begin with it");
  command.add_option("--prefix", all->prefix,
                     "What stands before the names in the checkpoint [found by looking]");
  command.add_flag("--narrow", all->narrow, "Round tensors of 64-bit numbers to 32 bits");
  command.add_flag("--allow-unused", all->allow_unused,
                   "Leave tensors of the checkpoint unread that the model does not know");
  all->data.add_series_to(command);
  all->data.add_values_to(command);
  all->data.add_columns_to(command);
  all->data.add_parts_to(command);
  all->data.add_quiet_to(command, /*with_progress*/ false);
  command
      .add_option("--scaler-from", all->scaler_from,
                  "Model file whose scaler and whose description of the data the model gets")
      ->excludes(command.get_option("--data"))
      ->excludes(command.get_option("--synthetic"));
  command.add_flag("--no-scaler", all->no_scaler,
                   "The model was trained on numbers as they are in the file of --data");
  return [all, &command] {
    ImportRequest request = *all;
    request.has_features = command.count("--features") > 0;
    request.has_dropout = command.count("--dropout") > 0;
    import_file(std::move(request), command);
  };
}

}  // namespace tool
