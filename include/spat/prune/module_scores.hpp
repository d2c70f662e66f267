// prune. What a pruner needs of one module of a model: its name, its weights, its score and its
// bound.
#pragma once

#include <spat/autograd/parameters.hpp>
#include <spat/core/module_mask.hpp>
#include <spat/criteria/criterion.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI::detail {

/// The name of module i; empty if the model's modules have none.
template <class Model>
[[nodiscard]] std::string module_name(const Model& model, std::size_t i) {
  if constexpr (requires { std::string(model.module_name(i)); })
    return model.module_name(i);
  else
    return {};
}

/// Module i with its weights, which are found by its name.
template <class Model>
[[nodiscard]] ModuleEvent<typename Model::Value> module_event(const Model& model, std::size_t i) {
  ModuleEvent<typename Model::Value> event{i, model.form.modules(), {}};
  const std::string name = module_name(model, i), prefix = message(name, ".");
  if (name.empty()) return event;
  for (const auto& weight : parameters(model))
    if (weight.name.starts_with(prefix)) event.weights.push_back(weight);
  return event;
}

/// The score of a criterion that holds what module i gave; of weights as they are now.
template <class C, class Model>
[[nodiscard]] double score_of(const C& criterion, const Model& model, std::size_t i) {
  if constexpr (Hears<C, ModuleEvent<typename Model::Value>>) {
    C told = criterion;
    told.hear(module_event(model, i));
    return told.score();
  } else {
    return criterion.score();
  }
}

/// Divides each value by the bound of its module's criterion if the bounds of `kept` differ.
template <class C>
void divide_by_bounds(std::vector<double>& values, const std::vector<C>& criteria,
                      ModuleMask kept) {
  double lowest = 0, highest = 0;
  for (std::size_t i = 0; i < criteria.size(); ++i)
    if (const double limit = bound(criteria[i]); kept.keeps(i) && limit > 0) {
      lowest = lowest == 0 ? limit : std::min(lowest, limit);
      highest = std::max(highest, limit);
    }
  if (lowest == highest) return;
  for (std::size_t i = 0; i < values.size(); ++i)
    if (const double limit = bound(criteria[i]); limit > 0) values[i] /= limit;
}

}  // namespace spat::inline SPAT_ABI::detail
