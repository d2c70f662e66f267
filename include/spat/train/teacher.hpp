// train. A model as the teacher of another one: distillation.
#pragma once

#include <spat/models/predictor.hpp>
#include <spat/train/trainer.hpp>

#include <memory>

namespace spat::inline SPAT_ABI {

/// Returns a teacher for Trainer::set_teacher() that answers with the model's forecasts. The team
/// must outlive it.
template <Forecaster Model>
[[nodiscard]] typename Trainer<Model>::Teacher teacher_of(Model model, Team* team = nullptr) {
  return
      [predictor = std::make_shared<Predictor<Model>>(std::move(model), team)](
          const WindowBatch<typename Model::Value>& batch) { return predictor->forecast(batch); };
}

}  // namespace spat
