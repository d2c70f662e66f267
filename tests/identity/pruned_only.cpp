// A static model whose attention is all pruned (KEPT=0): its object must not contain attention.
// With -DKEPT=1 it must.
#include <spat/models/itransformer.hpp>
#include <spat/train/optimizer.hpp>

using namespace spat;

#ifndef KEPT
#define KEPT 0
#endif
using Model = ITransformer<float, Static<ITransformerConfig{.channels = 5,
                                                            .lookback = 12,
                                                            .horizon = 6,
                                                            .width = 16,
                                                            .ffn_width = 16,
                                                            .heads = 2,
                                                            .depth = 3,
                                                            .kept = ModuleMask{KEPT}}>>;

Rows<const float> forecast(const Model& model, Model::Cache& cache,
                           const WindowBatch<float>& batch) {
  model.prepare(cache, Purpose::inference, batch.samples, batch.channels());
  return model.forward(Pass{}, batch, cache);
}

void learn(Model& model, Model::Cache& cache, const WindowBatch<float>& batch, Model& gradients,
           Optimizer<float>& adam) {
  const Pass pass{.training = true};
  model.prepare(cache, Purpose::training, batch.samples, batch.channels());
  model.backward_input(pass, model.forward(pass, batch, cache), cache);
  Share all;
  model.backward_weights(pass, cache, gradients, all);
  adam.step(parameters(model), parameters(gradients), 1e-3);
}
