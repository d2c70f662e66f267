// report. The pruning report as JSON, for programs.
#pragma once

#include <spat/io/json_text.hpp>
#include <spat/report/pruning_report.hpp>

#include <string>
#include <vector>

namespace spat::inline SPAT_ABI {

namespace detail {

/// An array of objects under a name, one per element; write(element) writes the members of one.
template <class Elements, class Write>
void write_objects(JsonWriter& json, const char* name, const Elements& elements, Write&& write) {
  json.member(name, [&] {
    json.array([&] {
      for (const auto& element : elements) json.object([&] { write(element); });
    });
  });
}

inline void write_errors(JsonWriter& json, const char* name, double mse, double mae) {
  json.member(name, [&] {
    json.object([&] {
      json.member("mse", mse);
      json.member("mae", mae);
    });
  });
}

inline void write_row(JsonWriter& json, const ReportRow& r) {
  json.member("mse", r.mse);
  json.member("mae", r.mae);
  json.member("parameters", r.cost.parameters);
  json.member("macs", r.cost.macs);
  json.member("latency_ms", [&] {
    json.object([&] {
      json.member("median", r.latency.median);
      json.member("p10", r.latency.p10);
      json.member("p90", r.latency.p90);
      json.member("repetitions", r.latency.repetitions);
    });
  });
}

/// What was run, and the errors and costs of the models.
inline void write_models(JsonWriter& json, const PruningReport& report) {
  json.member("seed", report.seed);
  json.member("command", report.command);
  json.member("run", report.run);
  json.member("model", report.model);
  json.member("data", report.data);
  json.member("criterion", report.criterion);
  json.member("budget", report.budget);
  json.member("schedule", report.schedule);
  json.member("scaler", report.scaler);
  json.member("filled_share", report.filled_share);
  json.member("naive", [&] {
    if (!report.naive) return json.null();
    json.object([&] {
      json.member("season", report.naive->season);
      json.member("mse", report.naive->mse);
      json.member("mae", report.naive->mae);
    });
  });
  json.member("dense", [&] { json.object([&] { write_row(json, report.dense); }); });
  json.member("dense_tuned", [&] {
    if (!report.dense_tuned) return json.null();
    json.object([&] { write_row(json, *report.dense_tuned); });
  });
  json.member("pruned", [&] {
    if (!report.prunes()) return json.null();
    json.object([&] {
      write_row(json, report.pruned);
      if (report.pruned_only)
        write_errors(json, "before_fine_tuning", report.pruned_only->mse, report.pruned_only->mae);
      else
        json.member("before_fine_tuning", [&] { json.null(); });
    });
  });
  json.member("reference", [&] {
    const ReportReference& reference = report.reference;
    if (!report.prunes() || reference.model == DenseModel::none) return json.null();
    json.object([&] {
      json.member("model", reference.model == DenseModel::fine_tuned ? "dense_tuned" : "dense");
      json.member("validation_loss_dense", reference.trained_loss);
      json.member("validation_loss_dense_tuned", reference.tuned_loss);
      json.member("fine_tuning_epochs_dense_tuned", reference.tuned_epochs);
      json.member("fine_tuning_epochs_pruned", reference.pruned_epochs);
    });
  });
}

/// The modules with their scores, and how the scores came about.
inline void write_modules(JsonWriter& json, const PruningReport& report) {
  write_objects(json, "modules", report.modules, [&](const ReportModule& m) {
    json.member("name", m.name);
    json.member("score", m.score);
    json.member("error", m.error);
    json.member("kept", m.kept);
    json.member("removed", m.removed());
  });
  write_objects(json, "ties", report.ties, [&](const ReportTie& tie) {
    json.member("modules", std::vector<std::size_t>{tie.first, tie.second});
    json.member("probability", tie.probability);
  });
  write_objects(json, "out_of_order", report.out_of_order, [&](const OutOfOrder& pair) {
    json.member("removed", pair.removed);
    json.member("stayed", pair.stayed);
    json.member("reason", pair.guarded ? "guard" : "tie");
  });
  json.member("scores_after_epoch", report.scores_epoch);
  json.member("weights_of_epoch", report.weights_epoch);
  json.member("dead_parts", report.dead_parts);
  json.member("score_by_epoch", report.trajectory);
  json.member("error_by_epoch", report.trajectory_errors);
  json.member("stability", report.stability);
}

}  // namespace detail

/// The report as JSON: seed, command, run (the hash of its description), model, data, criterion,
/// budget, schedule, scaler, filled_share, naive (season, mse, mae; null: not measured); dense,
/// dense_tuned and pruned (mse, mae, parameters, macs, latency_ms {median, p10, p90, repetitions},
/// of pruned also before_fine_tuning); reference (model: "dense" or "dense_tuned", the validation
/// losses that decided, and epochs of fine-tuning); modules (name, score, error, kept, removed: by
/// this pruning), ties, out_of_order (removed, stayed, reason: "tie" or "guard"),
/// scores_after_epoch and weights_of_epoch (0: unknown), dead_parts, score_by_epoch,
/// error_by_epoch, stability; epochs, candidates (mask as digits, module 0 first), forecasts,
/// error_by_step, processor_seconds, zero_shot. What the last four call "reference" is of the model
/// that reference names.
///
/// pruned and reference are null if nothing is pruned, reference also if no dense model was
/// trained, dense_tuned and before_fine_tuning if there is none, and so is each number that is not
/// finite.
[[nodiscard]] inline std::string to_json(const PruningReport& report) {
  detail::JsonWriter json;
  json.object([&] {
    detail::write_models(json, report);
    detail::write_modules(json, report);
    detail::write_objects(json, "epochs", report.epochs, [&](const ReportEpoch& e) {
      json.member("epoch", e.record.epoch);
      json.member("training_loss", e.record.training_loss);
      json.member("validation_mse", e.record.validation_mse);
      json.member("fine_tuning", e.fine_tuning);
      json.member("dropped", e.dropped);
    });
    detail::write_objects(json, "candidates", report.candidates, [&](const ReportCandidate& c) {
      json.member("mask", to_string(c.candidate.mask, report.mask_digits()));
      json.member("loss", c.candidate.loss);
      json.member("latency_ms", c.candidate.latency);
      json.member("on_front", c.candidate.on_front);
      json.member("chosen", c.chosen);
    });
    detail::write_objects(json, "forecasts", report.forecasts, [&](const ReportForecast& f) {
      json.member("channel", f.channel);
      json.member("history", f.history);
      json.member("truth", f.truth);
      json.member("reference", f.reference);
      json.member("pruned", f.pruned);
    });
    json.member("error_by_step", [&] {
      json.object([&] {
        json.member("reference", report.error_by_step.reference);
        json.member("pruned", report.error_by_step.pruned);
      });
    });
    if (report.processor_seconds > 0) json.member("processor_seconds", report.processor_seconds);
    detail::write_objects(json, "zero_shot", report.zero_shot, [&](const ReportZeroShot& z) {
      json.member("name", z.name);
      detail::write_errors(json, "reference", z.reference_mse, z.reference_mae);
      detail::write_errors(json, "pruned", z.pruned_mse, z.pruned_mae);
    });
  });
  return json.text();
}

}  // namespace spat
