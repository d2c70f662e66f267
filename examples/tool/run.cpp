// spat run: the main job's options, and what of it does not depend on the model's type.
#include "run.hpp"

#include <spat/io/atomic_file.hpp>
#include <spat/report/json_report.hpp>
#include <spat/report/text_report.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <filesystem>

namespace tool {

spat::SendOptions send_options(const RunOptions& o) {
  return {.variant = o.variant == "signed_sum" ? spat::SendVariant::signed_sum : spat::SendVariant::absolute_mean,
          .dynamics = o.dynamics == "epoch" ? spat::SendDynamics::epoch : spat::SendDynamics::step_average};
}

namespace {

/// "101" of --keep.
spat::ModuleMask<> parse_mask(const std::string& digits, std::size_t modules) {
  if (digits.size() != modules || digits.find_first_not_of("01") != std::string::npos)
    throw spat::ConfigError(
        message("--keep: expected ", modules, " digits 0 or 1, one a module, found ", spat::detail::in_quotes(digits)));
  spat::ModuleMask<> mask;
  for (std::size_t i = 0; i < modules; ++i) mask.bits |= std::uint64_t{digits[i] == '1'} << i;
  return mask;
}

/// `--set NAME=VALUE` as a setting.
Setting parse_setting(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0) throw spat::ConfigError(message("--set ", text, ": expected NAME=VALUE"));
  return {message("--set ", text), text.substr(0, sign), text.substr(sign + 1)};
}

void run(RunOptions o) {
  const Architecture& model = architecture(o.model);
  Configuration configuration = configured(model, o.settings);
  const spat::WindowOptions window{.lookback = *find(configuration, "lookback"),
                                   .horizon = *find(configuration, "horizon"),
                                   .features = spat::parse_features(o.features)};
  if (window.features == spat::Features::target_from_all && !find(configuration, "targets"))
    throw spat::ConfigError(message("--features MS: ", o.model, " forecasts every channel; M and S are possible"));
  if (!find(configuration, "marks")) o.data.marks = "none";
  const Data data = load(o.data, window);
  set(configuration, "channels", data.training->channels());
  set(configuration, "marks", data.training->marks());
  set(configuration, "targets", window.features == spat::Features::target_from_all ? 1 : 0);  // 0: all channels
  model.run(o, configuration, data);
}

}  // namespace

Pruning pruning_of(const RunOptions& o, const Architecture& model, std::size_t modules, spat::ModuleMask<> guard) {
  const auto all = spat::ModuleMask<>::first(modules);
  const bool by_score = o.drop.value_or(0) > 0 || o.drop_ratio.value_or(0) > 0 || o.drop_below.has_value();
  if (modules == 0 && (by_score || o.keep))
    throw spat::ConfigError(message(model.name, " has no modules to remove: leave out --drop and --keep"));
  if (o.keep) {
    const auto mask = parse_mask(*o.keep, modules);
    if (guard.bits && (guard.bits & mask.bits) == 0)
      throw spat::ConfigError(message(
          "--keep ", *o.keep, ": one of these modules has to stay: ", spat::detail::numbers_of(guard, modules)));
    return {mask, {}};
  }
  if (!model.scored && by_score)
    throw spat::ConfigError(message("nothing scores the modules of ", model.name, ": say which of its ", modules,
                                    " stay, with --keep MASK (a digit a module, 1 = kept)"));
  if (!model.scored) return {all, {}};
  Pruning pruning;
  if (o.drop_ratio)
    pruning.budget = spat::DropRatio{*o.drop_ratio};
  else if (o.drop_below)
    pruning.budget = spat::DropBelow{*o.drop_below};
  else
    pruning.budget = spat::DropLowest{o.drop.value_or(modules > (guard.bits ? 1 : 0) ? 1 : 0)};
  (void)spat::choose(all, std::vector<double>(modules, 1.0), pruning.budget, guard);
  return pruning;
}

void make_folder(const RunOptions& o) {
  std::error_code problem;
  std::filesystem::create_directories(o.out, problem);
  if (problem) throw spat::FileError(message(o.out, ": ", problem.message()));
}

void finish(const RunOptions& o, const spat::PruningReport& report) {
  spat::write_file(o.out + "/report.json", spat::to_json(report));
  std::printf("%s\nwritten: %s/report.json, dense.safetensors%s\n", spat::to_text(report).c_str(), o.out.c_str(),
              report.prunes() ? ", pruned.safetensors" : "");
}

