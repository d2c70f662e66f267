// report. A budget in a few words.
#pragma once

#include <spat/core/text.hpp>
#include <spat/prune/budget.hpp>

#include <string>

namespace spat::inline SPAT_ABI {

/// Returns what a report says of a budget: "lowest 2", "MACs -35.0 %", "latency <= 1.5 ms".
[[nodiscard]] inline std::string to_text(const Budget& budget) {
  struct Words {
    std::string operator()(DropLowest b) const { return message("lowest ", b.count); }
    std::string operator()(DropRatio b) const { return message("modules ", percent(-b.ratio)); }
    std::string operator()(DropBelow b) const { return message("scores below ", b.threshold); }
    std::string operator()(ReduceMacs b) const { return message("MACs ", percent(-b.by)); }
    std::string operator()(ReduceParameters b) const {
      return message("parameters ", percent(-b.by));
    }
    std::string operator()(LatencyAtMost b) const {
      return message("latency <= ", b.milliseconds, " ms");
    }
    std::string operator()(LossAtMost b) const {
      return message("validation loss <= ", percent(b.increase));
    }
  };
  return std::visit(Words(), budget);
}

}  // namespace spat
