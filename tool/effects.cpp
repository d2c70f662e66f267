// Which options have an effect with which others.
#include "effects.hpp"

#include "run.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>

namespace tool {

void expect_effects(const CLI::App& command, const std::vector<Effect>& effects) {
  for (const Effect& effect : effects)
    if (!effect.holds && command.get_option_no_throw(effect.option) != nullptr &&
        command.count(effect.option) > 0)
      throw spat::ConfigError(message(effect.option, " has no effect without ", effect.needs));
}

std::vector<Effect> TrainOptions::effects() const {
  return {
      {"--average-decay", averaging == "ema", "--averaging ema"},
      {"--average-from", averaging != "none" && training.averaging.first_epoch <= training.epochs,
       "--averaging ema or swa, and as many epochs"}};
}

std::vector<Effect> TuneOptions::effects() const {
  const bool tunes = epochs > 0;
  const char* const needs = "--finetune-epochs of at least 1";
  return {{"--finetune-patience", tunes, needs},
          {"--finetune-rate", tunes, needs},
          {"--distill", tunes, needs}};
}

std::vector<Effect> CriterionChoice::effects() const {
  const bool send = name == "send";
  constexpr std::array of_gradients{"send", "gate", "head_importance", "fisher", "taylor2", "snip"};
  return {{"--send-variant", send, "--criterion send"},
          {"--send-dynamics", send, "--criterion send"},
          {"--send-normalized", send, "--criterion send"},
          {"--loss-reduction", std::ranges::find(of_gradients, name) != of_gradients.end(),
           "a criterion of gradients (send, gate, head_importance, fisher, taylor2, snip)"}};
}

std::vector<Effect> BudgetChoice::effects() const {
  return {{"--latest-epoch", when == "in-training", "--when in-training"},
          {"--origins", loss_increase.has_value(), "--loss-increase"}};
}

void PruneJob::expect_effects(const CLI::App& command, const Architecture& model,
                              std::size_t modules) const {
  std::vector<Effect> effects{
      {"--search-method", searches, "--search"},
      {"--beam-width",
       searches && (search_method == "beam" || (search_method == "automatic" &&
                                                modules > spat::SearchOptions{}.most_exhaustive)),
       "--search by a beam"}};
  for (const auto& more : {criterion.effects(), budget.effects(), tune.effects()})
    effects.insert(effects.end(), more.begin(), more.end());
  const auto all = [&](bool holds, const std::string& needs,
                       std::initializer_list<const char*> options) {
    for (const char* option : options) effects.push_back({option, holds, needs});
  };
  const bool run = command.get_name() == "run", early = budget.when == "in-training",
             can_remove = modules > 0 && (model.scored || budget.keep),
             removes = can_remove && budget.removes(modules);
  const std::string none = message("modules, and ", model.name, " has no modules to remove");
  all(modules > 0, none, {"--drop", "--drop-ratio"});
  all(model.scored,
      message("scores, and no criterion scores the modules of ", model.name,
              ": --keep MASK chooses among them"),
      {"--drop", "--drop-ratio", "--criterion", "--send-variant", "--send-dynamics",
       "--send-normalized", "--loss-reduction", "--when", "--scores-of", "--scoring-batches"});
  const std::string nothing =
      modules == 0 ? none : "modules that are removed: see --drop and --keep";
  all(removes, nothing,
      {"--finetune-epochs", "--finetune-patience", "--finetune-rate", "--distill", "--search",
       "--latest-epoch"});
  all(!(run && early), "another --when: in-training removes modules during the training",
      {"--finetune-epochs", "--finetune-patience", "--finetune-rate"});
  constexpr std::array deaf{"drop_first", "drop_last", "drop_every_other",
                            "random",     "magnitude", "leave_one_out"};
  const bool hears = model.scored && modules > 0 && (run || !budget.keep) &&
                     std::ranges::find(deaf, criterion.name) == deaf.end();
  all(hears,
      message("a criterion that hears batches, and ", criterion.name,
              budget.keep ? " hears none with --keep" : " hears none"),
      {"--scores-of", "--scoring-batches"});
  if (!run) {
    all(hears, "a budget that scores decide on",
        {"--send-variant", "--send-dynamics", "--send-normalized", "--loss-reduction"});
    const bool tunes = removes && tune.epochs > 0;
    all(hears || tunes, "fine-tuning or scores", {"--batch", "--seed", "--window-stride"});
    all(tunes && !tune.rate, "fine-tuning whose rate it decides", {"--rate"});
  }
  tool::expect_effects(command, effects);
}

}  // namespace tool
