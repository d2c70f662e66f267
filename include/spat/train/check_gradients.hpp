// train. A model's gradients against central differences.
#pragma once

#include <spat/autograd/gradient_check.hpp>
#include <spat/train/training_step.hpp>

#include <string>

namespace spat::inline SPAT_ABI {

/// The tensor whose gradient differs most from central differences, and by how much, relative to
/// its largest gradient (or to 1e-4 of the model's largest, if that is more): see gradient_error().
struct GradientCheck {
  double error = 0;
  std::string tensor = {};
};

/// Checks every gradient of a model with a training step of this batch, dropout and batch
/// statistics included. The weight gradients are computed where a training computes them, after the
/// whole of backward_input: an input or output gradient that was overwritten meanwhile is found.
/// `stride` > 1 checks every stride-th number. The model is unchanged afterwards.
///
/// A correct model has errors below about 1e-6. Throws the errors of a training step.
template <Forecaster Model>
[[nodiscard]] GradientCheck check_gradients(Model& model, const WindowBatch<double>& batch,
                                            std::size_t stride = 1) {
  static_assert(std::same_as<typename Model::Value, double>,
                "spat: gradients are checked in double: rounding hides errors of float");
  Model gradients = zeros_like(model), scratch = gradients;
  TrainingStep<Model> step;
  NoObserver nobody;
  const Pass pass{.seed = 1, .step = 1};
  (void)step(model, pass, batch, gradients, nobody);
  const auto loss = [&] { return step(model, pass, batch, scratch, nobody); };
  const auto values = parameters(model), found = parameters(gradients);
  double floor = 0;
  for (const auto& tensor : found)
    for (const double slope : tensor.values) floor = std::max(floor, 1e-4 * std::abs(slope));
  GradientCheck worst;
  for (std::size_t p = 0; p < values.size(); ++p) {
    if (values[p].kind != ParameterKind::weight) continue;
    const double error =
        gradient_error(values[p].values, found[p].values, loss, stride, 1e-5, floor);
    if (!(error <= worst.error)) worst = {error, values[p].name};
  }
  return worst;
}

}  // namespace spat
