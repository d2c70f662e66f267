// The errors of a model on the test windows beside those of the naive forecast, for commands that
// print them.
#pragma once

#include "data.hpp"

#include <spat/report/pruning_report.hpp>
#include <spat/train/metrics.hpp>

namespace tool {

/// The errors as a report of one model, which knows what to say of them.
spat::PruningReport test_report(const Data& data, const spat::Metrics& errors);

/// Prints that the model does not beat the naive forecast, if it does not.
void print_verdict(const spat::PruningReport& report);
/// Prints the errors of the naive forecast, the scaler, and the share of filled cells.
void print_footnotes(const spat::PruningReport& report);

}  // namespace tool
