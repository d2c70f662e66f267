// criteria. The change of direction that attention makes to its tokens.
#pragma once

#include <spat/criteria/cosine_similarity.hpp>
#include <spat/criteria/criterion.hpp>
#include <spat/criteria/step_score.hpp>

namespace spat::inline SPAT_ABI {

/// 1 - mean over tokens of cos(x, x + Attn(x)), over the tokens of a step, then averaged over
/// steps; x are the query tokens, also in cross-attention. Needs forward passes only. Source: He et
/// al., "What Matters in Transformers? Not All Attention is Needed" (LLM-Drop), arXiv 2406.15786
/// (2024).
template <std::floating_point Scalar>
class Cosine : public StepScore {
 public:
  static constexpr const char *name = "cosine", *what = "how far attention turns its tokens";

  explicit Cosine(const CriterionOptions& options = {}) : StepScore(options) {}

  void hear(const ForwardEvent<Scalar>& event) {
    for (std::size_t r = 0; r < event.input.rows(); ++r) {
      const Scalar *const x = event.input.row(r), *const branch = event.output.row(r);
      const auto before = [x](std::size_t i) { return static_cast<double>(x[i]); };
      const auto after = [x, branch](std::size_t i) {
        return static_cast<double>(x[i]) + static_cast<double>(branch[i]);
      };
      add(1 - cosine_similarity(event.input.cols(), before, after));
    }
  }
};

}  // namespace spat
