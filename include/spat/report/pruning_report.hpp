// report. What a pruning did, before and after: as a text table and as JSON.
#pragma once

#include <spat/prune/cost.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

/// One model's row. Errors on the test windows in scaled units; MACs of one window's forecast; latency at batch 1.
struct ReportRow {
  double mse = 0, mae = 0;
  Cost cost;
  Latency latency;
};

struct ReportModule {
  std::string name;
  double send = 0;  // NaN: nothing scores it
  bool kept = true;
};

/// Everything a reader needs to judge a pruning, and to repeat it; of a model that loses nothing, the dense row alone.
struct PruningReport {
  std::uint64_t seed = 0;
  std::string command = {};
  ReportRow dense = {}, pruned_only = {}, pruned = {};  // pruned_only: before fine-tuning; cost and latency as pruned
  std::vector<ReportModule> modules = {};
  std::vector<std::vector<double>> trajectory = {};  // [epoch][module]
  std::vector<std::string> dead_parts = {};          // of the pruned model: what no longer reaches the forecast

  [[nodiscard]] bool prunes() const {
    return std::ranges::any_of(modules, [](const ReportModule& module) { return !module.kept; });
  }
};

namespace detail {

[[nodiscard]] inline std::string formatted(const char* format, double value) {
  char text[64];
  return std::string(text, static_cast<std::size_t>(std::snprintf(text, sizeof text, format, value)));
}
[[nodiscard]] inline std::string padded(std::string text, std::size_t width, bool left = false) {
  const std::string blanks(text.size() < width ? width - text.size() : 0, ' ');
  return left ? text.append(blanks) : detail::message(blanks, text);
}
/// "-35.3 %", "+0.4 %"; "-" where there is nothing to compare with.
[[nodiscard]] inline std::string change(double before, double after) {
  return before == 0 ? "-" : formatted("%+.1f %%", 100 * (after / before - 1));
}
/// A number that is not finite has no JSON form.
[[nodiscard]] inline nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json();
}

}  // namespace detail

/// The table people look at first: modules with their scores, then dense beside pruned.
[[nodiscard]] inline std::string to_text(const PruningReport& report) {
  using detail::change, detail::formatted, detail::padded;
  std::string text;
  std::size_t widest = 6;
  for (const ReportModule& module : report.modules) widest = std::max(widest, module.name.size());
  if (!report.modules.empty()) text.append(padded("module", widest + 2, true)).append(padded("SEND", 12)).append("\n");
  for (const ReportModule& module : report.modules)
    text.append(padded(module.name, widest + 2, true))
        .append(padded(std::isfinite(module.send) ? formatted("%.4e", module.send) : "-", 12))
        .append(module.kept ? "   kept\n" : "   removed\n");
  for (const std::string& part : report.dead_parts)
    text.append("no longer reaches the forecast: ").append(part).append("\n");
  if (!text.empty()) text.append("\n");
  const bool prunes = report.prunes();
  const auto line = [&](const char* name, const std::string& a, const std::string& b, const std::string& c) {
    text.append(padded(name, 22, true)).append(padded(a, 14));
    if (prunes) text.append(padded(b, 14)).append(padded(c, 11));
    text.append("\n");
  };
  const ReportRow &a = report.dense, &b = report.pruned;
  line("", "dense", "pruned", "change");
  line("test MSE", formatted("%.4f", a.mse), formatted("%.4f", b.mse), change(a.mse, b.mse));
  line("test MAE", formatted("%.4f", a.mae), formatted("%.4f", b.mae), change(a.mae, b.mae));
  if (prunes)
    line("  before fine-tuning", "", formatted("%.4f", report.pruned_only.mse), change(a.mse, report.pruned_only.mse));
  const auto number = [](std::size_t value) { return formatted("%.0f", static_cast<double>(value)); };
  const auto ratio = [](std::size_t x, std::size_t y) {
    return change(static_cast<double>(x), static_cast<double>(y));
  };
  line("parameters", number(a.cost.parameters), number(b.cost.parameters), ratio(a.cost.parameters, b.cost.parameters));
  line("MACs a window", number(a.cost.macs), number(b.cost.macs), ratio(a.cost.macs, b.cost.macs));
  line("latency ms, median", formatted("%.4f", a.latency.median), formatted("%.4f", b.latency.median),
       change(a.latency.median, b.latency.median));
  const auto spread = [](const Latency& l) {
    return formatted("%.4f", l.p10).append("-").append(formatted("%.4f", l.p90));
  };
  line("  p10-p90", spread(a.latency), spread(b.latency), "");
  return text;
}

/// seed, command, dense and pruned (mse, mae, parameters, macs, latency_ms {median, p10, p90}), modules (name, send, kept),
/// dead_parts, send_by_epoch. Where nothing is pruned, pruned is null.
[[nodiscard]] inline std::string to_json(const PruningReport& report) {
  using Json = nlohmann::ordered_json;
  const auto row = [](const ReportRow& r) {
    return Json{{"mse", r.mse},
                {"mae", r.mae},
                {"parameters", r.cost.parameters},
                {"macs", r.cost.macs},
                {"latency_ms",
                 {{"median", r.latency.median},
                  {"p10", r.latency.p10},
                  {"p90", r.latency.p90},
                  {"repetitions", r.latency.repetitions}}}};
  };
  Json json{{"seed", report.seed}, {"command", report.command}, {"dense", row(report.dense)}, {"pruned", nullptr}};
  if (report.prunes()) {
    json["pruned"] = row(report.pruned);
    json["pruned"]["before_fine_tuning"] = {{"mse", report.pruned_only.mse}, {"mae", report.pruned_only.mae}};
  }
  json["modules"] = Json::array();
  for (const ReportModule& module : report.modules)
    json["modules"].push_back(
        {{"name", module.name}, {"send", detail::number_or_null(module.send)}, {"kept", module.kept}});
  json["dead_parts"] = report.dead_parts;
  json["send_by_epoch"] = Json::array();
  for (const auto& scores : report.trajectory) {
    Json epoch = Json::array();
    for (const double score : scores) epoch.push_back(detail::number_or_null(score));
    json["send_by_epoch"].push_back(epoch);
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace).append("\n");
}

}  // namespace spat
