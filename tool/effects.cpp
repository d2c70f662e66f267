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
      {"--beam-width", searches && (search_method == "beam" || search_method == "automatic"),
       "--search by a beam"}};
  for (const auto& more : {criterion.effects(), budget.effects(), tune.effects()})
    effects.insert(effects.end(), more.begin(), more.end());
  const auto all = [&](bool holds, const std::string& needs,
                       std::initializer_list<const char*> options) {
    for (const char* option : options) effects.push_back({option, holds, needs});
  };
  all(model.scored && modules > 0, message("modules to score, and ", model.name, " has none"),
      {"--criterion", "--send-variant", "--send-dynamics", "--send-normalized", "--loss-reduction",
       "--when", "--scores-of", "--scoring-batches"});
  all(modules > 0, message("modules to remove, and ", model.name, " has none"),
      {"--finetune-epochs", "--finetune-patience", "--finetune-rate", "--distill", "--search"});
  constexpr std::array deaf{"drop_first", "drop_last", "drop_every_other",
                            "random",     "magnitude", "leave_one_out"};
  all(std::ranges::find(deaf, criterion.name) == deaf.end(),
      message("a criterion that hears batches, and ", criterion.name, " hears none"),
      {"--scores-of", "--scoring-batches"});
  all(!budget.keep, "a budget, and --keep fixes the modules", {"--scoring-batches"});
  tool::expect_effects(command, effects);
}

}  // namespace tool
