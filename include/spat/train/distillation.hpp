// train. The target of distillation: what was observed and what a teacher forecasts, mixed.
#pragma once

#include <spat/data/window_batch.hpp>
#include <spat/train/training_hooks.hpp>

namespace spat::inline SPAT_ABI {

/// Makes the targets of a training with a teacher. They live until the next call.
template <class Scalar>
class Distillation {
 public:
  using Teacher = typename TrainingHooks<Scalar>::Teacher;

  /// The batch with (1 - w) target + w teacher as its target. Throws ConfigError if there is no
  /// teacher, and ShapeError if its forecast has another shape than the target.
  [[nodiscard]] WindowBatch<Scalar> mixed(const WindowBatch<Scalar>& batch, const Teacher& teacher,
                                          double weight) {
    if (!teacher) throw ConfigError("distillation needs a teacher: call set_teacher()");
    const Rows<const Scalar> forecast = teacher(batch);
    if (forecast.rows() != batch.target.rows() || forecast.cols() != batch.target.cols())
      throw ShapeError("the teacher's forecast has another shape than the target");
    mixed_.resize(batch.target.size());
    const auto w = static_cast<Scalar>(weight);
    for (std::size_t i = 0; i < mixed_.size(); ++i) {
      const Scalar target = batch.target.data()[i];
      mixed_[i] = multiply_add(w, forecast.data()[i] - target, target);
    }
    WindowBatch<Scalar> result = batch;
    result.target = {mixed_.data(), batch.target.rows(), batch.target.cols()};
    return result;
  }

 private:
  AlignedBuffer<Scalar> mixed_;
};

}  // namespace spat
