// The shared groups of options on the command line.
#include "options.hpp"

#include <spat/core/text.hpp>
#include <spat/report/budget_text.hpp>

#include <CLI/CLI.hpp>

namespace tool {

namespace {

template <class Value>
CLI::Option* with_default(CLI::App& command, const char* name, Value& value, const char* help) {
  return command.add_option(name, value, help)->capture_default_str();
}

/// Parses `--set NAME=VALUE`.
Setting parse_setting(const std::string& text) {
  const std::size_t sign = text.find('=');
  if (sign == std::string::npos || sign == 0)
    throw spat::ConfigError(message("--set ", text, ": expected NAME=VALUE"));
  return {message("--set ", text), text.substr(0, sign), text.substr(sign + 1)};
}

/// Parses the value of --keep, such as "101". Throws ConfigError for another number of digits.
spat::ModuleMask parse_mask(const std::string& digits, std::size_t modules) {
  const auto mask = spat::parse_module_mask(digits, modules);
  if (!mask)
    throw spat::ConfigError(message("--keep: expected ", modules,
                                    " digits 0 or 1, one per module, found ",
                                    spat::in_quotes(digits)));
  return *mask;
}

}  // namespace

void ModelOptions::add_to(CLI::App& command) {
  const auto field = [&](const char* option, const char* of_model, const char* help) {
    command.add_option_function<std::size_t>(
        option,
        [this, option, of_model](std::size_t value) {
          settings.push_back({option, of_model, message(value)});
        },
        message(help, " [the model's own]"));
  };
  command
      .add_option("--features", features,
                  "M: forecast every channel from all; MS: the last one from all; S: the last one "
                  "from itself")
      ->capture_default_str();
  command.add_option("--model", name, message("Architecture: ", architecture_names()))
      ->capture_default_str();
  field("--lookback", "lookback", "Rows of history per forecast");
  field("--horizon", "horizon", "Rows to forecast");
  field("--layers", "depth", "Encoder layers");
  field("--width", "width", "Token width (d_model)");
  field("--ffn", "ffn_width", "Width of the feed-forward layer (d_ff)");
  field("--heads", "heads", "Attention heads; must divide the width");
  command.add_flag_function(
      "--no-instance-norm",
      [this](std::int64_t times) {  // less than 1 if it is =false
        if (times > 0) settings.push_back({"--no-instance-norm", "instance_norm", "false"});
      },
      "Do not normalize each window");
  command
      .add_option("--set", fields,
                  "Any other field of the model's configuration; `spat models MODEL` lists them")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
}

void ModelOptions::add_dropout_to(CLI::App& command) {
  with_default(command, "--dropout", dropout, "Dropout rate in training")->check(share(false));
}

Configuration ModelOptions::configuration() const {
  std::vector<Setting> all = settings;
  for (const std::string& one : fields) all.push_back(parse_setting(one));
  Configuration configuration = configured(architecture(name), all);
  if (spat::parse_features(features) == spat::Features::target_from_all &&
      !find(configuration, "targets"))
    throw spat::ConfigError(
        message("--features MS: ", name, " forecasts every channel; M and S are possible"));
  return configuration;
}

ModelOptions::Loaded ModelOptions::load(DataOptions options) const {
  Configuration configuration = this->configuration();
  const spat::WindowOptions window{.lookback = *find(configuration, "lookback"),
                                   .horizon = *find(configuration, "horizon"),
                                   .features = spat::parse_features(features)};
  if (!find(configuration, "marks")) {
    if (options.marks.value_or("none") != "none")
      throw spat::ConfigError(
          message("--marks ", *options.marks, ": ", name, " reads no time marks"));
    options.marks = "none";
  }
  Data data = tool::load(options, window, architecture(name).traits);
  set(configuration, "channels", data.training->channels());
  set(configuration, "marks", data.training->marks());
  set(configuration, "targets",
      window.features == spat::Features::target_from_all ? 1 : 0);  // 0: all channels
  return {&architecture(name), std::move(configuration), std::move(data)};
}

void TrainOptions::add_to(CLI::App& command) {
  with_default(command, "--epochs", training.epochs, "Maximum number of training epochs")
      ->check(at_least(1));
  with_default(command, "--batch", training.batch_size, "Windows per step")->check(at_least(1));
  with_default(command, "--rate", training.rate, "Initial learning rate")->check(positive());
  with_default(command, "--schedule", schedule,
               "Learning rate schedule: constant, type1, type3 or cosine");
  with_default(command, "--patience", training.patience,
               "Epochs without improvement before training stops; 0: never");
  with_default(command, "--clip", training.clip_norm, "Largest gradient norm; 0: no clipping")
      ->check(not_negative());
  command.add_flag("--drop-last", training.drop_last,
                   "Drop the last batch of an epoch if it is short");
  with_default(command, "--layer-drop", training.layer_drop,
               "LayerDrop: the probability that a step skips an attention module")
      ->check(share(false));
  with_default(
      command, "--averaging", averaging,
      "Validate and keep averaged weights: none, ema (moving average) or swa (plain mean)");
  with_default(command, "--average-decay", training.averaging.decay,
               "Decay of the moving average per step")
      ->check(share(false));
  with_default(command, "--average-from", training.averaging.first_epoch,
               "First epoch whose steps are averaged");
  with_default(command, "--seed", training.seed, "Seed of weights, shuffles and dropout");
  with_default(command, "--threads", threads, "Number of threads; results do not depend on it")
      ->check(at_least(1));
}

spat::TrainingOptions TrainOptions::options() const {
  spat::TrainingOptions options = training;
  options.schedule = spat::parse_rate_schedule(schedule);
  options.averaging.kind = spat::parse_averaging(averaging);
  options.check();
  return options;
}

void TuneOptions::add_to(CLI::App& command) {
  with_default(command, "--finetune-epochs", epochs, "Epochs of fine-tuning after pruning");
  with_default(command, "--finetune-patience", patience,
               "Epochs without improvement before fine-tuning stops; 0: never");
  command
      .add_option("--finetune-rate", rate,
                  "Constant learning rate of fine-tuning [an eighth of --rate]")
      ->check(positive());
  with_default(
      command, "--distill", distillation,
      "Distillation: weight of the dense model's forecast in the fine-tuning target, 0 to 1")
      ->check(share(true));
}

spat::TrainingOptions TuneOptions::options(const spat::TrainingOptions& training) const {
  spat::TrainingOptions options = training;
  options.epochs = std::max<std::size_t>(1, epochs);
  options.patience = patience;
  options.rate = rate.value_or(training.rate / 8);
  options.schedule = spat::RateSchedule::constant;
  options.averaging.first_epoch = 1;
  options.distillation = distillation;
  options.check();
  return options;
}

void CriterionChoice::add_to(CLI::App& command) {
  std::string names;
  for (const std::string& one : spat::criterion_names())
    names.append(names.empty() ? "" : ", ").append(one);
  with_default(command, "--criterion", name,
               message("Criterion that ranks the modules: ", names).c_str());
  with_default(command, "--send-variant", variant,
               "How SEND combines the samples of a step: signed_sum (literal) or absolute_mean")
      ->check(CLI::IsMember({"signed_sum", "absolute_mean"}));
  with_default(command, "--send-dynamics", dynamics,
               "How SEND combines steps: step_average or epoch")
      ->check(CLI::IsMember({"step_average", "epoch"}));
  with_default(command, "--loss-reduction", reduction,
               "Loss whose gradients are scored: mean or sum over its terms")
      ->check(CLI::IsMember({"mean", "sum"}));
  command.add_flag("--send-normalized", normalized,
                   "Divide SEND by the largest value that it can take");
}

spat::CriterionOptions CriterionChoice::options(std::uint64_t seed) const {
  return {.variant = variant == "signed_sum" ? spat::SendVariant::signed_sum
                                             : spat::SendVariant::absolute_mean,
          .dynamics =
              dynamics == "epoch" ? spat::SendDynamics::epoch : spat::SendDynamics::step_average,
          .reduction = reduction == "sum" ? spat::LossReduction::sum : spat::LossReduction::mean,
          .normalized = normalized,
          .seed = seed};
}

spat::AnyCriterion<float> CriterionChoice::make(std::uint64_t seed) const {
  return spat::make_criterion<float>(name, options(seed));
}

std::string CriterionChoice::text() const {
  std::string text = name;
  if (name == "send")
    text.append(", ").append(variant).append(dynamics == "epoch" ? ", of epochs" : "");
  if (normalized) text.append(", normalized");
  return text.append(reduction == "sum" ? ", loss summed" : "");
}

void BudgetChoice::add_to(CLI::App& command) {
  std::vector<CLI::Option*> all;
  const auto budget = [&](const char* name, auto& value, const char* help) {
    all.push_back(command.add_option(name, value, help));
    return all.back();
  };
  budget("--drop", drop, "Remove this many modules, lowest score first [1 if possible]");
  budget("--drop-ratio", drop_ratio, "Remove this share of the modules, 0 to 1");
  budget("--drop-below", drop_below, "Remove the modules whose score is below this");
  budget("--reduce-macs", reduce_macs,
         "Prune until the multiply-adds per forecast have fallen by this share: 0.35 is -35 %");
  budget("--reduce-parameters", reduce_parameters,
         "Prune until the parameters have fallen by this share");
  budget(
      "--latency-ms", latency_ms,
      "Prune until the measured median latency of one forecast is at most this many milliseconds");
  budget(
      "--loss-increase", loss_increase,
      "Prune while the validation loss plus its standard error rises by at most this share: 0.01 "
      "is +1 %");
  budget("--keep", keep,
         "Keep these modules and remove all others: one digit per module, 1 = kept, as shown by "
         "inspect")
      ->type_name("MASK");
  for (std::size_t i = 0; i < all.size(); ++i)
    for (std::size_t j = 0; j < i; ++j) all[i]->excludes(all[j]);
  with_default(command, "--when", when,
               "When to prune: one-shot (after training), iterative (one module at a time, with "
               "fine-tuning in between) or in-training (as soon as the ranking has settled)");
  with_default(command, "--latest-epoch", latest_epoch,
               "In-training prunes after this epoch at the latest; 0: half of the epochs");
  with_default(
      command, "--origins", origins,
      "Rolling origins of the validation loss: number of stretches of neighbouring windows")
      ->check(at_least(2));
}

std::optional<spat::ModuleMask> BudgetChoice::kept(std::size_t modules,
                                                   spat::ModuleMask guard) const {
  if (!keep) return {};
  const auto mask = parse_mask(*keep, modules);
  if (!spat::satisfies(mask, guard))
    throw spat::ConfigError(message(
        "--keep ", *keep, ": one of these modules has to stay: ", spat::module_numbers(guard)));
  return mask;
}

spat::Budget BudgetChoice::budget(const Architecture& model, std::size_t modules,
                                  spat::ModuleMask kept, spat::ModuleMask guard) const {
  const bool asks = drop.value_or(0) > 0 || drop_ratio.value_or(0) > 0 || drop_below ||
                    reduce_macs || reduce_parameters || latency_ms || loss_increase;
  if (modules == 0 && (asks || keep))
    throw spat::ConfigError(
        message(model.name, " has no modules to remove: leave out --drop and --keep"));
  if (!model.scored && asks)
    throw spat::ConfigError(message("no criterion scores the modules of ", model.name,
                                    ": choose which of its ", modules,
                                    " stay, with --keep MASK (one digit per module, 1 = kept)"));
  const spat::Budget budget = asked(model.scored && spat::most_removable(kept, guard) > 0 ? 1 : 0);
  if (keep) return budget;
  try {
    spat::check(budget, kept, guard);
  } catch (const spat::ConfigError& error) {
    throw spat::ConfigError(message(option(), ": ", error.what()));
  }
  return budget;
}

bool BudgetChoice::removes(std::size_t modules) const {
  if (keep) return *keep != std::string(modules, '1');
  return drop.value_or(1) > 0 && drop_ratio.value_or(1) > 0;
}

std::string BudgetChoice::option() const {
  if (drop_ratio) return message("--drop-ratio ", *drop_ratio);
  if (drop_below) return message("--drop-below ", *drop_below);
  if (reduce_macs) return message("--reduce-macs ", *reduce_macs);
  if (reduce_parameters) return message("--reduce-parameters ", *reduce_parameters);
  if (latency_ms) return message("--latency-ms ", *latency_ms);
  if (loss_increase) return message("--loss-increase ", *loss_increase);
  return message("--drop ", drop.value_or(1));
}

spat::Budget BudgetChoice::asked(std::size_t usual) const {
  if (drop_ratio) return spat::DropRatio{*drop_ratio};
  if (drop_below) return spat::DropBelow{*drop_below};
  if (reduce_macs) return spat::ReduceMacs{*reduce_macs};
  if (reduce_parameters) return spat::ReduceParameters{*reduce_parameters};
  if (latency_ms) return spat::LatencyAtMost{*latency_ms};
  if (loss_increase) return spat::LossAtMost{*loss_increase};
  return spat::DropLowest{drop.value_or(usual)};
}

std::string BudgetChoice::text() const {
  return keep ? message("modules ", *keep) : spat::to_text(asked(1));
}

}  // namespace tool
