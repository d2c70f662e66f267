// report. What a report says of its reference in words, and of what happened to a module.
#pragma once

#include <spat/report/pruning_report.hpp>

#include <string>

namespace spat::inline SPAT_ABI::detail {

/// The name of the reference in tables and charts: "dense, as trained" or "dense, fine-tuned".
[[nodiscard]] inline std::string reference_name(const PruningReport& report) {
  switch (report.reference.model) {
    case DenseModel::none:
      break;
    case DenseModel::as_trained:
      return "dense, as trained";
    case DenseModel::fine_tuned:
      return "dense, fine-tuned";
  }
  return "none";
}

/// "epochs" of a number: "1 epoch", "6 epochs".
[[nodiscard]] inline std::string epochs_of(std::size_t count) {
  return message(count, count == 1 ? " epoch" : " epochs");
}

/// Which dense model the reference is, and why, without a full stop. Empty if nothing was removed.
[[nodiscard]] inline std::string reference_text(const PruningReport& report) {
  const ReportReference& found = report.reference;
  if (!report.prunes()) return {};
  if (found.model == DenseModel::none)
    return "reference: none, because modules were removed during the training and no dense model "
           "was trained; a training without removals has as many epochs in total and can be "
           "compared with";
  std::string text = message("reference: ", reference_name(report));
  if (!report.dense_tuned)
    return text.append(", because the pruned model was not fine-tuned either");
  const std::string losses =
      message(fixed(found.trained_loss, 4), " as trained, ", fixed(found.tuned_loss, 4), " after ",
              epochs_of(found.tuned_epochs), " of fine-tuning");
  return text.append(message(" (validation loss ", losses, "; the pruned model had ",
                             epochs_of(found.pruned_epochs), ")"));
}

/// What happened to a module. "removed earlier": the model lacked it before this pruning.
[[nodiscard]] inline const char* fate(const ReportModule& module) {
  if (module.kept) return "kept";
  return module.removed() ? "removed" : "removed earlier";
}

}  // namespace spat::inline SPAT_ABI::detail
