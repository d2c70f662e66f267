// report. The pruning report as text: a table for a first look.
#pragma once

#include <spat/report/naive_text.hpp>
#include <spat/report/number_text.hpp>
#include <spat/report/pruning_report.hpp>
#include <spat/report/reference_text.hpp>
#include <spat/report/score_text.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// Appends the modules, their scores and what happened to them.
inline void append_modules(std::string& text, const PruningReport& report) {
  if (report.modules.empty()) return;
  std::size_t widest = 6;
  for (const ReportModule& module : report.modules)
    widest = std::max(widest, characters(module.name));
  const bool errors =
      std::ranges::any_of(report.modules, [](const auto& m) { return std::isfinite(m.error); });
  text.append(padded("module", widest + 2, true)).append(padded("score", 12));
  text.append(errors ? padded("std. error", 14) : "").append("\n");
  for (const ReportModule& module : report.modules) {
    text.append(padded(module.name, widest + 2, true))
        .append(padded(scientific(module.score, 4), 12));
    if (errors) text.append(padded(scientific(module.error, 1), 14));
    text.append("   ").append(fate(module)).append("\n");
  }
  for (const ReportTie& tie : report.ties) text.append(tie_text(tie)).append("\n");
  for (const OutOfOrder& pair : report.out_of_order)
    text.append(out_of_order_text(pair)).append("\n");
  if (const std::string epochs = epochs_text(report); !epochs.empty())
    text.append(epochs).append("\n");
}

/// Appends the table of dense and pruned, and which dense model is the reference, to which changes
/// are relative. Those before fine-tuning are relative to the dense model as trained.
inline void append_rows(std::string& text, const PruningReport& report) {
  const bool prunes = report.prunes();
  const ReportRow &a = report.dense, &b = report.pruned;
  const auto line = [&](const char* name, const std::string& dense, const std::string& tuned,
                        const std::string& pruned, const std::string& difference) {
    text.append(padded(name, 22, true)).append(padded(dense, 14));
    if (report.dense_tuned) text.append(padded(tuned, 14));
    if (prunes) text.append(padded(pruned, 14)).append(padded(difference, 11));
    text.append("\n");
  };
  const auto numbers = [&](const char* name, int decimals, const auto& of) {
    line(name, fixed(of(a), decimals),
         report.dense_tuned ? fixed(of(*report.dense_tuned), decimals) : "", fixed(of(b), decimals),
         change(of(report.reference_row()), of(b)));
  };
  line("", "dense", "fine-tuned", "pruned", "change");
  numbers("test MSE", 4, [](const ReportRow& r) { return r.mse; });
  numbers("test MAE", 4, [](const ReportRow& r) { return r.mae; });
  if (prunes && report.pruned_only)
    line("  before fine-tuning", "", "", fixed(report.pruned_only->mse, 4),
         change(a.mse, report.pruned_only->mse));
  if (report.naive) {
    const std::string season =
        report.naive->season > 1 ? message(", season ", report.naive->season) : "";
    line(("naive MSE" + season).c_str(), fixed(report.naive->mse, 4), "", "", "");
    line(("naive MAE" + season).c_str(), fixed(report.naive->mae, 4), "", "", "");
  }
  numbers("parameters", 0,
          [](const ReportRow& r) { return static_cast<double>(r.cost.parameters); });
  numbers("MACs per window", 0,
          [](const ReportRow& r) { return static_cast<double>(r.cost.macs); });
  line("latency ms, median", fixed(a.latency.median, 4), "", fixed(b.latency.median, 4),
       change(a.latency.median, b.latency.median));
  const auto spread = [](const Latency& l) {
    return message(fixed(l.p10, 4), "-", fixed(l.p90, 4));
  };
  line("  p10-p90", spread(a.latency), "", spread(b.latency), "");
  if (const std::string reference = reference_text(report); !reference.empty())
    text.append(reference).append("\n");
}

inline void append_zero_shot(std::string& text, const PruningReport& report) {
  if (report.zero_shot.empty()) return;
  std::size_t widest = 16;
  for (const ReportZeroShot& set : report.zero_shot)
    widest = std::max(widest, characters(set.name));
  text.append("\n").append(padded("zero-shot", widest + 2, true));
  for (const char* title :
       {"reference MSE", "pruned MSE", "change", "reference MAE", "pruned MAE", "change"})
    text.append(padded(title, 15));
  text.append("\n");
  for (const ReportZeroShot& set : report.zero_shot) {
    text.append(padded(set.name, widest + 2, true));
    for (const std::string& cell :
         {fixed(set.reference_mse, 4), fixed(set.pruned_mse, 4),
          change(set.reference_mse, set.pruned_mse), fixed(set.reference_mae, 4),
          fixed(set.pruned_mae, 4), change(set.reference_mae, set.pruned_mae)})
      text.append(padded(cell, 15));
    text.append("\n");
  }
  text.append("reference: ").append(reference_name(report)).append("\n");
}

}  // namespace detail

/// The report as text: what was done, the modules with their scores, dense and pruned side by side,
/// and other test sets.
[[nodiscard]] inline std::string to_text(const PruningReport& report) {
  std::string text;
  const auto fact = [&](const char* name, const std::string& value) {
    if (!value.empty()) text.append(padded(name, 11, true)).append(value).append("\n");
  };
  if (const std::string verdict = detail::naive_verdict(report); !verdict.empty())
    text.append(verdict).append(".\n\n");
  fact("model", report.model), fact("data", report.data), fact("scaled by", report.scaler);
  fact("cells", detail::filled_text(report));
  fact("criterion", report.criterion);
  fact("budget", report.budget), fact("schedule", report.schedule);
  if (!text.empty() && !report.modules.empty()) text.append("\n");
  detail::append_modules(text, report);
  for (const std::string& part : report.dead_parts)
    text.append("no longer reaches the forecast: ").append(part).append("\n");
  if (!text.empty()) text.append("\n");
  detail::append_rows(text, report);
  detail::append_zero_shot(text, report);
  return text;
}

}  // namespace spat
