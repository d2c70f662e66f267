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
  return {{"--average-decay", averaging == "ema", "--averaging ema"},
          {"--average-from", averaging != "none", "--averaging ema or swa"}};
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
  const std::string scores = message("modules to score, and ", model.name, " has none"),
                    any = message("modules to remove, and ", model.name, " has none");
  for (const char* option :
       {"--criterion", "--send-variant", "--send-dynamics", "--send-normalized", "--loss-reduction",
        "--when", "--scores-of", "--scoring-batches"})
    effects.push_back({option, model.scored && modules > 0, scores});
  for (const char* option : {"--finetune-epochs", "--finetune-patience", "--finetune-rate",
                             "--distill", "--search", "--search-method", "--beam-width"})
    effects.push_back({option, modules > 0, any});
  tool::expect_effects(command, effects);
}

}  // namespace tool
