// A Predictor takes a type that forecasts.
#include <spat/models/predictor.hpp>

#include "zero_model.hpp"

struct Sizes {
  using Value = float;
};
#ifdef SPAT_SHOULD_FAIL
using Model = Sizes;
#else
using Model = Zero;
#endif

auto forecast(const Model& model, const spat::WindowBatch<float>& batch) {
  spat::Predictor predictor(model);
  return predictor.forecast(batch).rows();
}