Command add_run(CLI::App& app, const std::string& command_line) {
  const auto options = std::make_shared<RunOptions>();
  const auto fields = std::make_shared<std::vector<std::string>>();
  RunOptions& o = *options;
  o.command_line = command_line;
  CLI::App& command = *app.add_subcommand("run", "Train, score, prune, fine-tune and report");
  const auto size = [&](const char* name, auto& value, const char* help) {
    command.add_option(name, value, help)->capture_default_str();
  };
  const auto field = [&](const char* name, const char* of_model, const char* help) {
    command.add_option_function<std::size_t>(
        name,
        [&o, name, of_model](std::size_t value) {
          o.settings.push_back({name, of_model, message(value)});
        },
        message(help, " [the model's own]"));
  };
  o.data.add_to(command);
  command
      .add_option("--features", o.features,
                  "M: every channel is forecast from all; MS: the last one from all; S: the last one from itself")
      ->capture_default_str();
  size("--out", o.out, "Folder for report.json, dense.safetensors, pruned.safetensors, training.safetensors");
  command.add_option("--model", o.model, message("Architecture: ", architecture_names()))->capture_default_str();
  field("--lookback", "lookback", "Rows a forecast looks at");
  field("--horizon", "horizon", "Rows it forecasts");
  field("--layers", "depth", "Encoder layers");
  field("--width", "width", "Width of a token (d_model)");
  field("--ffn", "ffn_width", "Width of the feed-forward layer (d_ff)");
  field("--heads", "heads", "Attention heads; must divide the width");
  command.add_flag_function(
      "--no-instance-norm",
      [&o](std::int64_t) {
        o.settings.push_back({"--no-instance-norm", "instance_norm", "false"});
      },
      "Without normalization of each window");
  command.add_option("--set", *fields, "Any other field of the model's configuration; `spat models MODEL` lists them")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  size("--dropout", o.dropout, "Dropout rate while training");
  size("--epochs", o.training.epochs, "Most epochs of training");
  size("--batch", o.training.batch_size, "Windows a step");
  size("--rate", o.training.rate, "Initial learning rate");
  command.add_option("--schedule", o.schedule, "Learning rate by epoch: constant, type1, type3, cosine")
      ->capture_default_str();
  size("--patience", o.training.patience, "Epochs without improvement before training stops; 0: never");
  size("--clip", o.training.clip_norm, "Largest gradient norm; 0: no clipping");
  command.add_flag("--drop-last", o.training.drop_last, "Leave out the last, short batch of an epoch");
  size("--seed", o.training.seed, "Seed of weights, shuffles and dropout");
  size("--threads", o.threads, "Workers; results do not depend on it");
  command.add_option("--send-variant", o.variant, "Samples of a step: signed_sum (literal) or absolute_mean")
      ->check(CLI::IsMember({"signed_sum", "absolute_mean"}))
      ->capture_default_str();
  command.add_option("--send-dynamics", o.dynamics, "SEND over time: step_average or epoch")
      ->check(CLI::IsMember({"step_average", "epoch"}))
      ->capture_default_str();
  auto* count = command.add_option("--drop", o.drop, "Remove this many modules, lowest SEND first [1, if it can be]");
  auto* ratio = command.add_option("--drop-ratio", o.drop_ratio, "Or this share of them, 0 to 1")->excludes(count);
  auto* below = command.add_option("--drop-below", o.drop_below, "Or those whose SEND is below this")
                    ->excludes(count)
                    ->excludes(ratio);
  command.add_option("--keep", o.keep, "Or all but these: a digit a module, 1 = kept, as inspect shows them")
      ->type_name("MASK")
      ->excludes(count)
      ->excludes(ratio)
      ->excludes(below);
  size("--finetune-epochs", o.fine_tune_epochs, "Epochs of fine-tuning after pruning");
  command.add_option("--finetune-rate", o.fine_tune_rate, "Its constant learning rate [an eighth of --rate]");
  command.add_flag("--resume", o.resume, "Go on from training.safetensors in the output folder");
  size("--stop-after", o.stop_after, "Stop after this many epochs, to --resume later; 0: when training is done");
  size("--latency-seconds", o.latency_seconds, "How long the latency of a forecast is measured");
  command.add_flag("--quiet", o.quiet, "No progress");
  return [options, fields] {
    RunOptions o = *options;
    for (const std::string& one : *fields) o.settings.push_back(parse_setting(one));
    o.training.schedule = spat::parse_schedule(o.schedule);
    if (!(o.dropout >= 0 && o.dropout < 1)) throw spat::ConfigError("--dropout must lie in [0, 1)");
    if (o.threads == 0) throw spat::ConfigError("--threads must be at least 1");
    run(std::move(o));
  };
}

}  // namespace tool
