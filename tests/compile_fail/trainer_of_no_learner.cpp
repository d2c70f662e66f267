// A Trainer takes a model that learns; one that only forecasts does not.
#include <spat/train/trainer.hpp>

#include "zero_model.hpp"

#ifdef SPAT_SHOULD_FAIL
using Model = Zero;
#else
using Model = LearningZero;
#endif

void train(Model& model, const spat::WindowDataset<float>& windows) {
  spat::Trainer trainer(model, spat::TrainingOptions{});
  trainer.fit(windows, windows);
}
