// prune. The scores of all modules after each epoch.
#pragma once

#include <spat/prune/state_rows.hpp>

namespace spat::inline SPAT_ABI::detail {

/// Scores and their standard errors, [epoch][module]. A row of errors is empty if the criterion has
/// no scores of steps.
struct ScoreTrajectory {
  std::vector<std::vector<double>> scores = {}, errors = {};

  void add(std::vector<double> now, std::vector<double> their_errors) {
    scores.push_back(std::move(now));
    errors.push_back(std::move(their_errors));
  }
  /// Adds the rows of a state.
  void save(StateRows::Map& state) const {
    for (std::size_t e = 0; e < scores.size(); ++e) {
      state["trajectory." + std::to_string(e)] = scores[e];
      state["errors." + std::to_string(e)] = errors[e];
    }
  }
  /// Reads them. Throws ConfigError, with the row, what was expected and what was found.
  [[nodiscard]] static ScoreTrajectory of(const StateRows& state, std::size_t epochs,
                                          std::size_t modules) {
    ScoreTrajectory found;
    for (std::size_t e = 0; e < epochs; ++e) {
      const std::string errors_row = "errors." + std::to_string(e);
      const bool has_errors = !state.row(errors_row).empty();
      found.add(state.row("trajectory." + std::to_string(e), modules),
                state.row(errors_row, has_errors ? modules : 0));
    }
    return found;
  }
};

}  // namespace spat::inline SPAT_ABI::detail
