// criteria. Depth as a criterion: controls that depend only on a module's number.
#pragma once

#include <spat/criteria/module_score.hpp>

namespace spat::inline SPAT_ABI {

/// Scores module n of N with n: the shallowest modules are removed first.
template <std::floating_point Scalar>
class DropFirst : public ModuleScore {
 public:
  static constexpr const char *name = "drop_first", *what = "control: the shallowest go first";
  using ModuleScore::ModuleScore;

  void hear(const ModuleEvent<Scalar>& event) { score_ = static_cast<double>(event.module); }
};

/// Scores module n of N with N - 1 - n: the deepest modules are removed first.
template <std::floating_point Scalar>
class DropLast : public ModuleScore {
 public:
  static constexpr const char *name = "drop_last", *what = "control: the deepest go first";
  using ModuleScore::ModuleScore;

  void hear(const ModuleEvent<Scalar>& event) {
    score_ = static_cast<double>(event.modules) - 1 - static_cast<double>(event.module);
  }
};

/// Scores module n of N with N - 1 - n, plus N if n is even. Modules 1, 3, 5, ... are removed
/// first, then 0, 2, 4, ..., each group from the deepest. Source: the strategy of Fan, Grave,
/// Joulin, "Reducing Transformer Depth on Demand with Structured Dropout", 2020.
template <std::floating_point Scalar>
class DropEveryOther : public ModuleScore {
 public:
  static constexpr const char *name = "drop_every_other",
                              *what = "control: every second goes first";
  using ModuleScore::ModuleScore;

  void hear(const ModuleEvent<Scalar>& event) {
    const double modules = static_cast<double>(event.modules),
                 later = event.module % 2 == 0 ? modules : 0;
    score_ = later + modules - 1 - static_cast<double>(event.module);
  }
};

}  // namespace spat
