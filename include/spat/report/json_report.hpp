// report. The pruning report as JSON, for programs.
#pragma once

#include <spat/report/pruning_report.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

using Json = nlohmann::ordered_json;

/// A number, or null if it is not finite: JSON has no form for it.
[[nodiscard]] inline Json number_or_null(double value) {
  return std::isfinite(value) ? Json(value) : Json();
}
[[nodiscard]] inline Json numbers_or_null(const std::vector<double>& values) {
  Json list = Json::array();
  for (const double value : values) list.push_back(number_or_null(value));
  return list;
}
/// One object per element, made by to_object(element).
template <class Elements, class ToObject>
[[nodiscard]] Json objects(const Elements& elements, const ToObject& to_object) {
  Json list = Json::array();
  for (const auto& element : elements) list.push_back(to_object(element));
  return list;
}

[[nodiscard]] inline Json row_json(const ReportRow& r) {
  return {{"mse", number_or_null(r.mse)},
          {"mae", number_or_null(r.mae)},
          {"parameters", r.cost.parameters},
          {"macs", r.cost.macs},
          {"latency_ms",
           {{"median", number_or_null(r.latency.median)},
            {"p10", number_or_null(r.latency.p10)},
            {"p90", number_or_null(r.latency.p90)},
            {"repetitions", r.latency.repetitions}}}};
}

}  // namespace detail

/// The report as JSON: seed, command, model, data, criterion, budget, schedule; dense, dense_tuned
/// and pruned (mse, mae, parameters, macs, latency_ms {median, p10, p90, repetitions}); modules
/// (name, score, error, kept), ties, dead_parts, score_by_epoch, error_by_epoch, stability; epochs,
/// candidates (mask as digits, module 0 first), forecasts, error_by_step, processor_seconds,
/// zero_shot.
///
/// pruned is null if nothing is pruned, dense_tuned if there is none, and so is each number that is
/// not finite.
[[nodiscard]] inline std::string to_json(const PruningReport& report) {
  using detail::Json, detail::number_or_null, detail::numbers_or_null, detail::objects;
  Json json{{"seed", report.seed},           {"command", report.command},
            {"model", report.model},         {"data", report.data},
            {"criterion", report.criterion}, {"budget", report.budget},
            {"schedule", report.schedule},   {"dense", detail::row_json(report.dense)},
            {"dense_tuned", nullptr},        {"pruned", nullptr}};
  if (report.dense_tuned) json["dense_tuned"] = detail::row_json(*report.dense_tuned);
  if (report.prunes()) {
    json["pruned"] = detail::row_json(report.pruned);
    json["pruned"]["before_fine_tuning"] = {{"mse", number_or_null(report.pruned_only.mse)},
                                            {"mae", number_or_null(report.pruned_only.mae)}};
  }
  json["modules"] = objects(report.modules, [](const ReportModule& m) -> Json {
    return {{"name", m.name},
            {"score", number_or_null(m.score)},
            {"error", number_or_null(m.error)},
            {"kept", m.kept}};
  });
  json["ties"] = objects(report.ties, [](const ReportTie& tie) -> Json {
    return {{"modules", {tie.first, tie.second}}, {"probability", number_or_null(tie.probability)}};
  });
  json["dead_parts"] = report.dead_parts;
  json["score_by_epoch"] = objects(report.trajectory, numbers_or_null);
  json["error_by_epoch"] = objects(report.trajectory_errors, numbers_or_null);
  json["stability"] = numbers_or_null(report.stability);
  json["epochs"] = objects(report.epochs, [](const ReportEpoch& e) -> Json {
    return {{"epoch", e.record.epoch},
            {"training_loss", number_or_null(e.record.training_loss)},
            {"validation_mse", number_or_null(e.record.validation_mse)},
            {"fine_tuning", e.fine_tuning},
            {"dropped", e.dropped}};
  });
  json["candidates"] = objects(report.candidates, [&](const ReportCandidate& c) -> Json {
    return {{"mask", to_string(c.candidate.mask, report.mask_digits())},
            {"loss", number_or_null(c.candidate.loss)},
            {"latency_ms", number_or_null(c.candidate.latency)},
            {"on_front", c.candidate.on_front},
            {"chosen", c.chosen}};
  });
  json["forecasts"] = objects(report.forecasts, [](const ReportForecast& f) -> Json {
    return {{"channel", f.channel},
            {"history", numbers_or_null(f.history)},
            {"truth", numbers_or_null(f.truth)},
            {"dense", numbers_or_null(f.dense)},
            {"pruned", numbers_or_null(f.pruned)}};
  });
  json["error_by_step"] = {{"dense", numbers_or_null(report.error_by_step.dense)},
                           {"pruned", numbers_or_null(report.error_by_step.pruned)}};
  if (report.processor_seconds > 0) json["processor_seconds"] = report.processor_seconds;
  json["zero_shot"] = objects(report.zero_shot, [](const ReportZeroShot& z) -> Json {
    return {
        {"name", z.name},
        {"dense", {{"mse", number_or_null(z.dense_mse)}, {"mae", number_or_null(z.dense_mae)}}},
        {"pruned", {{"mse", number_or_null(z.pruned_mse)}, {"mae", number_or_null(z.pruned_mae)}}}};
  });
  return json.dump(2, ' ', false, Json::error_handler_t::replace).append("\n");
}

}  // namespace spat
