// report. What a report says of the naive forecast and of filled cells, in words.
#pragma once

#include <spat/report/number_text.hpp>
#include <spat/report/pruning_report.hpp>

#include <string>

namespace spat::inline SPAT_ABI::detail {

/// "seasonal naive (season 24)", or "naive (last value)".
[[nodiscard]] inline std::string naive_name(std::size_t season) {
  return season > 1 ? message("seasonal naive (season ", season, ")") : "naive (last value)";
}

/// A sentence without a full stop if the report's model, the pruned one if there is one, does not
/// beat the naive forecast; empty otherwise.
[[nodiscard]] inline std::string naive_verdict(const PruningReport& report) {
  if (!report.naive) return {};
  const ReportRow& row = report.prunes() ? report.pruned : report.dense;
  if (row.mse < report.naive->mse) return {};
  return message(report.prunes() ? "The pruned model" : "The model", " does not beat the ",
                 naive_name(report.naive->season), " forecast: its test MSE is ", fixed(row.mse, 4),
                 ", that of the naive forecast ", fixed(report.naive->mse, 4));
}

/// How many cells have no number in the file; empty if all have.
[[nodiscard]] inline std::string filled_text(const PruningReport& report) {
  if (!(report.filled_share > 0)) return {};
  return message(formatted(100 * report.filled_share, std::chars_format::general, 3),
                 " % have no number in the file and count in no error");
}

}  // namespace spat::inline SPAT_ABI::detail
