// criteria. Block influence: the change of direction that a whole block makes to its tokens.
#pragma once

#include <spat/criteria/cosine_similarity.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/step_score.hpp>

namespace spat::inline SPAT_ABI {

/// 1 - mean over rows of cos(block input, block output), over the rows of a step, then averaged
/// over steps. Needs forward passes only. All modules of a block have the same score. Source: Men
/// et al., "ShortGPT: Layers in Large Language Models are More Redundant Than You Expect", arXiv
/// 2403.03853 (2024).
template <std::floating_point Scalar>
class BlockInfluence : public StepScore {
 public:
  static constexpr const char *name = "block_influence",
                              *what = "how far the module's block turns its tokens";

  explicit BlockInfluence(const CriterionOptions& options = {}) : StepScore(options) {}

  void hear(const BlockEvent<Scalar>& event) {
    for (std::size_t r = 0; r < event.input.rows(); ++r) {
      const Scalar *const x = event.input.row(r), *const y = event.output.row(r);
      const auto before = [x](std::size_t i) { return static_cast<double>(x[i]); };
      const auto after = [y](std::size_t i) { return static_cast<double>(y[i]); };
      add(1 - cosine_similarity(event.input.cols(), before, after));
    }
  }
};

}  // namespace spat
