// report. What a report says of scores in words: ties, removals out of order, and the epochs of
// scores and weights.
#pragma once

#include <spat/core/text.hpp>
#include <spat/report/pruning_report.hpp>

#include <string>

namespace spat::inline SPAT_ABI::detail {

/// "modules 1 and 2 cannot be told apart: as ranked with probability 0.61".
[[nodiscard]] inline std::string tie_text(const ReportTie& tie) {
  std::string text = message("modules ", tie.first, " and ", tie.second, " cannot be told apart");
  if (std::isfinite(tie.probability))
    text.append(": as ranked with probability ").append(fixed(tie.probability, 2));
  return text;
}
/// "module 2 was removed in place of module 1, whose score is lower: ...", and why.
[[nodiscard]] inline std::string out_of_order_text(const OutOfOrder& pair) {
  return message("module ", pair.removed, " was removed in place of module ", pair.stayed,
                 ", whose score is lower: ",
                 pair.guarded ? "one of its kind has to stay, and it is the last one"
                              : "the two lie within the standard error of the lower score, so they "
                                "cannot be told apart, and the deeper one goes");
}
/// "scores are those after epoch 7, ..."; empty if the epochs are unknown.
[[nodiscard]] inline std::string epochs_text(const PruningReport& report) {
  if (report.scores_epoch == 0 || report.weights_epoch == 0) return {};
  return message("scores are those after epoch ", report.scores_epoch,
                 " of the training, weights those of epoch ", report.weights_epoch,
                 ", the best one");
}
/// The sentence, in ASCII, with a capital letter and a full stop.
[[nodiscard]] inline std::string as_sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text.append(".");
}

}  // namespace spat::inline SPAT_ABI::detail
