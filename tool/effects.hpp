// Refuses options that have no effect.
#pragma once

#include "tool.hpp"

#include <vector>

namespace tool {

/// An option that has an effect only with another one, or only for some models.
struct Effect {
  const char* option;
  bool holds;         // whether it has one here
  std::string needs;  // what it needs, as in "--search"
};

/// Throws ConfigError for the first of these options that was given and has no effect.
void expect_effects(const CLI::App& command, const std::vector<Effect>& effects);

}  // namespace tool
